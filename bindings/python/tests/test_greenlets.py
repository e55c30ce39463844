# SPDX-License-Identifier: Apache-2.0
"""Greenlets on one thread: each has its own operations, spans and sessions."""

import time

import prognos
import pytest

gevent = pytest.importorskip("gevent", reason="gevent is not installed (tests/requirements.txt)")
greenlet = pytest.importorskip("greenlet")

from prognos import greenlets  # noqa: E402


def operations():
    return {operation["name"]: operation for operation in prognos.profile()["operations"]}


def busy(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_each_greenlet_has_its_own_time_and_path():
    greenlets.install()
    greenlets.install()

    @prognos.op("decorated")
    def decorated():
        gevent.sleep(0.005)

    def job():
        with prognos.op("outer"):
            gevent.sleep(0.005)
            with prognos.op("inner"):
                busy(0.002)
                gevent.sleep(0.01)
            decorated()

    gevent.joinall([gevent.spawn(job) for _ in range(40)])
    found = operations()
    for name, milliseconds in (("outer", 20), ("inner", 10), ("decorated", 5)):
        assert found[name]["count"] == 40
        assert found[name]["active"] == found[name]["abandoned"] == found[name]["failed"] == 0
        assert found[name]["wall_ns"] >= 40 * milliseconds * 1_000_000
    assert 0.9 * 40 * 2e6 < found["inner"]["cpu_ns"] < 2 * 40 * 2e6
    assert found["decorated"]["cpu_ns"] < found["inner"]["cpu_ns"] / 4
    profile = prognos.profile()
    assert {(node["name"], node["depth"]) for node in profile["call_tree"]} == {
        ("outer", 0),
        ("inner", 1),
        ("decorated", 1),
    }
    for counter in ("forced_leaves", "misplaced_calls", "unbalanced_ends", "unknown_handles"):
        assert profile["diagnostics"][counter] == 0


def test_without_it_nothing_crashes():
    def job():
        with prognos.op("outer"):
            gevent.sleep(0.001)
            with prognos.op("inner"):
                gevent.sleep(0.001)

    gevent.joinall([gevent.spawn(job) for _ in range(40)])
    assert operations()["outer"]["count"] == 40


def test_failures_and_what_dies_with_something_open():
    greenlets.install()

    def fails():
        with prognos.op("fails"):
            gevent.sleep(0.001)
            raise KeyError

    def killed():
        with prognos.op("killed"):
            gevent.sleep(60)

    def forgets():
        prognos.op("forgets").begin()
        prognos.op("inside").begin()

    running = gevent.spawn(killed)
    gevent.joinall([gevent.spawn(forgets)])
    failing = greenlet.greenlet(fails)
    with pytest.raises(KeyError):  # a plain greenlet's failure reaches its parent
        failing.switch()
    gevent.sleep(0.001)
    running.kill()
    found = operations()
    assert found["fails"]["failures"] == {"KeyError": 1}
    assert found["killed"]["failures"] == {"GreenletExit": 1}
    assert found["forgets"]["failures"] == found["inside"]["failures"] == {"abandoned": 1}
    assert all(operation["active"] == 0 for operation in found.values())


def test_sessions_stay_with_their_greenlet():
    greenlets.install()
    users = [prognos.session(f"user {number}") for number in range(4)]

    def job(user):
        with user:
            for _ in range(5):
                with prognos.op("query"):
                    gevent.sleep(0.001)

    gevent.joinall([gevent.spawn(job, user) for user in users for _ in range(3)])
    assert [user.read().count for user in users] == [15] * 4


def test_a_trace_function_that_was_there_is_still_called():
    seen = []
    greenlet.settrace(lambda event, greenlets: seen.append(event))
    greenlets.install()
    child = greenlet.greenlet(lambda: None)
    child.switch()
    assert seen.count("switch") == 2


def test_other_threads_begin_and_end_as_before():
    import threading

    greenlets.install()

    def plain():
        for _ in range(1000):
            with prognos.op("thread"):
                pass

    threads = [threading.Thread(target=plain) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert operations()["thread"]["count"] == 3000
