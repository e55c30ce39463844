# SPDX-License-Identifier: Apache-2.0
"""Greenlets (gevent, eventlet): each has its own open operations.

    import prognos.greenlets

    prognos.greenlets.install()          # once in each thread that runs greenlets, after monkey
                                         patching

Greenlets take turns on one thread wherever they wait. Without this, an operation that is open in
one of them would count as the caller of what others begin meanwhile, and end with them. With it
every call of an operation on this thread is a span, which is left when its greenlet waits: wall
time is from begin to end, CPU time, memory and input and output are its own. A call then takes
0.2 us more, and a switch 0.1 us and as much for each open operation.

What is open in a greenlet that dies fails as "abandoned". Operations of coroutines, asyncio's and
their spans are not changed; operations that a C extension begins through prognos.h stay with
their thread.
"""

from __future__ import annotations

from . import _core

__all__ = ["install"]


def install():
    """Has this thread's greenlets keep their operations apart. A second call does nothing.

    Uses greenlet.settrace() of this thread, of which there is one: a trace function that was set
    before is still called; one that is set later takes this one's place unless it calls it.
    ImportError without greenlet.
    """
    import greenlet

    trace = greenlet.gettrace()
    if trace is _core.switched_trace:
        return
    _core.switched_on(greenlet.getcurrent(), trace)
    greenlet.settrace(_core.switched_trace)
