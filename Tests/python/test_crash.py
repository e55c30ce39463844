# SPDX-License-Identifier: Apache-2.0
"""Crash notes in a host with crash handlers of its own, and as JSON."""

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import prognos as p
import pytest

KEYS = (
    "outcome signal signal_name code meaning address at_unix_ns thread thread_name depth "
    "operations registers stack_is_whole stack"
).split()

CRASH = """
import ctypes, faulthandler, os, sys
sys.path.insert(0, {here!r})
import prognos as p
{before}
if {notes}:
    os.environ["PROGNOS_CRASH_NOTES"] = "1"
assert p.lib.prognos_start(None, 0) == p.OK
{after}
p.begin(p.op("doomed"))
{crash}
"""

CRASHES = {
    "read": "ctypes.string_at(0)",
    "abort": "os.abort()",
    "overflow": "faulthandler._stack_overflow()",
    "divide": "faulthandler._sigfpe()",
}


def died(crash, notes, before="", after=""):
    def without_a_core_file():
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

    here = str(Path(__file__).parent)
    text = CRASH.format(here=here, notes=notes, crash=CRASHES[crash], before=before, after=after)
    return subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=without_a_core_file,
    )


@pytest.mark.parametrize("crash", CRASHES)
@pytest.mark.parametrize("when", ["never", "before", "after"])
def test_faulthandler_reports_as_without_notes(crash, when):
    enable = "faulthandler.enable()"
    hosts = {
        "before": enable if when == "before" else "",
        "after": enable if when == "after" else "",
    }
    plain, noted = died(crash, False, **hosts), died(crash, True, **hosts)
    assert plain.returncode < 0
    assert noted.returncode == plain.returncode
    told = "Fatal Python error" in plain.stderr
    assert told == (when != "never")
    assert ("Fatal Python error" in noted.stderr) == told
    if crash != "overflow":
        assert noted.stderr.count('File "<string>"') == plain.stderr.count('File "<string>"')


def test_a_note_in_json():
    os.environ["PROGNOS_CRASH_NOTES"] = "1"
    handled = []
    signal.signal(signal.SIGTRAP, lambda number, _: handled.append(number))
    assert p.lib.prognos_start(None, 0) == p.OK, p.last_error()
    outer, inner = p.op("outer"), p.op("inner")
    p.begin(outer)
    p.begin(inner)
    signal.raise_signal(signal.SIGTRAP)
    p.end(inner)
    p.end(outer)
    assert handled == [signal.SIGTRAP]
    found = p.profile()
    assert list(found["crash"]) == ["signals", "notes"]
    (note,) = found["crash"]["notes"]
    assert list(note) == KEYS
    assert note["outcome"] == "survived"
    assert note["signal"] == signal.SIGTRAP and note["signal_name"] == "SIGTRAP"
    assert note["operations"] == [outer, inner] and note["depth"] == 2
    assert note["thread"] == os.getpid()
    assert note["stack_is_whole"]
    functions = [found["frames"][index]["function"] for index in note["stack"]]
    assert any("raise" in name or "kill" in name for name in functions), functions
    assert list(found)[-1] in ("crash", "outside_io")


def test_the_option_takes_0_and_1_only():
    os.environ["PROGNOS_CRASH_NOTES"] = "2"
    assert p.lib.prognos_start(None, 0) == p.OK
    assert signal.getsignal(signal.SIGSEGV) == signal.SIG_DFL
    assert "crash" not in p.profile()
