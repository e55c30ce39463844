# SPDX-License-Identifier: Apache-2.0
"""What a request has others do for it: tasks of the event loop, and functions in worker threads."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import sys
import types
import weakref

from . import _web

# The span of the request that runs; tasks and worker threads get a copy of their creator's context.
_span = contextvars.ContextVar("prognos request", default=None)
_loops = weakref.WeakSet()  # those that have our task factory


class Following:
    """Begun and ended around each request."""

    def begin(self, span):
        loop = asyncio.get_running_loop()
        if loop not in _loops:
            _loops.add(loop)
            _set_factory(loop)
        if "anyio" in sys.modules:
            _replace_run_sync()
        return _span.set(span)

    def end(self, token):
        _span.reset(token)


def _set_factory(loop):
    before = loop.get_task_factory()

    def factory(loop, coroutine, **keywords):
        context = keywords.get("context")
        span = _span.get() if context is None else context.get(_span)
        if span is not None and span.handle and isinstance(coroutine, types.CoroutineType):
            followed = _web.follow(coroutine, span)
            followed.__name__ = coroutine.__name__
            followed.__qualname__ = coroutine.__qualname__
            coroutine = followed
        if before is not None:
            return before(loop, coroutine, **keywords)
        return asyncio.Task(coroutine, loop=loop, **keywords)

    loop.set_task_factory(factory)


@functools.cache
def _replace_run_sync():
    import anyio.to_thread

    run_sync = anyio.to_thread.run_sync

    @functools.wraps(run_sync)
    async def run_sync_for_request(function, *args, **kwargs):
        span = _span.get()
        if span is None or not span.handle:
            return await run_sync(function, *args, **kwargs)

        def run_for_request(*args):
            entered = span._resume()  # not where another thread runs for the same request
            try:
                return function(*args)
            finally:
                if entered:
                    span._suspend()

        return await run_sync(run_for_request, *args, **kwargs)

    anyio.to_thread.run_sync = run_sync_for_request
