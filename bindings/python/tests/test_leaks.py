# SPDX-License-Identifier: Apache-2.0
"""Leaks of Python objects: the operation that loses them is named, and nobody else."""

import collections
import ctypes
import functools
import itertools
import json

import prognos
import pytest

lose = ctypes.pythonapi.Py_IncRef  # what a native extension does that forgets a Py_DECREF
lose.argtypes, lose.restype = [ctypes.py_object], None


def no_churn():
    return lambda: None


def small_churn():
    recent = collections.deque(maxlen=20)
    return lambda: recent.append(bytes(200))


def heavy_churn():
    recent = collections.deque(maxlen=300)
    message = json.dumps([{"id": n, "name": "row " * 8, "x": [1, 2, 3]} for n in range(20)])
    return lambda: recent.append(json.loads(message)[::7])


def said_of(suspect, beside, calls=2000):
    """What is said of both after so many calls: {name: is_leak}; also of any other."""
    prognos.start()
    work, churn = prognos.op("suspect"), prognos.op("churn")
    for _ in range(calls):
        with work:
            suspect()
        with churn:
            beside()
    prognos.assess()
    return {leak.op and leak.op.name: leak.is_leak for leak in prognos.leaks()}


@pytest.mark.parametrize("beside", [no_churn, small_churn, heavy_churn])
def test_objects_that_are_lost_are_a_leak(beside):
    number = itertools.count()
    said = said_of(lambda: lose(b"lost %0120d" % next(number)), beside())
    assert said.pop("suspect") is True
    assert not any(said.values()), said


@pytest.mark.parametrize("beside", [no_churn, small_churn, heavy_churn])
def test_a_list_that_only_grows_is_named_as_growing(beside):
    """It may be a cache: it is called a leak only after ten minutes and 32 MiB."""
    number, kept = itertools.count(), []
    said = said_of(lambda: kept.append(b"kept %0120d" % next(number)), beside())
    assert said.pop("suspect") is False
    assert not any(said.values()), said
    growing = next(leak for leak in prognos.leaks() if leak.op == prognos.op("suspect"))
    assert growing.direction == 1 and growing.kind == "memory" and growing.score <= 0.5
    assert growing.bytes_per_call > 50 and "still refers to" in growing.reason


def test_a_cache_that_is_full_is_no_leak():
    @functools.lru_cache(300)
    def compute(key):
        return f"result {key:0120}"

    number = itertools.count()
    said = said_of(lambda: compute(next(number)), small_churn())
    assert not any(said.values()), said


def test_a_leak_raises_an_alert_and_a_suggestion():
    told = []
    prognos.on_alert(told.append)
    number = itertools.count()
    said_of(lambda: lose(b"lost %0120d" % next(number)), small_churn())
    assert [(alert.subject, alert.op.name) for alert in told if alert.subject == "leak"] == [
        ("leak", "suspect")
    ]
    (fix,) = [one for one in prognos.suggestions() if one.kind == "fix_leak"]
    assert fix.op == prognos.op("suspect") and fix.impact == "high"


def test_the_stack_of_a_leak_has_python_functions():
    number = itertools.count()

    def forget_the_answer():
        lose(b"lost %0120d" % next(number))

    said_of(forget_the_answer, small_churn())
    leak = next(leak for leak in prognos.leaks() if leak.is_leak)
    assert "forget_the_answer" in leak.stack
