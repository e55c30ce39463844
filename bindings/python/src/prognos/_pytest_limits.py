# SPDX-License-Identifier: Apache-2.0
"""@pytest.mark.prognos(...): limits of a test, and how they are judged.

A test is called `repeat` times in a row, with the same fixtures. Times vary, so that a time counts as over its limit
only when it is in each of three such rounds: the smallest is what is reported. Bytes are exact; of leaks the smallest
of three rounds counts, too, since a cache that fills up does so in some rounds, and a leak in all.
"""

from __future__ import annotations

import gc
import time
import warnings

import pytest

ROUNDS = 3
REPEAT = 20  # with max_p95 or max_leak; otherwise a test is called once
WARM_UP = 2  # calls before leaks are looked for: what is loaded or cached by the first ones is none

LIMITS = {
    "max_wall": ("median wall time of a call", "s"),
    "max_p95": ("95 % quantile of wall time", "s"),
    "max_cpu": ("mean CPU time of a call", "s"),
    "max_allocated": ("allocated by a call", "bytes"),
    "max_leak": ("not given back by a call", "bytes"),
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


def call(item, operation, marker):
    """Calls the test as often as its marker asks for, and returns a sentence for each limit that it is over."""
    leak_limit = marker.limits.get("max_leak")
    if leak_limit is not None:
        for _ in range(WARM_UP):
            _call_once(item, operation)
    best = {}
    for round_number in range(ROUNDS):
        measured = _round(item, operation, marker, leaks=leak_limit is not None)
        if measured is None:
            return []  # it failed, which says enough
        for name, value in measured.items():
            best[name] = min(best.get(name, value), value)
        over = [name for name in marker.limits if best[name] > marker.limits[name]]
        # A test that nobody said may be called again is not.
        if not over or marker.repeat == 1:
            break
    sentences = []
    for name in over:
        what, unit = LIMITS[name]
        rounds = f", in each of {round_number + 1} rounds" if round_number else ""
        calls = f"{marker.repeat} calls" if marker.repeat > 1 else "1 call"
        sentences.append(
            f"{what} is {_number(best[name])} {unit} ({calls}{rounds}); the limit is "
            f"{name}={marker.limits[name]!r}"
        )
    return sentences


def _number(value):
    return f"{value:,.0f}" if value >= 1000 or value == int(value) else f"{value:.4g}"


def _call_once(item, operation):
    with operation:
        item.runtest()


def _round(item, operation, marker, leaks):
    """One round of calls: name of a limit -> what was measured; None when a call failed."""
    repeat = marker.repeat
    walls = [0] * repeat  # made before, so that it is no leak
    if leaks:
        gc.collect()
    before = operation.read()
    for number in range(repeat):
        if repeat > 1:
            _forget_logs(item)
        began = time.perf_counter_ns()
        if repeat > 1:
            with warnings.catch_warnings(record=True):  # pytest would keep them all
                _call_once(item, operation)
        else:
            _call_once(item, operation)
        walls[number] = time.perf_counter_ns() - began
        if getattr(item, "_excinfo", None):  # how unittest's tests tell
            return None
    if leaks:
        _forget_logs(item)
        # Garbage in cycles is no leak: what collecting it gives back counts in the operation.
        operation.begin()
        gc.collect()
        operation.end()
    after = operation.read()
    walls.sort()
    allocated = after.allocated_bytes - before.allocated_bytes
    freed = after.freed_bytes - before.freed_bytes
    return {
        "max_wall": walls[len(walls) // 2] / 1e9,
        "max_p95": walls[min(len(walls) - 1, len(walls) * 95 // 100)] / 1e9,
        "max_cpu": (after.cpu_ns - before.cpu_ns) / repeat / 1e9,
        "max_allocated": allocated / repeat,
        "max_leak": (allocated - freed) / repeat,
    }


def _forget_logs(item):
    """What pytest's log capture keeps of the call before: it would look like a leak."""
    plugin = item.config.pluginmanager.get_plugin("logging-plugin")
    for name in ("caplog_handler", "report_handler"):
        clear = getattr(getattr(plugin, name, None), "clear", None)
        if clear is not None:
            clear()
