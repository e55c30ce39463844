# SPDX-License-Identifier: Apache-2.0
"""What the middlewares share: bounded operation names, sessions, and the life of one request."""

from __future__ import annotations

import threading
import types

import prognos

# What a client sends as a method is text of its own choice: only these become part of a name.
METHODS = frozenset(
    ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "QUERY")
)
NO_ROUTE = "(no route)"
OTHER_ROUTES = "(other routes)"
WORK_SIZES = (None, "requests", "responses", "both")


def route_name(method: str, template: str) -> str:
    """ "GET /users/{id}", with "_OTHER" for a method that HTTP does not define."""
    method = method.upper()
    return f"{method if method in METHODS else '_OTHER'} {template}"


class Settings:
    """The options of a middleware, checked; its operations by name, and its open sessions.

    Thread safe. Operations and sessions are bounded, whatever names the host's callables give.
    """

    def __init__(self, route, session, work, max_routes, max_sessions):
        for name, value in (("route", route), ("session", session)):
            if value is not None and not callable(value):
                raise TypeError(f"{name} must be callable or None, not {type(value).__name__}")
        for name, value in (("max_routes", max_routes), ("max_sessions", max_sessions)):
            if not isinstance(value, int) or value < 1:
                raise ValueError(f"{name} must be a whole number of at least 1, not {value!r}")
        if work not in WORK_SIZES:
            raise ValueError(f"work must be one of {WORK_SIZES}, not {work!r}")
        self.route = route
        self.session = session
        self.counts_requests = work in ("requests", "both")
        self.counts_responses = work in ("responses", "both")
        self._max_routes = max_routes
        self._max_sessions = max_sessions
        self._operations = {}
        self._sessions = {}
        self._lock = threading.Lock()
        self._reported = set()

    def operation(self, name):
        """The operation of this name; one for all further names once there are max_routes."""
        found = self._operations.get(name)
        if found is not None:
            return found
        with self._lock:
            if len(self._operations) >= self._max_routes:
                name = OTHER_ROUTES
            found = self._operations.get(name)
            if found is None:
                found = self._operations[name] = prognos.op(name)
        return found

    def named(self, resolve, subject):
        """What `resolve(subject)` names, or NO_ROUTE: a failure of it may not harm the request."""
        try:
            name = resolve(subject)
        except Exception:
            self._report("route")
            return NO_ROUTE
        if not isinstance(name, str) or not name:
            return NO_ROUTE
        return name.encode("utf-8", "replace").decode()  # without lone surrogates

    def count_in_session(self, span, subject):
        """Counts a span that no thread has entered, and that is about to end, in its session.

        It is asked for at the end because users are known only after the host has looked who it is.
        """
        try:
            name = self.session(subject)
            if not name:
                return
            session = self._session(str(name))
            with session:
                span._resume()
                span._suspend()
        except Exception:
            self._report("session")

    def _session(self, name):
        with self._lock:
            session = self._sessions.pop(name, None)
            if session is None:
                if len(self._sessions) >= self._max_sessions:
                    oldest = next(iter(self._sessions))
                    self._sessions.pop(oldest).close()
                session = prognos.session(name)
            self._sessions[name] = session  # the latest used are at the end
            return session

    def _report(self, what):
        if what not in self._reported:
            self._reported.add(what)
            import logging

            logging.getLogger("prognos").warning(
                "the middleware's %s callable failed; requests go on without it, "
                "and this is said once",
                what,
                exc_info=True,
            )


class Request:
    """One request: a span that is entered while the host's code for it runs on a thread."""

    __slots__ = ("settings", "subject", "span", "answered")

    def __init__(self, settings, name, subject):
        self.settings = settings
        self.subject = subject
        self.span = settings.operation(name).span()
        self.answered = False

    def status(self, status):
        if status >= 500:
            self.span._mark(f"http_{status}")

    def raised(self, error):
        name = type(error).__name__
        self.span._mark("cancelled" if name in ("CancelledError", "Cancelled") else name)

    def end(self):
        """Ends the span; it must be left. A second call does nothing."""
        span = self.span
        if span is not None:
            self.span = None
            if self.settings.session is not None:
                self.settings.count_in_session(span, self.subject)
            span._finish()


@types.coroutine
def drive(start, request):
    """Awaits what `start()` gives; the request's span is entered while it runs, left while it
    waits.

    What awaiting itself does (PEP 380, PEP 492), with two calls around each step.
    """
    span = request.span
    background = None
    steps = None
    resume = argument = None
    try:
        while True:
            span._resume()
            try:
                if steps is None:
                    steps = _steps(start())
                    resume, argument = _sender(steps), None
                waited_for = resume(argument)
                if request.answered and background is None:
                    background = prognos.op("background").span()  # begun inside: called by it
            except StopIteration as stop:
                return stop.value
            except BaseException as error:
                request.raised(error)
                raise
            finally:
                argument = (
                    None  # an exception that was thrown in, which has this frame in its traceback
                )
                span._suspend()
            if background is not None and span is not background:
                request.end()
                span = background
            try:
                argument = yield waited_for
                resume = _sender(steps)
            except GeneratorExit as error:
                request.raised(error)
                _close(steps, span)
                raise
            except BaseException as error:
                resume, argument = _thrower(steps), error
    finally:
        if background is not None:
            background._finish()
        request.end()


async def follow(coroutine, span):
    """Awaits a coroutine of another task, whose steps count in `span` as long as it is open."""
    return await _follow(prognos._core.traced(None, coroutine), span)


@types.coroutine
def _follow(steps, span):
    resume, argument = steps.send, None
    while True:
        entered = span._resume()  # not within a step of the same request: eager tasks
        try:
            waited_for = resume(argument)
        except StopIteration as stop:
            return stop.value
        finally:
            argument = None
            if entered:
                span._suspend()
        try:
            argument = yield waited_for
            resume = steps.send
        except GeneratorExit:
            _close(steps, span)
            raise
        except BaseException as error:
            resume, argument = steps.throw, error


def _steps(awaitable):
    if isinstance(awaitable, types.CoroutineType):
        # So that what the host's code has open in `with` blocks is suspended with it, and goes on.
        return prognos._core.traced(None, awaitable)
    return awaitable.__await__()


def _sender(steps):
    return getattr(steps, "send", None) or (lambda _: next(steps))


def _thrower(steps):
    def throw(error):  # an iterator need not have one
        raise error

    return getattr(steps, "throw", None) or throw


def _close(steps, span):
    close = getattr(steps, "close", None)
    if close is not None:
        entered = span._resume()
        try:
            close()
        finally:
            if entered:
                span._suspend()
