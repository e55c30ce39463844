# SPDX-License-Identifier: Apache-2.0
"""What is counted as input and output is what strace sees the same program do."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import ROOT, output_of

HOST = Path(__file__).with_name("io_host.c")

READS = "read|readv|pread64|preadv|preadv2|recvfrom|recvmsg"
WRITES = "write|writev|pwrite64|pwritev|pwritev2|sendto|sendmsg"
CALL = re.compile(rf"^(?:\d+ +)?({READS}|{WRITES}|fsync)\(.* = (-?\d+)", re.M)


@pytest.fixture(scope="module")
def host(tmp_path_factory, library):
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler is installed")
    program = tmp_path_factory.mktemp("io") / "io_host"
    flags = ["-std=c11", "-O2", "-Wall", "-Wextra", "-Werror", f"-I{ROOT / 'include'}"]
    libraries = [f"-L{library.parent}", "-lprognos", f"-Wl,-rpath,{library.parent}", "-pthread"]
    output_of(compiler, *flags, HOST, "-o", program, *libraries)
    return program


def test_the_kernel_saw_the_same_calls(host, tmp_path):
    strace = shutil.which("strace")
    if not strace:
        pytest.skip("strace is not installed")
    trace = tmp_path / "trace"
    done = subprocess.run(
        [strace, "-f", "-o", trace, host, tmp_path / "file"],
        # The library's own thread reads, too: not meanwhile.
        env=os.environ | {"PROGNOS_COLLECT_INTERVAL_MS": "3600000"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    if "ptrace" in done.stderr and done.returncode != 0:
        pytest.skip(f"strace may not trace here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    counted = dict(re.findall(r"(\w+)=(\d+)", done.stdout))
    # What lies between the two marks: the host asks for files that are not there.
    text = trace.read_text()
    # A call that another thread's interrupts is printed in two parts.
    text = re.sub(r"(\d+ +\w+\(.*) <unfinished \.\.\.>", r"\1", text)
    inside = text[text.index("/prognos-begin") : text.index("/prognos-end")]
    resumed = re.findall(rf"<\.\.\. ({READS}|{WRITES}|fsync) resumed>.* = (-?\d+)", inside)
    calls = CALL.findall(inside) + resumed
    reads = [int(result) for name, result in calls if re.fullmatch(READS, name)]
    writes = [int(result) for name, result in calls if re.fullmatch(WRITES, name)]
    assert len(reads) > 1000
    assert len(writes) > 1000
    assert int(counted["calls"]) == len(reads) + len(writes)
    assert int(counted["read"]) == sum(result for result in reads if result > 0)
    assert int(counted["written"]) == sum(result for result in writes if result > 0)
