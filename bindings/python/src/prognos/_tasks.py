# SPDX-License-Identifier: Apache-2.0
"""asyncio: every task of a loop as an operation."""

import asyncio
from collections.abc import Callable
from typing import Any

from . import Operation, _core, op


def _named(coroutine: Any) -> Operation:
    return op(getattr(coroutine, "__qualname__", None) or type(coroutine).__qualname__)


def trace_tasks(
    loop: asyncio.AbstractEventLoop | None = None, *, name: Callable[[Any], str] | None = None
) -> None:
    """Makes each task that the loop (None: the running one) creates from now on an operation.

    A task is one call: its wall time from its first step to its end, and the CPU time, memory,
    input and output of what it runs. Tasks of decorated coroutines are operations already, and stay
    of one name. `name`: a function of the coroutine that gives the operation's name; None: the
    coroutine's qualified name. Names should be few: the table of operations is bounded. A task
    factory that the loop has is called as before.
    """
    loop = loop or asyncio.get_running_loop()
    before = loop.get_task_factory()

    def operation(coroutine: Any) -> Operation:
        return op(name(coroutine)) if name else _named(coroutine)

    def factory(loop: asyncio.AbstractEventLoop, coroutine: Any, **keywords: Any) -> Any:
        # What is decorated is a span of its own already.
        if not hasattr(type(coroutine), "__prognos__"):
            coroutine = _core.traced(operation(coroutine), coroutine)
        if before is not None:
            return before(loop, coroutine, **keywords)
        return asyncio.Task(coroutine, loop=loop, **keywords)

    loop.set_task_factory(factory)
