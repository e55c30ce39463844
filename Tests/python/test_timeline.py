# SPDX-License-Identifier: Apache-2.0
"""The timeline in the Trace Event Format: nesting and durations of operations that are known."""

import json
import os
import threading
import time

import prognos as p

CHROME_TRACE = 4


def start():
    os.environ["PROGNOS_TRACK"] = "cpu,timeline"
    assert p.lib.prognos_start(None, 0) == p.OK, p.last_error()


def trace():
    return json.loads(p.render(CHROME_TRACE).decode("utf-8"))


def calls(found, name=None):
    events = [each for each in found["traceEvents"] if each["ph"] == "X"]
    return [each for each in events if name in (None, each["name"])]


def contains(outer, inner):
    """To the nanosecond that a time is rounded to."""
    return (
        outer["ts"] <= inner["ts"] + 0.0011
        and inner["ts"] + inner["dur"] <= outer["ts"] + outer["dur"] + 0.0021
    )


def test_durations_and_places_are_those_of_the_clock():
    start()
    handle = p.op("sleep")
    began = time.monotonic_ns()
    spans = []
    for index in range(5):
        before = time.monotonic_ns()
        p.begin(handle)
        inside = time.monotonic_ns()
        time.sleep(0.002 * index)
        leaving = time.monotonic_ns()
        p.end(handle)
        spans.append((before, inside, leaving, time.monotonic_ns()))
    found = calls(trace(), "sleep")
    assert len(found) == 5
    for each, (before, inside, leaving, after) in zip(found, spans):
        slack = 50 + (after - began) * 2e-4  # the counter's ratio after a few milliseconds
        assert (leaving - inside) / 1000 - slack / 1000 <= each["dur"]
        assert each["dur"] <= (after - before) / 1000 + slack / 1000
    for first, second in zip(found, found[1:]):
        assert first["ts"] + first["dur"] <= second["ts"] + 0.002


def test_calls_nest_as_they_were_made():
    start()
    names = ["a", "b", "c"]
    handles = [p.op(name) for name in names]

    def descend(level):
        if level == len(handles):
            return
        p.begin(handles[level])
        descend(level + 1)
        descend(level + 1)
        p.end(handles[level])

    for _ in range(20):
        descend(0)
    found = calls(trace())
    assert [len([c for c in found if c["name"] == name]) for name in names] == [20, 40, 80]
    # In the file callers come first, so a stack tells who called whom.
    stack, depths = [], {"a": 0, "b": 1, "c": 2}
    for each in found:
        while stack and len(stack) > depths[each["name"]]:
            stack.pop()
        assert len(stack) == depths[each["name"]]
        if stack:
            assert contains(stack[-1], each)
        stack.append(each)


def test_threads_have_tracks_and_names():
    start()
    handle = p.op("work")
    tids = []

    def work():
        tids.append(threading.get_native_id())
        p.begin(handle)
        p.work(len(tids))
        p.end(handle)

    for _ in range(3):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    found = trace()
    assert [each["tid"] for each in calls(found, "work")] == tids
    assert [each["args"] for each in calls(found, "work")] == [{"work": n} for n in (1, 2, 3)]
    named = {each["tid"] for each in found["traceEvents"] if each["name"] == "thread_name"}
    assert named >= set(tids)
    assert {each["pid"] for each in found["traceEvents"]} == {os.getpid()}


def test_hard_names_load():
    start()
    names = ['quote " and \\', "größe", "tab\tline\n", "\x01\x1f", "😀" * 20]
    for name in names:
        p.call(p.op(name))
    assert [each["name"] for each in calls(trace())] == names


def test_a_call_longer_than_the_ring_is_whole_while_it_is_open():
    os.environ["PROGNOS_TIMELINE_EVENTS"] = "512"
    start()
    outer, inner = p.op("outer"), p.op("inner")
    p.begin(outer)
    p.call(inner, 1000)
    found = calls(trace())
    assert found[0]["name"] == "outer" and found[0]["args"] == {"open": True}
    inside = [each for each in found if each["name"] == "inner" and not each["args"]]
    assert 240 <= len(inside) <= 256
    assert all(contains(found[0], each) for each in found[1:])
    p.end(outer)
    found = calls(trace())
    assert [each["args"] for each in found if each["name"] == "outer"] == [{"began_before": True}]
    outer_call = next(each for each in found if each["name"] == "outer")
    assert all(contains(outer_call, each) for each in found)
