# SPDX-License-Identifier: Apache-2.0
"""Processes of one program: what each cost, put together.

A forked child has a recording of its own from its first operation on; so has a process that
multiprocessing spawns. Here they hand their profiles back when they end:

    with prognos.forks.Children() as children:
        with ProcessPoolExecutor(4, initializer=children.report) as pool:
            list(Traced(pool).map(resize, images))
    children.operations()["resize"]["count"]

Children of a fork report by themselves; with the start methods "spawn" and "forkserver" they need
`report` as the initializer, or to be called first. A child reports when it ends in Python's way:
by returning, by sys.exit(), or as multiprocessing's processes do. One that is killed, or leaves
by os._exit(), does not: for those start Prognos with a recording in a file
(prognos.start(recording="%p.prognos")), which is there whatever happens.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time

__all__ = ["Children"]

_SUMS = (
    "count",
    "failed",
    "abandoned",
    "wall_ns",
    "cpu_ns",
    "allocated_bytes",
    "read_bytes",
    "written_bytes",
    "work",
)
_listening = []  # the Children that are in use, in this process
_is_hooked = False


class Children:
    """Collects the profiles of child processes, from `with` on. Thread safe, and can be pickled.

    directory  where they are put, a file PID-TIME.json each; None: a temporary one, which goes with
               the `with` block
    start      keyword arguments of prognos.start() for the children, such as {"track":
               "cpu,memory"}; None: they record what needs no start (times, counts and CPU)
    """

    def __init__(self, directory=None, *, start=None):
        if start is not None and not isinstance(start, dict):
            raise TypeError(f"start must be a dict or None, not {type(start).__name__}")
        self._is_temporary = directory is None
        self.directory = os.path.abspath(directory) if directory is not None else None
        self.start = start
        self._kept = None
        self._owner = None

    def __enter__(self):
        global _is_hooked
        if self._is_temporary:
            self.directory = tempfile.mkdtemp(prefix="prognos-")
        else:
            os.makedirs(self.directory, exist_ok=True)
        if not _is_hooked:
            _is_hooked = True
            os.register_at_fork(after_in_child=_forked)
        self._owner = os.getpid()
        _listening.append(self)
        return self

    def __exit__(self, *unused):
        if self in _listening:
            _listening.remove(self)
        if self._is_temporary and self._owner == os.getpid():  # not in a child that runs on here
            self._kept = self.profiles()
            shutil.rmtree(self.directory, ignore_errors=True)

    def report(self):
        """In a child: it will report to these when it ends. A second call does nothing."""
        _report_at_end(self)

    def profiles(self):
        """The profiles (as prognos.profile()) of the children that have ended so far."""
        if self._kept is not None:
            return list(self._kept)
        profiles = []
        for name in sorted(os.listdir(self.directory)):
            if name.endswith(".json"):
                with open(os.path.join(self.directory, name), encoding="utf-8") as file:
                    profiles.append(json.load(file))
        return profiles

    def operations(self):
        """Sums over all children: name of an operation -> count, failed, wall_ns, cpu_ns, ..."""
        sums = {}
        for profile in self.profiles():
            for operation in profile["operations"]:
                known = sums.setdefault(operation["name"], dict.fromkeys(_SUMS, 0))
                for key in _SUMS:
                    known[key] += operation[key]
        return sums

    def __getstate__(self):
        return {"directory": self.directory, "start": self.start}

    def __setstate__(self, state):
        self.__init__(state["directory"], start=state["start"])


_reporting = {}  # directory -> the process that reports there


def _forked():
    for children in list(_listening):
        _report_at_end(children)


def _report_at_end(children):
    directory = children.directory
    if _reporting.get(directory) == os.getpid():
        return
    _reporting[directory] = os.getpid()
    if children.start is not None:
        import prognos

        prognos.start(**children.start)

    pid = os.getpid()
    # Numbers of processes are used again.
    path = os.path.join(directory, f"{pid}-{time.monotonic_ns()}.json")

    def write():  # may be called twice: the last one has it all
        if os.getpid() == pid:
            _write(path)

    import atexit
    import sys

    atexit.register(write)
    # multiprocessing's processes leave by os._exit(), after their own finalizers; and before
    # these, it forgets those of its parent.
    util = sys.modules.get("multiprocessing.util")
    if util is not None:
        util.Finalize(None, write, exitpriority=-100)
        util.register_after_fork(_AfterFork.of(write), _AfterFork.finalize)


class _AfterFork:
    """multiprocessing clears its finalizers in a new process, and then calls this."""

    kept = []

    def __init__(self, write):
        self.write = write

    @classmethod
    def of(cls, write):
        after = cls(write)
        cls.kept.append(after)
        return after

    def finalize(self):
        from multiprocessing import util

        util.Finalize(None, self.write, exitpriority=-100)


def _write(path):
    """The profile of this process; what cannot be written is left out: the process is ending."""
    import prognos

    try:
        prognos.dump(path)
    except (prognos.Error, OSError):
        pass
