# SPDX-License-Identifier: Apache-2.0
"""Alerts as callbacks: told once, on a thread of the library, and never when they may not be."""

import os
import subprocess
import sys
import threading

import prognos
import pytest


def raise_alert(metric="threads"):
    prognos.limit(metric, warn=0.5)
    prognos.assess()


def test_each_change_is_told_once_on_another_thread():
    told = []
    prognos.start()

    @prognos.on_alert
    def tell(alert):
        told.append((alert, threading.get_ident()))

    raise_alert()
    prognos.assess()
    ((alert, thread),) = told
    assert (alert.metric, alert.severity, alert.previous) == ("threads", "warn", "ok")
    assert alert.op is None and alert.value >= 1 and alert.threshold == 0.5 and alert.reason
    assert alert == prognos.alerts()[0]
    assert thread != threading.get_ident()
    assert callable(tell)


def test_who_was_taken_back_is_not_called():
    told = []
    prognos.start()
    prognos.on_alert(told.append)
    prognos.on_alert(None)
    raise_alert()
    assert told == []
    prognos.on_alert(told.append)
    raise_alert("fds")
    assert [alert.metric for alert in told] == ["fds"]
    with pytest.raises(TypeError, match="callback is str; expected a callable or None"):
        prognos.on_alert("told")
    raise_alert("memory")
    assert len(told) == 2


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt])
def test_an_exception_goes_to_the_unraisable_hook_and_alerts_go_on(error):
    seen = []
    sys.unraisablehook = lambda unraisable: seen.append(unraisable.exc_type)
    prognos.start()

    @prognos.on_alert
    def tell(alert):
        raise error(alert.reason)

    raise_alert()
    raise_alert("fds")
    assert seen == [error, error]


def test_a_callback_may_ask_and_change_everything_but_the_collector():
    results = {}
    prognos.start()

    def tell(alert):
        results["health"] = prognos.health().score
        results["stats"] = prognos.op("parse").read().count
        results["profile"] = prognos.profile()["operations"]
        for name in ("assess", "start", "stop"):
            try:
                getattr(prognos, name)()
            except prognos.Error as error:
                results[name] = error.status
        prognos.on_alert(None)

    prognos.on_alert(tell)
    with prognos.op("parse"):
        pass
    raise_alert()
    assert results["stats"] == 1 and results["profile"] and results["health"] >= 0
    assert [results[name] for name in ("assess", "start", "stop")] == ["invalid_state"] * 3


def test_a_forked_child_has_alerts_of_its_own():
    told = []
    prognos.start()
    prognos.on_alert(told.append)
    raise_alert()
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        told.clear()
        prognos.start()
        raise_alert("fds")
        os.write(writer, repr(sorted(alert.metric for alert in told)).encode())
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        assert pipe.read() == "['fds', 'threads']"  # limits stay, what was told does not
    os.waitpid(child, 0)
    assert [alert.metric for alert in told] == ["threads"]


AT_THE_END = """
import prognos, threading, time
prognos.start(collect_interval_ms=10)
entered = threading.Event()
@prognos.on_alert
def tell(alert):
    entered.set()
    time.sleep({seconds})
    print("told", alert.metric, flush=True)
for metric in ("threads", "fds", "memory", "virtual", "heap"):
    prognos.limit(metric, warn=0.5)
entered.wait()
{ending}
"""


@pytest.mark.parametrize("ending", ["", "raise SystemExit(3)", "import os; os._exit(4)", "1 / 0"])
def test_the_end_of_the_interpreter_waits_for_nobody_for_ever(ending):
    code = AT_THE_END.format(seconds=0.05, ending=ending)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    expected = {"": 0, "raise SystemExit(3)": 3, "import os; os._exit(4)": 4, "1 / 0": 1}
    assert done.returncode == expected[ending], done.stderr
    assert ("Traceback" in done.stderr) == (ending == "1 / 0"), done.stderr
    assert "Fatal" not in done.stderr


def test_alerts_in_the_midst_of_threads_that_hold_the_interpreter():
    told = []
    prognos.start(collect_interval_ms=10)
    prognos.on_alert(told.append)
    is_over = False

    def spin():
        while not is_over:
            sum(range(1000))

    threads = [threading.Thread(target=spin) for _ in range(3)]
    for thread in threads:
        thread.start()
    for metric in ("threads", "fds", "memory"):
        raise_alert(metric)
        prognos.on_alert(told.append)
    is_over = True
    for thread in threads:
        thread.join()
    assert [alert.metric for alert in told] == ["threads", "fds", "memory"]
