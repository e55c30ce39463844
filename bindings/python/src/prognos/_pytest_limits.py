# SPDX-License-Identifier: Apache-2.0
"""@pytest.mark.prognos(...): limits of a test, and how they are judged.

A test is called `repeat` times in a row, with the same fixtures. Times vary, so that a time
counts as over its limit only when it is in each of three such rounds: the smallest is what is
reported. Of leaks the smallest of three rounds counts, too, since a cache that fills up does so in
some rounds, and a leak in all. What is kept is counted after a garbage collection: blocks of up to
512 bytes, which are nearly all of Python's objects, by the interpreter, one by one; all else by the
C library's malloc, where less than 8 KiB a round says nothing, so that small leaks of native code
need more calls. Where that could be over the limit, one more round is traced (tracemalloc), which
tells how big the blocks are and which lines they come from.
"""

from __future__ import annotations

import gc
import os
import sys
import time
import tracemalloc
import warnings

import pytest

import prognos

ROUNDS = 3
REPEAT = 20  # with max_p95 or max_leak; otherwise a test is called once
WARM_UP = 2  # calls before leaks are looked for: what is loaded or cached by the first ones is none
# What a round may keep that is none of the test's: malloc's caches, the interpreter, other threads.
STRAY_BLOCKS = 2
STRAY_BYTES = 8192
LARGEST_POOLED = 512  # bytes of the largest block that comes from CPython's pools

LIMITS = {
    "max_wall": ("median wall time of a call", "s"),
    "max_p95": ("95 % quantile of wall time", "s"),
    "max_cpu": ("mean CPU time of a call", "s"),
    "max_allocated": ("memory allocated by a call", "bytes"),
    "max_leak": ("memory not given back by a call", "bytes"),
}


class Marker:
    """The limits of one test, from its markers; the closest to the test wins."""

    def __init__(self, item):
        self.limits = {}
        self.repeat = None
        for mark in item.iter_markers("prognos"):
            if mark.args:
                raise pytest.UsageError(
                    f"{item.nodeid}: @pytest.mark.prognos takes keywords only: "
                    f"{', '.join(LIMITS)}, repeat"
                )
            for name, value in mark.kwargs.items():
                self._take(item, name, value)
        if self.repeat is None:
            self.repeat = REPEAT if {"max_p95", "max_leak"} & self.limits.keys() else 1

    def _take(self, item, name, value):
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if name == "repeat":
            if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 100_000:
                raise pytest.UsageError(
                    f"{item.nodeid}: repeat must be a whole number of 1 to 100000, not {value!r}"
                )
            if self.repeat is None:
                self.repeat = value
        elif name not in LIMITS:
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.prognos has no {name!r}; it has "
                f"{', '.join(LIMITS)} and repeat"
            )
        elif not is_number or value < 0:
            raise pytest.UsageError(
                f"{item.nodeid}: {name} must be a number of at least 0, not {value!r}"
            )
        else:
            self.limits.setdefault(name, value)


def call(item, runtest, operation, marker):
    """Calls the test as its marker asks for; returns a sentence for each limit that it is over."""
    wants_leaks = "max_leak" in marker.limits
    if wants_leaks:
        operation.read()  # reading, too, keeps something at first
        prognos.process()
        for _ in range(WARM_UP):
            _call_once(item, runtest, operation, marker.repeat)
    best = {}
    rounds = 0
    while rounds < ROUNDS:
        measured = _round(item, runtest, operation, marker.repeat, wants_leaks)
        if measured is None:
            return []  # it failed, which says enough
        rounds += 1
        for name, value in measured.items():
            best[name] = min(best.get(name, value), value)
        over = {name for name in marker.limits if best.get(name, 0) > marker.limits[name]}
        if wants_leaks and _most(best) > marker.limits["max_leak"]:
            over.add("max_leak")
        # A test that nobody said may be called again is not.
        if not over or marker.repeat == 1:
            break
    where = ""
    if "max_leak" in over:
        best["max_leak"], where = _trace(item, runtest, operation, marker.repeat, best)
        if best["max_leak"] <= marker.limits["max_leak"]:
            over.remove("max_leak")
    sentences = []
    for name in LIMITS:
        if name in over:
            what, unit = LIMITS[name]
            calls = f"{marker.repeat} calls" if marker.repeat > 1 else "1 call"
            each = f", in each of {rounds} rounds" if rounds > 1 else ""
            sentences.append(
                f"{what} is {_number(best[name])} {unit} ({calls}{each}); the limit is "
                f"{name}={marker.limits[name]!r}{where if name == 'max_leak' else ''}"
            )
    return sentences


def _number(value):
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.4g}"


def _call_once(item, runtest, operation, repeat):
    if repeat == 1:
        with operation:
            runtest()
        return
    _forget_logs(item)
    with warnings.catch_warnings(record=True):  # pytest would keep them all
        with operation:
            runtest()


def _round(item, runtest, operation, repeat, wants_leaks):
    """One round of calls: name of a limit -> what was measured; None when a call failed."""
    walls = [0] * repeat  # made before, so that it is no leak
    before = operation.read()
    heap = 0
    if wants_leaks:
        _forget_logs(item)
        gc.collect()
        heap = prognos.process().heap_bytes
        gc.collect()  # what reading left behind
    blocks = sys.getallocatedblocks()  # the last before the calls, and the first after
    for number in range(repeat):
        began = time.perf_counter_ns()
        _call_once(item, runtest, operation, repeat)
        walls[number] = time.perf_counter_ns() - began
        if getattr(item, "_excinfo", None):  # how unittest's tests tell
            return None
    if wants_leaks:
        _forget_logs(item)
        gc.collect()  # garbage in cycles is no leak
    blocks = sys.getallocatedblocks() - blocks - repeat  # the numbers in `walls`
    after = operation.read()
    if wants_leaks:
        gc.collect()
        heap = prognos.process().heap_bytes - heap
    walls.sort()
    allocated = after.allocated_bytes - before.allocated_bytes
    return {
        "max_wall": walls[len(walls) // 2] / 1e9,
        "max_p95": walls[min(len(walls) - 1, len(walls) * 95 // 100)] / 1e9,
        "max_cpu": (after.cpu_ns - before.cpu_ns) / repeat / 1e9,
        "max_allocated": allocated / repeat,
        "blocks": max(0, blocks - STRAY_BLOCKS) / repeat,
        "outside pools": heap / repeat if heap >= STRAY_BYTES else 0,
    }


def _most(best):
    """The most that a call can have leaked, in bytes."""
    return best["blocks"] * LARGEST_POOLED + best["outside pools"]


def _trace(item, runtest, operation, repeat, best):
    """The bytes that a call leaks, and a sentence on the lines that they come from."""
    already = tracemalloc.is_tracing()
    if not already:
        tracemalloc.start()
    try:
        gc.collect()
        before = tracemalloc.take_snapshot()
        for _ in range(repeat):
            _call_once(item, runtest, operation, repeat)
        _forget_logs(item)
        gc.collect()
        after = tracemalloc.take_snapshot()
    finally:
        if not already:
            tracemalloc.stop()
    own = [tracemalloc.Filter(False, __file__), tracemalloc.Filter(False, tracemalloc.__file__)]
    lines = after.filter_traces(own).compare_to(before.filter_traces(own), "lineno")
    grown = [line for line in lines if line.size_diff > 0 and line.count_diff >= repeat // 2]
    places = {line.traceback for line in grown}
    small = [
        trace.size
        for trace in after.filter_traces(own).traces
        if trace.size <= LARGEST_POOLED and trace.traceback in places
    ]
    mean = sum(small) / len(small) if small else LARGEST_POOLED
    pooled = best["blocks"] * mean
    named = "; ".join(
        f"{_number(line.size_diff / repeat)} bytes a call from "
        f"{os.path.relpath(line.traceback[0].filename, item.config.rootpath)}:"
        f"{line.traceback[0].lineno}"
        for line in grown[:3]
    )
    return pooled + best["outside pools"], f" ({named})" if named else ""


def _forget_logs(item):
    """What pytest's log capture keeps of the call before: it would look like a leak."""
    plugin = item.config.pluginmanager.get_plugin("logging-plugin")
    for name in ("caplog_handler", "report_handler"):
        clear = getattr(getattr(plugin, name, None), "clear", None)
        if clear is not None:
            clear()
