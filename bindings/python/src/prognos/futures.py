# SPDX-License-Identifier: Apache-2.0
"""Work in pools: what it costs, and how long it waited for a thread.

    from concurrent.futures import ThreadPoolExecutor
    from prognos.futures import Traced, submit

    with Traced(ThreadPoolExecutor(8)) as pool:         # every call of the pool
        pool.submit(resize, image)

    submit(pool, resize, image)                         # one call

A call is an operation, named after the function (or as given). Its time is that of the call
alone. The time from submit() until a thread takes it is an operation of its own, "NAME (queued)",
called by what submitted it and the caller of what ran: the call tree leads from the submitter
through the queue to the call.

In a ProcessPoolExecutor the call counts in the process that ran it, in a recording of its own
(prognos.forks), and "NAME (queued)" is not known.
"""

from __future__ import annotations

from concurrent.futures import Executor

import prognos

__all__ = ["Traced", "submit"]


def submit(executor, function, /, *args, operation=None, session=None, **kwargs):
    """Submits one call to an executor, counted as a call of `operation`; returns the executor's
    future.

    operation  an Operation or a name; None: the function's module and name
    session    a Session that the thread works for meanwhile; None: none
    """
    operation = _operation(operation, function)
    if _is_of_processes(executor):
        return executor.submit(_InProcess(operation.name, function), *args, **kwargs)
    call = _Call(operation, session, function)
    try:
        future = executor.submit(call, *args, **kwargs)
    except BaseException:
        call.drop("rejected")
        raise
    future.add_done_callback(call.done)
    return future


class Traced(Executor):
    """An executor whose calls are counted; all else is that of the one that it wraps.

    executor   any concurrent.futures.Executor
    operation  an Operation or a name for all calls; None: each function's own
    session    a Session for which the pool works; None: none
    """

    def __init__(self, executor, operation=None, *, session=None):
        if not callable(getattr(executor, "submit", None)):
            raise TypeError(f"executor must have submit(); {type(executor).__name__} has not")
        if operation is not None:
            operation = _operation(operation, None)
        self.executor = executor
        self._operation = operation
        self._session = session

    def submit(self, function, /, *args, **kwargs):
        operation = _operation(self._operation, function)
        # Keywords are the function's, also those that submit() above has itself.
        if kwargs:
            function = _WithKeywords(function, kwargs)
        return submit(self.executor, function, *args, operation=operation, session=self._session)

    def map(self, function, *iterables, timeout=None, chunksize=1):
        if not _is_of_processes(self.executor):
            return super().map(function, *iterables, timeout=timeout, chunksize=chunksize)
        call = _InProcess(_operation(self._operation, function).name, function)
        return self.executor.map(call, *iterables, timeout=timeout, chunksize=chunksize)

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.executor.shutdown(wait=wait, cancel_futures=cancel_futures)

    def __getattr__(self, name):
        if name == "executor":  # of a copy that is being made
            raise AttributeError(name)
        return getattr(self.executor, name)


def _operation(operation, function):
    if operation is None:
        while hasattr(function, "func"):  # functools.partial
            function = function.func
        name = getattr(function, "__qualname__", None) or type(function).__qualname__
        module = getattr(function, "__module__", None)
        operation = f"{module}.{name}" if module else name
    if isinstance(operation, str):
        return prognos.op(operation)
    if isinstance(operation, prognos.Operation):
        return operation
    raise TypeError(f"operation must be an Operation or a name, not {type(operation).__name__}")


def _is_of_processes(executor):
    executor = getattr(executor, "executor", executor)
    return any(
        base.__name__ == "ProcessPoolExecutor" and base.__module__ == "concurrent.futures.process"
        for base in type(executor).__mro__
    )


class _Call:
    """One call in a pool: queued, then run."""

    __slots__ = ("operation", "session", "function", "queued")

    def __init__(self, operation, session, function):
        self.operation = operation
        self.session = session
        self.function = function
        self.queued = prognos.op(f"{operation.name} (queued)").span()

    def __call__(self, *args, **kwargs):
        queued = self.queued
        queued._resume()
        span = self.operation.span()  # begun inside: called by it, also when it has ended
        queued._suspend()
        queued._finish()
        session = self.session
        if session is not None:
            session.__enter__()
        span._resume()
        try:
            return self.function(*args, **kwargs)
        except BaseException as error:
            name = type(error).__name__
            span._mark("cancelled" if name == "CancelledError" else name)
            raise
        finally:
            span._suspend()
            if session is not None:
                session.__exit__(None, None, None)
            span._finish()

    def done(self, future):
        """A future that was cancelled has never run."""
        if future.cancelled():
            self.drop("cancelled")

    def drop(self, kind):
        self.queued._mark(kind)
        self.queued._finish()


class _WithKeywords:
    __slots__ = ("function", "kwargs")

    def __init__(self, function, kwargs):
        self.function = function
        self.kwargs = kwargs

    def __call__(self, *args):
        return self.function(*args, **self.kwargs)

    def __reduce__(self):
        return type(self), (self.function, self.kwargs)


class _InProcess:
    """A call in another process, which imports this to call it."""

    __slots__ = ("name", "function")

    def __init__(self, name, function):
        self.name = name
        self.function = function

    def __call__(self, *args, **kwargs):
        with prognos.op(self.name):
            return self.function(*args, **kwargs)

    def __reduce__(self):
        return type(self), (self.name, self.function)
