# SPDX-License-Identifier: Apache-2.0
"""Loading the library changes nothing in its host."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import output_of

HOST = Path(__file__).with_name("loading_host.c")


@pytest.fixture(scope="session")
def host(tmp_path_factory):
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler is installed")
    program = tmp_path_factory.mktemp("host") / "loading_host"
    warnings = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]
    output_of(compiler, "-std=c11", *warnings, HOST, "-o", program, "-ldl", "-pthread")
    return program


@pytest.mark.parametrize(
    "behaviour",
    [
        "loads_again_after_dlclose",
        "loading_changes_no_signal_disposition",
        "loading_starts_no_thread",
        "loading_changes_no_environment",
        "loading_opens_no_file",
        "loads_and_records_on_a_thread_with_a_small_stack",
        "records_after_dlclose",
    ],
)
def test_loading(host, library, behaviour):
    output_of(host, library, behaviour)


@pytest.mark.parametrize(
    "command",
    [["/bin/true"], ["/bin/ls", "/"], ["python3", "-c", "print(1)"]],
    ids=lambda c: c[0],
)
def test_any_program_runs_with_the_library_preloaded(library, command):
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    plain = subprocess.run(command, capture_output=True, timeout=300)
    environment = {**os.environ, "LD_PRELOAD": str(library)}
    loaded = subprocess.run(command, capture_output=True, timeout=300, env=environment)
    assert (loaded.returncode, loaded.stdout) == (plain.returncode, plain.stdout)
    assert loaded.stderr == plain.stderr


def test_loading_maps_no_recording(library):
    """Nothing is allocated before the first call, the 48 MiB of a recording least of all."""
    program = """
import ctypes, sys
pages = lambda: int(open("/proc/self/statm").read().split()[0])
before = pages()
ctypes.CDLL(sys.argv[1])
print((pages() - before) * 4096)
"""
    grown = int(output_of("python3", "-c", program, library))
    assert grown < 4 << 20
