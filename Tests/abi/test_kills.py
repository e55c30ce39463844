# SPDX-License-Identifier: Apache-2.0
"""Nothing is lost: whatever a process dies of, its recording tells what it had done.

PROGNOS_TEST_KILLS: how many kills (60).
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
from conftest import LIBRARY_DIR, ROOT
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
    program = tmp_path_factory.mktemp("kill") / "kill_host"
    command = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-pthread"]
    command += [ROOT / "Tests/abi/kill_host.c", "-o", program, f"-I{ROOT / 'include'}"]
    command += [f"-L{LIBRARY_DIR}", "-lprognos", f"-Wl,-rpath,{LIBRARY_DIR}"]
    subprocess.run(command, check=True)
    return program


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
        told = 0
        for thread in range(THREADS):
            finished, inner, phase, thread_id = struct.unpack_from(
                "<QQII", self.words, 8 + 24 * thread
            )
            told += finished + inner
            for name, done in (("outer", finished), ("inner", inner)):
                count = counts.get(f"{name}-{thread}", 0)
                assert count in (done, done + 1), (name, thread, count, done)
            stack = opened.get(thread_id, [])
            assert set(stack) <= {f"outer-{thread}", f"inner-{thread}"} or "extra" in stack[0]
            if phase == INSIDE:
                assert stack and stack[-1] == f"outer-{thread}", (thread, stack)
            elif phase == OUTSIDE:
                assert stack in ([], [f"outer-{thread}"]), (thread, stack)
        return told, sum(len(stack) for stack in opened.values())


def die(host, place, way):
    how, number = WAYS[way]
    victim = Victim(host, place, how)
    time.sleep(random.expovariate(50))
    if number is None:
        victim.tell_to_die()
    else:
        victim.process.send_signal(number)
    victim.process.wait(timeout=60)
    assert victim.process.returncode < 0
    return victim.check()


def test_a_killed_process_has_lost_nothing(host, place):
    done, opened = 0, 0
    ways = list(WAYS)
    for kill in range(KILLS):
        way = ways[kill % len(ways)]
        try:
            finished, still_open = die(host, place, way)
        except AssertionError as error:
            raise AssertionError(f"kill {kill}, {way}: {error}") from error
        done += finished
        opened += still_open
    print(f"{KILLS} kills: {done} operations finished, {opened} open, none lost")
    assert done > 0 and opened > 0


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


def test_a_process_out_of_memory_has_lost_nothing(host, place):
    group, reason = memory_group()
    if group is None:
        pytest.skip(f"no control group can be made: {reason}")
    try:
        for _ in range(max(KILLS // 20, 2)):
            victim = Victim(
                host, place, "oom", lambda: (group / "cgroup.procs").write_text(str(os.getpid()))
            )
            victim.tell_to_die()
            victim.process.wait(timeout=60)
            assert victim.process.returncode == -signal.SIGKILL
            victim.check()
    finally:
        time.sleep(0.05)
        group.rmdir()
