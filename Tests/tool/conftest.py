# SPDX-License-Identifier: Apache-2.0
"""The command as it ships, and processes for it to look at."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

ROOT = Path(__file__).resolve().parents[2]
LIBRARY_DIR = Path(os.environ.get("PROGNOS_LIBRARY_DIR", ROOT / "build" / "lib"))
TOOL = Path(os.environ.get("PROGNOS_TOOL", ROOT / "build" / "bin" / "prognos"))


@pytest.fixture(scope="session")
def host_program(tmp_path_factory):
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler: run scripts/setup")
    path = tmp_path_factory.mktemp("host") / "tool_host"
    subprocess.run(
        [compiler, "-O2", "-I", ROOT / "include", Path(__file__).parent / "host.c", "-o", path]
        + ["-L", LIBRARY_DIR, "-lprognos", "-pthread", f"-Wl,-rpath,{LIBRARY_DIR}"],
        check=True,
    )
    return path


@pytest.fixture
def places():
    """A directory in memory for the recordings of one test, where the tool looks for them."""
    shared = Path(f"/dev/shm/prognos-{os.geteuid()}")
    shared.mkdir(mode=0o700, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="test-", dir=shared) as recordings:
        yield Places(Path(recordings))


class Places:
    def __init__(self, recordings):
        self.recordings = recordings
        self.environment = {
            **os.environ,
            "LC_ALL": "C.UTF-8",
            "TERM": "xterm-256color",
        }
        self.environment.pop("NO_COLOR", None)

    def tool(self, *words, **options):
        """Runs the command; what it says as text."""
        return subprocess.run(
            [str(TOOL), *map(str, words)],
            capture_output=True,
            env=options.pop("env", self.environment),
            timeout=120,
            **{"encoding": "utf-8", "errors": "replace", **options},
        )

    def files(self):
        return sorted(path for path in self.recordings.rglob("*") if path.is_file())


class Host:
    """A process that records into a file."""

    def __init__(self, program, places, *arguments, directory=None, **variables):
        directory = directory or places.recordings
        self.process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**places.environment, "PROGNOS_RECORDING": str(directory), **variables},
        )
        assert self.process.stdout.readline() == b"ready\n"

    @property
    def pid(self):
        return self.process.pid

    def end(self):
        if self.process.poll() is None:
            self.process.stdin.close()
        return self.process.wait(60)

    def kill(self, number):
        self.process.send_signal(number)
        return self.process.wait(60)


@pytest.fixture
def host(host_program, places):
    hosts = []

    def start(*arguments, **variables):
        hosts.append(Host(host_program, places, *arguments, **variables))
        return hosts[-1]

    yield start
    for one in hosts:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(60)
        one.process.stdin.close()
        one.process.stdout.close()
