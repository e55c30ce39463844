# SPDX-License-Identifier: Apache-2.0
"""ASGI middleware: each request is an operation, named by its route.

    from prognos.asgi import Middleware

    app.add_middleware(Middleware)                      # Starlette, FastAPI
    app = Middleware(app)                               # any ASGI application
    app = Middleware(app, route=lambda scope: ..., session=lambda scope: scope.get("user"))

A request's operation is a span that is entered whenever the event loop runs the application for
it: its wall time is from the call to the last piece of the answer, its CPU time, memory and input
and output are its own, however many requests are interleaved. What an application goes on to do
after its answer (background tasks) counts as the operation "background", called by the request's.
"""

from __future__ import annotations

from . import _web

__all__ = ["Middleware"]


class Middleware:
    """Wraps an ASGI 3 application; what it receives and answers is passed on unchanged.

    app           an ASGI application
    route         callable(scope) -> name of the operation, such as "GET /users/{id}"; None or ""
                  for none. Without it the routes of Starlette, FastAPI, Quart and Django are
                  known. What has no route counts as "(no route)". Never give the raw path: names
                  are kept, and after max_routes of them the rest counts as "(other routes)"
    session       callable(scope) -> the name of a user or tenant, or None; asked when the request
                  ends, so that it finds what the application put into the scope
    work          what counts as the request's work: "requests" (bytes of bodies and messages
                  received), "responses" (bytes sent), "both", or None
    follow        True: what the application runs for the request in tasks of its own (Starlette's
                  BaseHTTPMiddleware, FastAPI's @app.middleware) and in AnyIO's worker threads
                  (their plain `def` endpoints) counts in the request, too. For that the event loop
                  gets a task factory, and anyio.to_thread.run_sync() is replaced
    max_sessions  sessions that are open at once; the one that was not used for the longest time
                  is closed for a new one

    An answer of 500 or more fails as "http_500" ..., an exception by its type's name (a cancelled
    request as "cancelled"), a client that goes away before its answer is complete as
    "client_disconnect". A websocket is one operation "WS /path" from the handshake until the
    application returns; a close with 1011 (internal error) or above fails as "ws_1011" .... The
    lifespan protocol is passed on and not recorded. Code that the application runs on other
    threads or in tasks of its own counts there, not in the request.
    """

    def __init__(
        self,
        app,
        *,
        route=None,
        session=None,
        work=None,
        follow=False,
        max_routes=1000,
        max_sessions=1000,
    ):
        if not callable(app):
            raise TypeError(f"app must be an ASGI application, not {type(app).__name__}")
        self.app = app
        self._settings = _web.Settings(route, session, work, max_routes, max_sessions)
        self._route = route
        self._following = None
        if follow:
            from ._following import Following

            self._following = Following()

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        settings = self._settings
        request = _web.Request(settings, settings.named(self._name, scope), scope)
        span = request.span  # messages after the end are dropped by the library, never an error

        async def received():
            message = await receive()
            kind = message["type"]
            if kind == "http.request" or kind == "websocket.receive":
                if settings.counts_requests:
                    span.work(_size(message, "body", "bytes", "text"))
            elif kind == "http.disconnect" and not request.answered:
                span._mark("client_disconnect")
            return message

        async def sent(message):
            await send(message)
            kind = message["type"]
            if kind == "http.response.start" or kind == "websocket.http.response.start":
                request.status(message["status"])
            elif kind == "http.response.body" or kind == "websocket.send":
                if settings.counts_responses:
                    span.work(_size(message, "body", "bytes", "text"))
                if kind == "http.response.body" and not message.get("more_body", False):
                    request.answered = True
            elif kind == "http.response.pathsend" or kind == "http.response.zerocopysend":
                request.answered = not message.get("more_body", False)
            elif kind == "websocket.close" and (message.get("code") or 1000) in _FAILED_CLOSES:
                span._mark(f"ws_{message['code']}")

        following = self._following
        if following is None:
            return await _web.drive(lambda: self.app(scope, received, sent), request)
        token = following.begin(span)
        try:
            return await _web.drive(lambda: self.app(scope, received, sent), request)
        finally:
            following.end(token)

    def _name(self, scope):
        if self._route is not None:
            return self._route(scope)
        # Starlette, FastAPI and Quart say which application it is; one that is wrapped from
        # outside does not yet.
        template = _template(scope.get("app") or self.app, scope)
        if template is None:
            return None
        return _web.route_name(scope["method"], template) if "method" in scope else f"WS {template}"


_FAILED_CLOSES = (1011, 1012, 1013, 1014)  # of RFC 6455 and the IANA registry: the server's fault


def _size(message, *keys):
    for key in keys:
        data = message.get(key)
        if data:
            return len(data) if key != "text" else len(data.encode())
    return 0


def _template(app, scope):
    """The route's template in the application that `app` is, or wraps; None where there is none."""
    for _ in range(16):  # other middlewares keep what they wrap in `app`
        if app is None:
            return None
        if isinstance(getattr(app, "routes", None), list):
            return _starlette_template(app.routes, scope)
        if hasattr(app, "url_map") and hasattr(app, "create_url_adapter"):
            return _quart_template(app, scope)
        if type(app).__module__.startswith("django.core.handlers."):
            return _django_template(scope)
        app = getattr(app, "app", None)
    return None


def _starlette_template(routes, scope):
    """As Starlette's router finds it: the first match with its method, else the first without."""
    partial = None
    for route in routes:
        matches = getattr(route, "matches", None)
        if matches is None:
            continue
        match, child_scope = matches(scope)
        if match.value == 0:  # starlette.routing.Match: NONE, PARTIAL (another method), FULL
            continue
        here = getattr(route, "path", None)
        if here is None:
            here = getattr(route, "host", "")
        if hasattr(route, "endpoint"):
            template = here
        else:  # a mount, or a host: of other routes, or of an application that has none
            children = getattr(route, "routes", None)
            template = None
            if children:
                inner = _starlette_template(children, {**scope, **child_scope})
                template = None if inner is None else here + inner
            elif getattr(route, "app", None) is not None and hasattr(route, "path"):
                template = here + "/{path}"
        if match.value == 2:
            return template
        if partial is None:
            partial = template
    return partial


def _quart_template(app, scope):
    from werkzeug.exceptions import HTTPException

    headers = dict(scope.get("headers") or ())
    host = headers.get(b"host", b"localhost").decode("latin-1")
    adapter = app.url_map.bind(host, path_info=scope["path"])
    websocket = scope["type"] == "websocket"
    try:
        rule = adapter.match(
            method=scope.get("method", "GET"), return_rule=True, websocket=websocket
        )[0]
    except HTTPException:
        return None
    return rule.rule


def _django_template(scope):
    from django.urls import Resolver404, resolve

    path = scope["path"].removeprefix(scope.get("root_path", "")) or "/"
    try:
        return "/" + resolve(path).route
    except Resolver404:
        return None
