# SPDX-License-Identifier: Apache-2.0
"""prognos list, report, enable, disable, collect: on processes that run, ended or were killed."""

import json
import os
import re
import shutil
import signal
import subprocess
import time

import pytest


def listed(places, *words):
    done = places.tool("list", "--json", *words)
    ours = json.loads(done.stdout)
    return {row["pid"]: row for row in ours if row["path"].startswith(str(places.recordings))}


def calls(places, pid):
    profile = json.loads(places.tool("report", pid, "--format", "json").stdout)
    return {operation["name"]: operation["count"] for operation in profile["operations"]}


def test_list_tells_what_lives_and_what_died(places, host):
    living, dead, ended = host(), host(), host()
    dead.kill(signal.SIGKILL)
    ended.end()
    rows = listed(places)
    assert rows[living.pid]["status"] == "recording"
    assert rows[living.pid]["command"] == "tool_host"
    assert rows[living.pid]["operations_per_s"] > 0
    assert rows[dead.pid]["died_of"] == ""
    assert rows[dead.pid]["operations_per_s_now"] is None
    assert rows[dead.pid]["status"] == "died"
    assert rows[ended.pid]["status"] == "stopped"
    done = places.tool("list")
    assert done.returncode == 0
    assert re.search(r"PID +COMMAND +USER +SINCE +STATUS +NOW/S +OPS/S +SIZE +PATH", done.stdout)
    assert re.search(rf"{dead.pid} +tool_host .* died ", done.stdout)
    assert dead.pid not in listed(places, "--live")


@pytest.mark.parametrize("variable", ["XDG_RUNTIME_DIR", "TMPDIR"])
def test_recordings_are_found_where_the_library_puts_them(places, host, tmp_path, variable):
    directory = tmp_path / f"prognos-{os.geteuid()}"
    directory.mkdir(mode=0o700)
    one = host(PROGNOS_RECORDING=f"{directory}/", PROGNOS_RECORDING_FLAGS="1")
    environment = {**places.environment, variable: str(tmp_path)}
    rows = json.loads(places.tool("list", "--json", env=environment).stdout)
    assert str(directory) in {os.path.dirname(row["path"]) for row in rows if row["pid"] == one.pid}
    assert places.tool("report", one.pid, env=environment).returncode == 0


def test_a_file_of_another_user_is_not_taken_for_that_of_a_process(places, host):
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    one = host()
    (real,) = places.files()
    false = real.with_name("0000.prognos")
    shutil.copy(real, false)
    os.chown(false, 65534, 65534)
    text = places.tool("report", one.pid).stdout
    assert f"recording: {real} " in text


def test_list_without_any(places):
    if places.tool("list").returncode == 0:
        pytest.skip("something is being recorded on this machine")
    done = places.tool("list")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("prognos: there is no recording in prognos-* of /dev/shm")
    assert "`prognos run -- <command>` makes one" in done.stderr
    done = places.tool("list", "--live")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("prognos: nothing is being recorded in ")
    assert places.tool("list", "--json").stdout == "[]\n"
    assert places.tool("list", "/no/such/place").returncode == 2


def test_report_of_a_process_that_runs(places, host):
    one = host()
    done = places.tool("report", one.pid)
    assert done.returncode == 0
    assert "tool_host" in done.stdout and "größe 日本語" in done.stdout
    first = calls(places, one.pid)["request"]
    deadline = time.monotonic() + 60
    while calls(places, one.pid)["request"] <= first:
        assert time.monotonic() < deadline
    assert one.end() == 3


def test_report_of_a_process_that_was_killed_has_all_of_it(places, host):
    one = host()
    one.kill(signal.SIGKILL)
    done = places.tool("report", one.pid)
    assert done.returncode == 0
    assert "open when it died:" in done.stdout
    assert re.search(r"thread \d+: serve for ", done.stdout)
    profile = json.loads(places.tool("report", one.pid, "--format", "json").stdout)
    assert profile["recording"]["status"] == "died"


def test_list_tells_the_rate_of_this_moment(places, host):
    one = host("slow")
    deadline = time.monotonic() + 60
    # About 2 x 3 calls each 20 ms, and not what there was before.
    while not 0 < (listed(places)[one.pid]["operations_per_s_now"] or 0) <= 310:
        assert time.monotonic() < deadline


def test_a_process_that_left_without_a_word(places, host):
    left, became = host("leave"), host("become")
    left.process.stdin.write(b"x")
    left.process.stdin.flush()
    assert left.process.wait(60) == 0
    became.process.stdin.write(b"x")
    became.process.stdin.flush()
    deadline = time.monotonic() + 60
    while os.readlink(f"/proc/{became.pid}/exe").endswith("tool_host"):
        assert time.monotonic() < deadline
    rows = listed(places)
    assert rows[left.pid]["status"] == "died"
    assert rows[became.pid]["status"] == "exec"
    assert became.pid not in listed(places, "--live")
    assert re.search(rf"^ *{became.pid} +tool_host .* exec ", places.tool("list").stdout, re.M)
    done = places.tool("disable", became.pid)
    assert (done.returncode, "it is another program now" in done.stderr) == (1, True)
    assert calls(places, became.pid)["request"] >= 10


def crashed(host, **variables):
    one = host("crash", **variables)
    one.process.stdin.write(b"x")
    one.process.stdin.flush()
    assert one.process.wait(60) == -signal.SIGSEGV
    return one


def test_a_crash_is_told_where_it_was(places, host):
    one = crashed(host, PROGNOS_CRASH_NOTES="1")
    where = (
        r"died of SIGSEGV \(address not mapped\) at 0x10 in serve > write to nowhere, "
        rf"thread {one.pid} \(tool_host\)"
    )
    text = places.tool("report", one.pid).stdout
    assert re.search(rf"^{where}:\n   #0 crash\b", text, re.M)
    assert re.search(rf"^{where}$", places.tool("report", one.pid, "--window", "1m").stdout, re.M)
    profile = json.loads(places.tool("report", one.pid, "--format", "json").stdout)
    (note,) = profile["crash"]["notes"]
    assert (note["outcome"], note["signal_name"], note["address"]) == ("died", "SIGSEGV", "0x10")
    names = {operation["id"]: operation["name"] for operation in profile["operations"]}
    assert [names[id] for id in note["operations"]] == ["serve", "write to nowhere"]
    assert listed(places)[one.pid]["died_of"] == "SIGSEGV"
    assert re.search(rf"{one.pid} +tool_host .* died \(SIGSEGV\) ", places.tool("list").stdout)


def test_a_crash_without_notes_names_what_was_open(places, host):
    one = crashed(host)
    text = places.tool("report", one.pid).stdout
    assert "SIGSEGV" not in text
    assert re.search(rf"thread {one.pid}: write to nowhere for .*, in serve for", text)
    assert listed(places)[one.pid]["died_of"] == ""


@pytest.mark.parametrize("window", ["1m", "5m", "1h"])
def test_report_of_a_window(places, host, window):
    one = host()
    names = {"1m": "last_minute", "5m": "last_5_minutes", "1h": "last_hour"}
    done = places.tool("report", one.pid, "--window", window)
    assert done.returncode == 0
    assert f" · {names[window].replace('_', ' ')}: " in done.stdout
    assert re.search(r"^OPERATION +CALLS +RATE/S +FAILED +TOTAL +CPU +P50 +P95", done.stdout, re.M)
    assert re.search(r"^request +\d+ ", done.stdout, re.M)
    one.kill(signal.SIGKILL)
    done = places.tool("report", one.pid, "--window", window, "--format", "json")
    found = json.loads(done.stdout)
    assert (found["format"], found["window"]) == ("prognos-window", names[window])
    assert (found["pid"], found["recording"]["status"]) == (one.pid, "died")
    named = {operation["name"]: operation for operation in found["operations"]}
    assert named["request"]["count"] == calls(places, one.pid)["request"]
    profile = json.loads(places.tool("report", one.pid, "--format", "json").stdout)
    inside = profile["windows"][names[window]]
    # Times differ by some nanoseconds: each reader measures the counter's rate anew.
    for one_of, other in zip(found["operations"], inside["operations"], strict=True):
        assert list(one_of) == list(other)
        assert (one_of["name"], one_of["count"]) == (other["name"], other["count"])
    assert list(found["process"]) == list(inside["process"])
    total = places.tool("report", one.pid, "--window", "total").stdout
    assert total == places.tool("report", one.pid).stdout


def test_windows_that_cannot_be_reported(places, host):
    one = host()
    for words in [
        ("--window", "1d"),
        ("--window", "1m", "--format", "folded"),
        ("--window", "1m", "--format", "chrome-trace"),
    ]:
        assert places.tool("report", one.pid, *words).returncode == 64, words


def trace(places, pid):
    return json.loads(places.tool("report", pid, "--format", "chrome-trace").stdout)


def test_the_timeline_is_reported_with_the_gaps_that_others_made(places, host):
    one = host(PROGNOS_TRACK="cpu,timeline")
    assert places.tool("disable", one.pid).returncode == 0
    time.sleep(0.05)
    assert places.tool("enable", one.pid).returncode == 0
    deadline = time.monotonic() + 60

    def named(name):
        return [event for event in trace(places, one.pid)["traceEvents"] if event["name"] == name]

    (gap,) = named("recording off")
    assert gap["dur"] >= 50_000
    while not any(call["ts"] > gap["ts"] + gap["dur"] for call in named("parse")):
        assert time.monotonic() < deadline
    begun = [call["ts"] for call in named("parse")]
    assert not any(gap["ts"] + 1000 < at < gap["ts"] + gap["dur"] for at in begun)
    # What was so already is no gap.
    assert places.tool("enable", one.pid).returncode == 0
    assert len(named("recording off")) == 1
    assert places.tool("disable", one.pid).returncode == 0
    one.kill(signal.SIGKILL)
    assert len(named("recording off")) == 2


def test_a_recording_without_a_timeline_says_so(places, host):
    one = host()
    done = places.tool("report", one.pid, "--format", "chrome-trace")
    assert done.returncode == 0
    assert "has no timeline" in done.stderr
    assert "no timeline" in json.loads(done.stdout)["otherData"]["note"]


def test_report_of_a_process_that_stands_still(places, host):
    one = host()
    one.process.send_signal(signal.SIGSTOP)
    try:
        done = places.tool("report", one.pid)
        assert done.returncode == 0 and "request" in done.stdout
    finally:
        one.process.send_signal(signal.SIGCONT)


def test_forms_and_files_of_a_report(places, host, tmp_path):
    one = host()
    folded = places.tool("report", one.pid, "--format", "folded").stdout
    assert re.search(r"^request;parse", folded, re.M)
    target = tmp_path / "profile.json"
    done = places.tool("report", one.pid, "--format", "json", "--output", target)
    assert (done.returncode, done.stdout) == (0, "")
    assert json.loads(target.read_text("utf-8"))["process"]["pid"] == one.pid
    ascii_only = places.tool("report", one.pid, env={**places.environment, "LC_ALL": "C"})
    assert ascii_only.stdout.isascii()
    assert places.tool("report", one.pid, "--format", "text-ascii").stdout.isascii()
    done = places.tool("report", one.pid, "--output", tmp_path / "no" / "such" / "place")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1


def test_what_cannot_be_reported(places, tmp_path):
    done = places.tool("report", "/no/such/file")
    assert done.returncode == 2 and "there is no file /no/such/file" in done.stderr
    done = places.tool("report", os.getpid())
    assert done.returncode == 2 and "has no recording" in done.stderr
    text = tmp_path / "text"
    text.write_text("x" * 10000)
    done = places.tool("report", text)
    assert done.returncode == 1 and "is no recording" in done.stderr
    done = places.tool("report", tmp_path)
    assert done.returncode == 1 and "is a directory" in done.stderr
    assert places.tool("report").returncode == 64
    assert places.tool("report", text, "--format", "xml").returncode == 64


def test_the_reader_of_a_pipe_may_go_away(places, host):
    one = host()
    command = f"'{places.tool.__globals__['TOOL']}' report {one.pid} --format json | head -c 10"
    done = subprocess.run(["sh", "-c", command], capture_output=True, env=places.environment)
    assert len(done.stdout) == 10
    assert done.stderr == b""


def settled(places, pid):
    """The calls of a host in which nothing is being recorded any more, or None if they grow."""
    before = calls(places, pid)["request"]
    time.sleep(0.2)
    after = calls(places, pid)["request"]
    return after if after == before else None


def test_recording_is_switched_off_and_on_from_outside(places, host):
    one = host()
    done = places.tool("disable", one.pid)
    assert done.returncode == 0
    assert done.stdout == f"recording is now off in process {one.pid}\n"
    assert listed(places)[one.pid]["status"] == "off"
    # Calls that were open when it was switched off are still counted.
    time.sleep(0.2)
    stood = settled(places, one.pid)
    assert stood is not None
    assert places.tool("disable", one.pid).stdout == (
        f"recording was already off in process {one.pid}\n"
    )
    done = places.tool("enable", one.pid, "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    deadline = time.monotonic() + 60
    while calls(places, one.pid)["request"] <= stood:
        assert time.monotonic() < deadline
    assert one.end() == 3


def test_a_process_that_began_with_recording_off_is_switched_on(places, host):
    one = host("off")
    assert "größe 日本語" not in calls(places, one.pid)
    assert places.tool("enable", one.pid).returncode == 0
    deadline = time.monotonic() + 60
    while "größe 日本語" not in calls(places, one.pid):
        assert time.monotonic() < deadline


def test_what_cannot_be_switched(places, host):
    one = host()
    one.kill(signal.SIGKILL)
    done = places.tool("disable", one.pid)
    assert done.returncode == 1
    assert "does not record any more" in done.stderr
    assert places.tool("enable", "/no/such/file").returncode == 2
    assert places.tool("enable").returncode == 64


def test_collect_brings_what_died_to_disk(places, host, tmp_path):
    living, dead = host(), host()
    dead.kill(signal.SIGKILL)
    (path,) = [row["path"] for row in listed(places).values() if row["pid"] == dead.pid]
    before = calls(places, dead.pid)
    target = tmp_path / "collected"
    target.mkdir()
    done = places.tool("collect", dead.pid, "--output", target)
    assert done.returncode == 0
    (copy,) = target.iterdir()
    assert done.stdout == f"{path} -> {copy}\n"
    assert not os.path.exists(path)
    assert copy.stat().st_mode & 0o777 == 0o600
    assert calls(places, copy) == before
    assert copy.stat().st_blocks * 512 < copy.stat().st_size
    assert dead.pid not in listed(places)
    assert living.pid in listed(places)


def test_collect_tells_scripts_what_became_of_each(places, host, tmp_path):
    dead, living = host(), host()
    dead.kill(signal.SIGKILL)
    words = ["collect", dead.pid, living.pid, "--output", tmp_path, "--json"]
    done = places.tool(*words)
    assert done.returncode == 1
    first, second = json.loads(done.stdout)
    assert (first["pid"], first["error"]) == (dead.pid, None)
    assert os.path.exists(first["copy"]) and not os.path.exists(first["path"])
    assert (second["pid"], second["copy"]) == (living.pid, None)
    assert "lives and writes to" in second["error"]


def test_replay_tells_scripts_what_differs(places, host):
    one = host()
    deadline = time.monotonic() + 60
    while True:
        done = places.tool("replay", one.pid, "--json")
        found = json.loads(done.stdout) if done.returncode < 2 and done.stdout else None
        if found and found["moments"] > 0:
            break
        assert time.monotonic() < deadline
    assert found["whole"] is True
    assert done.returncode == (1 if found["differs"] else 0)
    assert "resources" in found["same"] + found["differs"]
    lines = places.tool("replay", one.pid).stdout.split("\n")
    assert re.fullmatch(r"\d+ moments assessed again", lines[0])
    assert re.fullmatch(r"  (same   |later  |differs) health", lines[1])


def test_collect_leaves_what_lives_alone(places, host, tmp_path):
    one = host()
    done = places.tool("collect", one.pid, "--output", tmp_path)
    assert done.returncode == 1
    assert "lives and writes" in done.stderr
    target = tmp_path / "snapshots"
    target.mkdir()
    for _ in range(2):
        assert places.tool("collect", one.pid, "--live", "--output", target).returncode == 0
    assert len(list(target.iterdir())) == 2
    for copy in target.iterdir():
        assert calls(places, copy)["request"] >= 20
    assert listed(places)[one.pid]["status"] == "recording"


def test_what_cannot_be_collected(places, host, tmp_path):
    assert places.tool("collect").returncode == 64
    assert places.tool("collect", "--all", "1").returncode == 64
    assert places.tool("collect", "/no/such/file").returncode == 2
    one = host()
    one.kill(signal.SIGKILL)
    done = places.tool("collect", one.pid, "--output", tmp_path / "none")
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert one.pid in listed(places)


def test_help_has_examples_and_exit_codes(places):
    for command in ["run", "list", "report", "top", "enable", "disable", "collect"]:
        done = places.tool(command, "--help")
        assert done.returncode == 0
        assert "EXAMPLES" in done.stdout and "EXIT STATUS" in done.stdout, command
    assert re.fullmatch(r"\d+\.\d+\.\d+\n", places.tool("--version").stdout)
    assert re.fullmatch(r"prognos \d+\.\d+\.\d+\n", places.tool("version").stdout)
    assert "complete" in places.tool("--generate-completion-script", "bash").stdout


@pytest.mark.parametrize("habit", [[], ["slow"]])
def test_samples_of_a_recording_give_the_same_answers_again(places, host, habit):
    """To the bit, while the process lives and when it has ended."""
    it = host(*habit, PROGNOS_COLLECT_INTERVAL_MS="100")
    time.sleep(4)
    for _ in range(5):  # It may be stopped in the midst of an assessment.
        it.process.send_signal(signal.SIGSTOP)
        alive = places.tool("replay", it.pid, "--in", places.recordings)
        it.process.send_signal(signal.SIGCONT)
        if alive.returncode == 0:
            break
        time.sleep(0.3)
    assert alive.returncode == 0, alive.stdout + alive.stderr
    it.end()
    ended = places.tool("replay", *places.files())
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert int(ended.stdout.split()[0]) >= 20
    lines = [line.split() for line in ended.stdout.splitlines()[1:]]
    same = {words[1] for words in lines if words[0] == "same"}
    of_samples = "health crash resources anomalies alerts operationHealth peak scalability"
    of_samples += " productivity objectives process operations detectors exhaustion load forecast"
    assert set(of_samples.split()) <= same
