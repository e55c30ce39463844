# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost: whatever a process dies of, its recording tells what it had done.

PROGNOS_TEST_KILLS: how many kills (60), by turns SIGKILL, SIGSEGV sent and done, abort(); and a
fourth as many out of memory, where a control group with a limit on memory can be made.
"""

import mmap
import os
import random
import signal
import struct
import subprocess
import time
from pathlib import Path

import pytest
from conftest import compiled
from recording_layout import Recording

KILLS = int(os.environ.get("PROGNOS_TEST_KILLS", "60"))
THREADS = 3
OUTSIDE, INSIDE, ENDING = range(3)
WAYS = {
    "kill": ("wait", signal.SIGKILL),
    "segv sent": ("wait", signal.SIGSEGV),
    "abort": ("abort", None),
    "segv": ("segv", None),
}


@pytest.fixture(scope="module")
def host(tmp_path_factory, library):
    return compiled("Tests/abi/kill_host.c", tmp_path_factory.mktemp("kill"))


@pytest.fixture
def place():
    """A directory in memory."""
    directory = Path(f"/dev/shm/prognos-test-kills-{os.getpid()}")
    directory.mkdir(mode=0o700)
    yield directory
    for path in directory.iterdir():
        path.unlink()
    directory.rmdir()


class Victim:
    def __init__(self, host, place, how, before=None):
        self.recording, shared = place / "live.prognos", place / "shared"
        shared.write_bytes(bytes(PAGE := 4096))
        with open(shared, "r+b") as file:
            self.words = mmap.mmap(file.fileno(), PAGE)
        self.process = subprocess.Popen(
            [host, self.recording, shared, how], preexec_fn=before, stderr=subprocess.PIPE
        )
        while self.words[0] == 0:
            if self.process.poll() is not None:
                pytest.fail(
                    f"the host ended: {self.process.returncode} {self.process.stderr.read()}"
                )
            time.sleep(0.001)

    def tell_to_die(self):
        self.words[4] = 1

    def check(self):
        """The recording against what the threads had said when they died."""
        recording = Recording(self.recording)
        assert recording.process_id == self.process.pid
        assert recording.state == 1
        counts, opened = recording.counts(), recording.open_operations()
        writes, blocks = recording.transfers(), recording.allocations()
        sessions, spans = recording.sessions(), recording.open_spans()
        told = 0
        for thread in range(THREADS):
            finished, inner, ended, written, taken, phase, thread_id = struct.unpack_from(
                "<QQQQQII", self.words, 8 + 48 * thread
            )
            if thread_id == 0:  # it had not begun
                continue
            told += finished + inner + ended
            for name, done in (("outer", finished), ("inner", inner), ("span", ended)):
                count = counts.get(f"{name}-{thread}", 0)
                assert count in (done, done + 1), (name, thread, count, done)
            is_open, calls, _, _ = sessions[f"session-{thread}"]
            assert is_open and calls in (finished, finished + 1), (thread, calls, finished)
            both = [writes.get(f"{name}-{thread}", (0, 0, 0, 0)) for name in ("span", "flight")]
            assert both[0][2] + both[1][2] in (written, written + 1), (thread, both, written)
            _, count = blocks.get(f"outer-{thread}", (0, 0))
            assert count in (taken, taken + 1), (thread, count, taken)
            assert spans.count(f"flight-{thread}") == 1
            assert spans.count(f"span-{thread}") <= 1
            stack = opened.get(thread_id, [])
            known = {f"{name}-{thread}" for name in ("outer", "inner", "span", "flight")}
            assert set(stack) <= known or "extra" in stack[0]
            if phase == INSIDE:
                assert stack and stack[-1] == f"outer-{thread}", (thread, stack)
            else:
                assert not any("inner" in name for name in stack), (thread, stack)
        for lane in recording.lanes():
            times = [time for _, time, _ in recording.events(lane)]
            assert times == sorted(times)
        notes = [(state, signal.Signals(number)) for state, number, _ in recording.crash_notes()]
        died_of = -self.process.returncode
        assert notes == ([] if died_of == signal.SIGKILL else [(3, died_of)])
        return told, sum(len(stack) for stack in opened.values()) + len(spans)


def die(host, place, way, group=None):
    how, number = ("oom", None) if group else WAYS[way]

    def join():
        (group / "cgroup.procs").write_text(str(os.getpid()))

    victim = Victim(host, place, how, join if group else None)
    time.sleep(random.expovariate(50))
    if number is None:
        victim.tell_to_die()
    else:
        victim.process.send_signal(number)
    victim.process.wait(timeout=60)
    assert victim.process.returncode < 0
    assert how != "oom" or victim.process.returncode == -signal.SIGKILL
    found = victim.check()
    if group:
        # A recording lies in memory, and counts against the group as long as it is there.
        victim.recording.unlink()
    return found


def memory_group():
    """A control group of our own with a limit on memory, or why there is none."""
    for base, limit, more in (
        ("/sys/fs/cgroup", "memory.max", "memory.swap.max"),
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"),
    ):
        group = Path(base) / f"prognos-test-{os.getpid()}"
        try:
            group.mkdir()
            if not (group / limit).exists():
                group.rmdir()
                continue
            (group / limit).write_text(str(96 << 20))
            if (group / more).exists():
                (group / more).write_text("0" if "swap" in more else str(96 << 20))
            return group, ""
        except OSError as error:
            reason = str(error)
            if group.exists():
                group.rmdir()
            return None, reason
    return None, "no control group that limits memory"


@pytest.fixture
def group():
    made, reason = memory_group()
    if made is None:
        pytest.skip(f"no control group can be made: {reason}")
    yield made
    time.sleep(0.05)
    made.rmdir()


def kill(host, place, ways, kills, group=None):
    died, done, opened = dict.fromkeys(ways, 0), 0, 0
    for number in range(kills):
        way = ways[number % len(ways)]
        try:
            finished, still_open = die(host, place, way, group)
        except AssertionError as error:
            raise AssertionError(f"kill {number}, {way}: {error}") from error
        died[way] += 1
        done += finished
        opened += still_open
    print(f"{kills} kills {died}: {done} calls finished, {opened} open, none lost")
    assert done > 0 and opened > 0


def test_a_killed_process_has_lost_nothing(host, place):
    kill(host, place, list(WAYS), KILLS)


def test_a_process_out_of_memory_has_lost_nothing(host, place, group):
    kill(host, place, ["out of memory"], max(KILLS // 4, 2), group)
