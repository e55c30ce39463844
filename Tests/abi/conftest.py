# SPDX-License-Identifier: Apache-2.0
"""The library that ships, found in build/lib or where PROGNOS_LIBRARY_DIR says."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY_DIR = Path(os.environ.get("PROGNOS_LIBRARY_DIR", ROOT / "build" / "lib"))


def output_of(*command, **options):
    """What a command prints; its failure is the test's."""
    done = subprocess.run(
        [str(word) for word in command],
        capture_output=True,
        text=True,
        timeout=300,
        **options,
    )
    assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
    return done.stdout


def compiled(source, folder):
    """A host of one C file, linked with the library, in a folder."""
    program = folder / "host"
    command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    command += [ROOT / source, "-o", program, f"-I{ROOT / 'include'}"]
    command += [f"-L{LIBRARY_DIR}", "-lprognos", f"-Wl,-rpath,{LIBRARY_DIR}"]
    subprocess.run(command, check=True)
    return program


@pytest.fixture(scope="session")
def library():
    path = LIBRARY_DIR / "libprognos.so"
    assert path.exists(), f"{path} is not built: make build"
    return path


@pytest.fixture(scope="session")
def debug_file():
    found = sorted(LIBRARY_DIR.glob("libprognos.so.*.debug"))
    assert len(found) == 1, f"one file with symbols is expected in {LIBRARY_DIR}: {found}"
    return found[0]


@pytest.fixture(scope="session")
def headers():
    include = ROOT / "include"
    return [include / "prognos.h", *sorted((include / "prognos").glob("*.h"))]
