# SPDX-License-Identifier: Apache-2.0
"""prognos run: any program, its streams, signals and status its own, and a report at the end."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import TOOL


def left_behind():
    """Directories of runs that are in memory now."""
    shared = f"/dev/shm/prognos-{os.geteuid()}"
    return set(os.listdir(shared)) if os.path.isdir(shared) else set()


def test_a_program_that_knows_nothing_is_run_and_reported(places):
    done = places.tool("run", "--", "ls", "/")
    plain = subprocess.run(["ls", "/"], capture_output=True, text=True, env=places.environment)
    assert done.returncode == 0
    assert done.stdout == plain.stdout
    assert re.search(r"prognos \d+\.\d+\.\d+ · ls \(pid \d+\)", done.stderr)


def test_the_mark_that_options_have_ended_may_be_left_out(places):
    done = places.tool("run", "--report", "none", "echo", "--report", "x")
    assert (done.returncode, done.stdout, done.stderr) == (0, "--report x\n", "")


def test_operations_of_a_host_that_wraps_them_are_in_the_report(places, host_program):
    done = places.tool(
        "run",
        "--report",
        "json",
        "--report-file",
        "-",
        "--",
        host_program,
        stdin=subprocess.DEVNULL,
    )
    assert done.returncode == 3
    profile = json.loads(done.stdout.removeprefix("ready\n"))
    named = {operation["name"]: operation for operation in profile["operations"]}
    assert named["request"]["count"] >= 20
    assert named["parse"]["failed"] > 0
    assert named["serve"]["count"] == 1


def test_a_python_program_and_a_pipeline_of_a_shell(places):
    script = "x = [bytes(1000) for _ in range(50000)]; print(len(x))"
    done = places.tool("run", "--", sys.executable, "-c", script)
    assert (done.returncode, done.stdout) == (0, "50000\n")
    assert re.search(r"^BY MEMORY", done.stderr, re.M)
    done = places.tool("run", "--", "sh", "-c", "seq 1000 | sort -rn | head -1")
    assert (done.returncode, done.stdout) == (0, "1000\n")
    assert re.search(r"and \d+ more processes:", done.stderr)
    assert re.search(r"\d+ +sort ", done.stderr)


def test_what_the_program_says_and_reads_is_not_touched(places):
    done = places.tool("run", "--report", "none", "--", "cat", input="a\0b\nc")
    assert (done.stdout, done.stderr) == ("a\0b\nc", "")


@pytest.mark.parametrize("status", [0, 1, 7, 125, 255])
def test_the_status_is_the_programs(places, status):
    done = places.tool("run", "--report", "none", "--", "sh", "-c", f"exit {status}")
    assert done.returncode == status


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM])
def test_a_program_that_a_signal_ends_is_told_and_reported(places, number):
    done = places.tool("run", "--", "sh", "-c", f"kill -{int(number)} $$")
    assert done.returncode == 128 + number
    assert f"was ended by signal {int(number)}" in done.stderr
    assert re.search(r"prognos \d+\.\d+\.\d+ · sh ", done.stderr)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_are_passed_on(places, number):
    script = f"trap 'echo got; exit 9' {int(number)}; echo up; while :; do sleep 0.05; done"
    command = [TOOL, "run", "--report", "none", "--", "sh", "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=places.environment) as run:
        assert run.stdout.readline() == b"up\n"
        run.send_signal(number)
        assert run.stdout.read() == b"got\n"
        assert run.wait(60) == 9


def test_a_signal_that_was_ignored_stays_ignored(places):
    script = "trap '' HUP; exec \"$@\""
    done = subprocess.run(
        ["sh", "-c", script, "sh", TOOL, "run", "--report", "none", "--", "sh", "-c"]
        + ["kill -HUP $$; echo lives"],
        capture_output=True,
        text=True,
        env=places.environment,
    )
    assert (done.returncode, done.stdout) == (0, "lives\n")


def test_programs_that_cannot_run(places, tmp_path):
    assert places.tool("run", "--", "no-such-program-at-all").returncode == 127
    plain = tmp_path / "plain"
    plain.write_text("no program")
    done = places.tool("run", "--", plain)
    assert done.returncode == 126
    assert (
        done.stderr == f"prognos: cannot execute {plain}: it is no file with execute permission\n"
    )


def test_scripts_run_as_execvp_runs_them(places, tmp_path):
    script = tmp_path / "script"
    script.write_text("echo script $1\nexit 5\n")
    script.chmod(0o755)
    done = places.tool("run", "--report", "none", "--", script, "word")
    assert (done.returncode, done.stdout) == (5, "script word\n")
    script.write_text("#!/no/such/interpreter\n")
    done = places.tool("run", "--", script)
    assert done.returncode == 127
    assert done.stderr.endswith(f"{script}: the interpreter that it names is not there\n")


def test_wrong_arguments(places):
    for words, said in [
        (["run"], "Say which program to run"),
        (["run", "--sample-hz", "0", "--", "ls"], "--sample-hz is 0; expected 1 to 10000"),
        (["run", "--track", "cpu,colour", "--", "ls"], '--track has "colour"'),
        (["run", "--no-such-option", "--", "ls"], "Unknown option '--no-such-option'"),
        (["no-such-command"], ""),
    ]:
        done = places.tool(*words)
        assert done.returncode == 64, words
        assert said in done.stderr
        assert done.stdout == ""


def test_a_static_program_is_refused_with_the_reason(places, tmp_path):
    source = tmp_path / "static.c"
    source.write_text("int main(void) { return 0; }\n")
    built = subprocess.run(
        [shutil.which("gcc") or "cc", "-static", source, "-o", tmp_path / "static"],
        capture_output=True,
    )
    if built.returncode != 0:
        pytest.skip("no static C library to link with")
    done = places.tool("run", "--", tmp_path / "static")
    assert done.returncode == 126
    assert "is statically linked" in done.stderr


def test_a_crash_is_told_where_it_was(places, host_program):
    where = (
        r"died of SIGSEGV \(address not mapped\) at 0x10 in tool_host > serve > write to nowhere, "
        r"thread \d+ \(tool_host\)"
    )
    crash = ["--", host_program, "crash"]
    done = places.tool("run", "--crash-notes", *crash, input="x")
    assert done.returncode == 128 + signal.SIGSEGV
    assert "was ended by signal 11, Segmentation fault" in done.stderr
    assert re.search(rf"^{where}:\n   #0 crash\b", done.stderr, re.M)
    done = places.tool("run", "--crash-notes", "--report", "none", *crash, input="x")
    assert re.search(rf"^prognos: \S+tool_host {where}$", done.stderr, re.M)
    done = places.tool("run", "--report", "none", *crash, input="x")
    assert "SIGSEGV" not in done.stderr


@pytest.mark.parametrize("follows", [True, False])
def test_forked_children_are_recorded_unless_they_are_not_to_be(
    places, host_program, tmp_path, follows
):
    done = places.tool(
        "run", *([] if follows else ["--no-fork-children"]), "--output", tmp_path / "recordings",
        "--", host_program, "fork", stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert done.returncode == 3
    texts = [places.tool("report", path).stdout for path in (tmp_path / "recordings").iterdir()]
    assert sum("in the child" in text for text in texts) == (1 if follows else 0)
    assert sum("request" in text for text in texts) == 1
    assert ("and 1 more process:" in done.stderr) == follows


def test_the_timeline_of_a_program(places, host_program):
    done = places.tool(
        "run", "--report", "chrome-trace", "--report-file", "-", "--", host_program,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    events = json.loads(done.stdout.removeprefix("ready\n"))["traceEvents"]
    assert any(event["name"] == "request" and event["ph"] == "X" for event in events)


def test_options_reach_the_program(places):
    done = places.tool(
        "run", "--track", "cpu,memory", "--timeline", "--sample-hz", "250", "--memory-limit", "8M",
        "--heap-sample-bytes", "64K", "--stack-depth", "12", "--report", "none", "--", "env",
    )  # fmt: skip
    said = dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)
    assert said["PROGNOS_TRACK"] == "cpu,memory,timeline"
    assert said["PROGNOS_SAMPLE_HZ"] == "250"
    assert said["PROGNOS_MEMORY_LIMIT_BYTES"] == str(8 << 20)
    assert said["PROGNOS_HEAP_SAMPLE_BYTES"] == str(64 << 10)
    assert said["PROGNOS_STACK_DEPTH"] == "12"


def test_what_is_preloaded_already_stays(places):
    libc = "libc.so.6"
    done = places.tool(
        "run", "--report", "none", "--", "env", env={**places.environment, "LD_PRELOAD": libc}
    )
    preloaded = re.search(r"^LD_PRELOAD=(.*)$", done.stdout, re.M).group(1)
    assert preloaded.endswith(f"libprognos_preload.so:{libc}")


def test_recordings_go_unless_they_are_to_stay(places, tmp_path):
    before = left_behind()
    places.tool("run", "--", "true")
    assert left_behind() <= before
    kept = tmp_path / "kept.prognos"
    done = places.tool("run", "--keep", kept, "--report", "none", "--", "ls", "/")
    assert done.returncode == 0
    assert kept.stat().st_mode & 0o777 == 0o600
    assert " ls (pid " in places.tool("report", kept).stdout
    again = places.tool("run", "--keep", kept, "--report", "none", "--", "true")
    assert again.returncode == 0
    assert "is there already" in again.stderr
    stayed = re.search(r"the recordings are in (\S+)$", again.stderr, re.M).group(1)
    assert len(os.listdir(stayed)) == 1
    shutil.rmtree(stayed)
    output = tmp_path / "recordings"
    places.tool("run", "--output", output, "--report", "none", "--", "sh", "-c", "ls; true")
    assert len(list(output.iterdir())) >= 2


def test_a_run_can_be_watched(places):
    command = [TOOL, "run", "--report", "none", "--", "sh", "-c", "echo up; read line"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=places.environment
    ) as run:
        assert run.stdout.readline() == b"up\n"
        deadline = time.monotonic() + 60
        found = []
        while not found and time.monotonic() < deadline:
            listed = json.loads(places.tool("list", "--json").stdout or "[]")
            found = [r for r in listed if r["path"].startswith("/dev/shm") and r["command"] == "sh"]
            found = [r for r in found if f"/run-{run.pid}-" in r["path"]]
        assert found and found[0]["status"] == "recording"
        run.stdin.close()
        run.wait(60)
