# SPDX-License-Identifier: Apache-2.0
"""WSGI middleware: each request is an operation, named by its route.

    from prognos.wsgi import Middleware

    app.wsgi_app = Middleware(app.wsgi_app)             # Flask
    application = Middleware(get_wsgi_application())    # Django
    application = Middleware(application, route=lambda environ: ...)

A request's operation is a span: it begins with the call of the application and ends when the
server closes the response, so that what a generator does between two pieces counts, as does the
time that the client takes to read them. CPU time, memory and input and output are those of the
application alone.
"""

from __future__ import annotations

import sys

from . import _web

__all__ = ["Middleware"]


class Middleware:
    """Wraps a WSGI application; what it answers is passed on unchanged.

    app           a WSGI application (PEP 3333)
    route         callable(environ) -> name of the operation, such as "GET /users/<id>"; None or
                  "" for none. Without it the routes of Flask, Quart and Django are known. What
                  has no route counts as "(no route)". Never give the raw path: names are kept,
                  and after max_routes of them the rest counts as "(other routes)"
    session       callable(environ) -> the name of a user or tenant, or None; asked when the
                  request ends
    work          what counts as the request's work: "requests" (bytes of the body that the client
                  says it sends), "responses" (bytes of the body), "both", or None
    max_sessions  sessions that are open at once; the one that was not used for the longest time
                  is closed for a new one

    An answer of 500 or more fails as "http_500" ..., an exception by its type's name. A list or
    tuple, and a file that the server sends by itself (wsgi.file_wrapper), are handed to the
    server as they are: their operation ends with the call. Thread safe. In a greenlet (gevent),
    the thread is told so: prognos.greenlets.install().
    """

    def __init__(
        self, app, *, route=None, session=None, work=None, max_routes=1000, max_sessions=1000
    ):
        if not callable(app):
            raise TypeError(f"app must be a WSGI application, not {type(app).__name__}")
        self.app = app
        self._settings = _web.Settings(route, session, work, max_routes, max_sessions)
        self._resolve = route or _resolver(app)

    def __call__(self, environ, start_response):
        settings = self._settings
        _expect_greenlets()
        request = _web.Request(settings, settings.named(self._resolve, environ), environ)
        span = request.span
        if settings.counts_requests:
            size = environ.get("CONTENT_LENGTH") or ""
            if size.isdecimal():
                span.work(int(size))

        def start(status, headers, *exc_info):
            try:
                request.status(int(status[:3]))
            except (TypeError, ValueError):
                pass  # not ours to judge: the server will
            write = start_response(status, headers, *exc_info)
            if not settings.counts_responses or write is None:
                return write

            def counting_write(data):
                span.work(len(data))
                return write(data)

            return counting_write

        span._resume()
        try:
            answer = self.app(environ, start)
        except BaseException as error:
            request.raised(error)
            span._suspend()
            request.end()
            raise
        span._suspend()
        if isinstance(answer, (list, tuple)):
            if settings.counts_responses:
                span.work(sum(map(len, answer)))
            request.end()
            return answer
        file_wrapper = environ.get("wsgi.file_wrapper")
        is_a_file = isinstance(file_wrapper, type) and isinstance(answer, file_wrapper)
        if is_a_file or not hasattr(answer, "__iter__"):  # or what only the server knows
            request.end()
            return answer
        # Servers look at the length to tell the client's, so that it must be there or not as
        # before.
        return (_SizedAnswer if hasattr(answer, "__len__") else _Answer)(answer, request)


class _Answer:
    """The application's iterable: what it does counts, and close() reaches it."""

    def __init__(self, answer, request):
        self._answer = answer
        self._request = request
        self._iterator = None

    def __iter__(self):
        return self

    def __next__(self):
        request = self._request
        span = request.span
        if span is None:  # closed: whatever it does now is its own affair
            return next(self._iterator if self._iterator is not None else iter(self._answer))
        span._resume()
        try:
            if self._iterator is None:
                self._iterator = iter(self._answer)
            data = next(self._iterator)
        except StopIteration:
            raise
        except BaseException as error:
            request.raised(error)
            raise
        finally:
            span._suspend()
        if request.settings.counts_responses:
            span.work(len(data))
        return data

    def close(self):
        request = self._request
        span = request.span
        close = getattr(self._answer, "close", None)
        if span is None:
            if close is not None:
                close()
            return
        span._resume()
        try:
            if close is not None:
                close()
        except BaseException as error:
            request.raised(error)
            raise
        finally:
            span._suspend()
            request.end()

    def __del__(self):
        self._request.end()  # of a server that does not call close()


class _SizedAnswer(_Answer):
    def __len__(self):
        return len(self._answer)


def _expect_greenlets():
    """Under gevent, has requests that take turns on this thread keep their operations apart."""
    greenlet = sys.modules.get("greenlet")
    if greenlet is None or greenlet.getcurrent().parent is None:
        return
    from .greenlets import install

    install()


def _resolver(app):
    """A callable(environ) -> name for the framework that `app` belongs to."""
    owner = getattr(app, "__self__", app)  # app.wsgi_app is a method of the application
    depth = 0
    while owner is not None and depth < 16:
        if hasattr(owner, "url_map") and hasattr(owner, "create_url_adapter"):
            return _werkzeug_resolver(owner)
        module = type(owner).__module__
        if module.startswith("django.core.handlers."):
            return _django_resolver
        # Other middlewares keep what they wrap in one of these.
        inner = getattr(owner, "wsgi_app", None) or getattr(owner, "app", None)
        owner = getattr(inner, "__self__", inner)
        depth += 1
    return _no_route


def _no_route(environ):
    return None


def _werkzeug_resolver(app):
    def resolve(environ):
        from werkzeug.exceptions import HTTPException, MethodNotAllowed
        from werkzeug.routing import RequestRedirect

        adapter = app.url_map.bind_to_environ(environ)
        method = environ.get("REQUEST_METHOD", "GET")
        try:
            rule = adapter.match(method=method, return_rule=True)[0]
        except RequestRedirect:
            return _web.route_name(method, "(redirect)")
        except MethodNotAllowed as error:
            try:
                rule = adapter.match(method=error.valid_methods[0], return_rule=True)[0]
            except HTTPException:
                return None
        except HTTPException:
            return None
        return _web.route_name(method, rule.rule)

    return resolve


def _django_resolver(environ):
    from django.urls import Resolver404, resolve

    path = environ.get("PATH_INFO", "").encode("latin-1").decode("utf-8", "replace") or "/"
    try:
        return _web.route_name(environ.get("REQUEST_METHOD", "GET"), "/" + resolve(path).route)
    except Resolver404:
        return None
