# SPDX-License-Identifier: Apache-2.0
"""The ASGI middleware by itself: cancellation, exceptions, tasks, what is no coroutine."""

import asyncio
import sys
import time

import prognos
import pytest
from prognos.asgi import Middleware

SCOPE = {"type": "http", "method": "GET", "path": "/", "headers": []}


async def receive():
    return {"type": "http.request", "body": b"12345"}


async def send(message):
    pass


def wrapped(app, **options):
    return Middleware(app, route=lambda scope: "GET /", **options)


def found(name="GET /"):
    (one,) = [one for one in prognos.profile()["operations"] if one["name"] == name]
    return one


async def answer(send, status=200):
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"abc"})


def busy(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_request_that_is_cancelled():
    cleaned = []

    async def app(scope, receive, send):
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0)  # cleaning up may wait, too
            cleaned.append(True)

    async def main():
        task = asyncio.create_task(wrapped(app)(SCOPE, receive, send))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert cleaned == [True]
    assert found()["failures"] == {"cancelled": 1} and found()["active"] == 0


def test_exceptions_and_what_catches_them_go_through():
    async def app(scope, receive, send):
        try:
            await asyncio.wait_for(asyncio.sleep(60), 0.001)
        except asyncio.TimeoutError:
            raise KeyError("its own") from None

    with pytest.raises(KeyError, match="its own"):
        asyncio.run(wrapped(app)(SCOPE, receive, send))
    assert found()["failures"] == {"KeyError": 1}


def test_a_request_that_is_thrown_away():
    async def app(scope, receive, send):
        await asyncio.sleep(60)

    async def main():
        coroutine = wrapped(app)(SCOPE, receive, send)
        coroutine.send(None)
        coroutine.close()

    asyncio.run(main())
    assert found()["count"] == 1 and found()["active"] == 0


def test_results_work_and_other_awaitables():
    class Awaitable:
        def __init__(self, send):
            self.send_to = send

        def __await__(self):
            yield from asyncio.sleep(0.001).__await__()
            yield from answer(self.send_to, 503).__await__()
            return 7

    def app(scope, receive, send):
        return Awaitable(send)

    assert asyncio.run(wrapped(app, work="both")(SCOPE, receive, send)) == 7
    assert found()["failures"] == {"http_503": 1} and found()["work"] == 3


def test_other_protocols_are_passed_on():
    seen = []

    async def app(scope, receive, send):
        seen.append((scope, receive, send))

    scope = {"type": "lifespan"}
    asyncio.run(wrapped(app)(scope, receive, send))
    assert seen == [(scope, receive, send)]
    assert prognos.profile()["operations"] == []


def _work_in_tasks():
    async def part():
        busy(0.005)
        with prognos.op("part"):
            await asyncio.sleep(0.001)
            busy(0.005)

    async def app(scope, receive, send):
        await asyncio.gather(*(asyncio.create_task(part(), name="part") for _ in range(3)))
        busy(0.005)
        await answer(send)

    return app


def test_tasks_count_in_the_request_when_they_are_followed():
    async def main():
        app = wrapped(_work_in_tasks(), follow=True)
        await asyncio.gather(*(app(SCOPE, receive, send) for _ in range(4)))
        task = asyncio.create_task(asyncio.sleep(0, "outside"))
        assert await task == "outside"

    asyncio.run(main())
    request, part = found(), found("part")
    assert request["count"] == 4 and part["count"] == 12
    assert request["cpu_ns"] >= 4 * 35e6 > 4 * 15e6 and part["abandoned"] == 0


def test_tasks_that_begin_at_once_are_followed():
    if sys.version_info < (3, 12):
        pytest.skip("eager tasks came with CPython 3.12")

    async def main():
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)
        app = wrapped(_work_in_tasks(), follow=True)
        await asyncio.gather(*(app(SCOPE, receive, send) for _ in range(4)))

    asyncio.run(main())
    assert found()["count"] == 4 and found()["cpu_ns"] >= 4 * 35e6
    assert prognos.profile()["diagnostics"]["forced_leaves"] == 0


def test_what_a_followed_task_raises_is_its_own():
    async def fails():
        await asyncio.sleep(0.001)
        raise KeyError("its own")

    async def app(scope, receive, send):
        task = asyncio.create_task(fails())
        assert "fails" in repr(task.get_coro())
        with pytest.raises(KeyError, match="its own"):
            await task
        sleeping = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0.001)
        sleeping.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sleeping
        await answer(send)

    asyncio.run(wrapped(app, follow=True)(SCOPE, receive, send))
    assert found()["failed"] == 0
