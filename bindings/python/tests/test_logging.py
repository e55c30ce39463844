# SPDX-License-Identifier: Apache-2.0
"""Alerts and messages as log records, and the operation's name in the host's records."""

import asyncio
import io
import logging
import os
import threading
import time

import prognos
import prognos.logging
import pytest


class Records(logging.Handler):
    def __init__(self):
        super().__init__()
        self.kept = []

    def emit(self, record):
        self.kept.append(record)


@pytest.fixture
def stream():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(prognos.logging.OperationFilter())
    handler.setFormatter(logging.Formatter("%(operation)s: %(message)s"))
    logger = logging.getLogger("host")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


HOST = logging.getLogger("host")


def test_records_have_the_operations_name(stream):
    inner = prognos.op("inner")

    @inner
    def decorated(number):
        HOST.info("in a function %d", number)

    HOST.info("outside")
    with prognos.op("outer"):
        HOST.info("in a block")
        decorated(1)
        HOST.info("in the block again")
        with pytest.raises(KeyError), inner:
            raise KeyError
        HOST.info("after a failure")
    prognos.op("begun").begin()
    HOST.info("begun")
    prognos.op("begun").end()
    span = prognos.op("span").span()
    span.enter()
    HOST.info("entered")
    span.leave()
    HOST.info("left")
    span.end()
    assert stream.getvalue().splitlines() == [
        "-: outside",
        "outer: in a block",
        "inner: in a function 1",
        "outer: in the block again",
        "outer: after a failure",
        "begun: begun",
        "span: entered",
        "-: left",
    ]


def test_each_task_and_thread_has_its_own(stream):
    query = prognos.op("query")

    async def request(number):
        HOST.info("begins")
        with query:
            await asyncio.sleep(0.002 * (3 - number))
            HOST.info("goes on")
        HOST.info("ends")

    async def main():
        names = [prognos.op(f"request {number}")(request) for number in range(3)]
        await asyncio.gather(*(traced(number) for number, traced in enumerate(names)))
        HOST.info("main")

    asyncio.run(main())
    lines = stream.getvalue().splitlines()
    assert lines[:3] == [f"request {number}: begins" for number in range(3)]
    assert lines.count("query: goes on") == 3
    assert sorted(line for line in lines if "ends" in line) == [
        f"request {number}: ends" for number in range(3)
    ]
    assert lines[-1] == "-: main"
    with prognos.op("mine"):
        thread = threading.Thread(target=HOST.info, args=("another",))
        thread.start()
        thread.join()
    assert stream.getvalue().splitlines()[-1] == "-: another"


def test_deep_nesting_does_not_lose_the_name(stream):
    operations = [prognos.op(f"depth {number}") for number in range(600)]
    for operation in operations:
        operation.begin()
    for operation in reversed(operations[1:]):
        operation.end()
    HOST.info("here")
    operations[0].end()
    HOST.info("there")
    assert stream.getvalue().splitlines() == ["depth 0: here", "-: there"]


def test_alerts_and_messages_become_records():
    records = Records()
    prognos.logging.logger.addHandler(records)
    prognos.logging.logger.setLevel(logging.INFO)
    prognos.start(log=prognos.logging.message, collect_interval_ms=20)
    assert prognos.logging.connect() is logging.getLogger("prognos")
    assert any(record.levelno == logging.INFO for record in records.kept)
    open_now = prognos.process().open_fds
    prognos.limit("fds", open_now + 5, open_now + 50)
    files = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
    assert _wait_for(records, logging.WARNING)
    files += [os.open("/dev/null", os.O_RDONLY) for _ in range(60)]
    assert _wait_for(records, logging.CRITICAL)
    for file in files:
        os.close(file)
    record = _wait_for(records, logging.CRITICAL)
    assert record.name == "prognos" and record.operation == "-"
    assert record.alert.severity == "critical"
    assert record.getMessage().startswith(record.alert.subject + ": ")
    prognos.on_alert(None)
    prognos.stop()


def _wait_for(records, level):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for record in records.kept:
            if record.levelno == level:
                return record
        time.sleep(0.01)
    return None


def test_bad_arguments():
    with pytest.raises(TypeError, match="absent must be a str, not int"):
        prognos.logging.OperationFilter(3)
