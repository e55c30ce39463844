# SPDX-License-Identifier: Apache-2.0
"""The applications that test_web.py serves, each with the same routes; WRAPPED=1 adds the
middleware.

A process that served writes its profile to $PROFILES/PID.json when it ends.
"""

import asyncio
import atexit
import json
import os
import sys
import time

WRAPPED = os.environ.get("WRAPPED") == "1"


def _report_at_exit():
    """In the process that serves: a worker, where there are any."""
    import prognos

    prognos.start()
    path = os.path.join(os.environ["PROFILES"], f"{os.getpid()}.json")

    @atexit.register
    def write():
        with open(path + ".new", "w") as file:
            json.dump(prognos.profile(), file)
        os.rename(path + ".new", path)


class _Reporting:
    """Starts Prognos with the first request: in the worker, after its fork."""

    started = False

    @classmethod
    def start(cls):
        if WRAPPED and not cls.started:
            cls.started = True
            _report_at_exit()


def flask_application():
    import flask

    app = flask.Flask("app")

    @app.route("/users/<int:user>")
    def user(user):
        flask.request.environ["test.user"] = f"user {user % 2}"
        return f"user {user}"

    @app.route("/stream")
    def stream():
        def pieces():
            for number in range(5):
                time.sleep(0.002)
                yield f"piece {number}\n"

        return flask.Response(pieces(), mimetype="text/plain")

    @app.route("/late")
    def late():
        def pieces():
            yield "begun\n"
            raise ValueError("after start_response")

        return flask.Response(pieces(), mimetype="text/plain")

    @app.route("/file")
    def file():
        return flask.send_file(__file__, mimetype="text/plain")

    @app.route("/echo", methods=["POST"])
    def echo():
        return flask.request.get_data()

    @app.route("/boom")
    def boom():
        raise KeyError("boom")

    @app.route("/busy")
    def busy():
        return "busy", 503

    if WRAPPED:
        from prognos.wsgi import Middleware

        app.wsgi_app = Middleware(
            app.wsgi_app, work="both", session=lambda environ: environ.get("test.user")
        )
    return _wsgi(app)


def django_application():
    import django
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler
    from django.core.handlers.wsgi import WSGIHandler
    from django.http import FileResponse, HttpResponse, StreamingHttpResponse
    from django.urls import path

    def user(request, user):
        request.environ["test.user"] = f"user {user % 2}"
        return HttpResponse(f"user {user}")

    def stream(request):
        return StreamingHttpResponse(f"piece {number}\n" for number in range(5))

    def late(request):
        def pieces():
            yield "begun\n"
            raise ValueError("after start_response")

        return StreamingHttpResponse(pieces())

    def boom(request):
        raise KeyError("boom")

    class urls:
        urlpatterns = [
            path("users/<int:user>", user),
            path("stream", stream),
            path("late", late),
            path("file", lambda request: FileResponse(open(__file__, "rb"))),
            path("echo", lambda request: HttpResponse(request.body)),
            path("boom", boom),
            path("busy", lambda request: HttpResponse("busy", status=503)),
        ]

    settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY="test", DEBUG=False)
    django.setup(set_prefix=False)
    assert ASGIHandler is not None
    app = WSGIHandler()
    if WRAPPED:
        from prognos.wsgi import Middleware

        app = Middleware(app, work="both", session=lambda environ: environ.get("test.user"))
    return _wsgi(app)


def _wsgi(app):
    def application(environ, start_response):
        _Reporting.start()
        return app(environ, start_response)

    return application


def starlette_application():
    import prognos
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.middleware import Middleware as StarletteMiddleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
    from starlette.routing import Mount, Route, WebSocketRoute

    async def user(request):
        request.scope["test.user"] = f"user {int(request.path_params['user']) % 2}"
        await asyncio.sleep(0.001)
        return PlainTextResponse(f"user {request.path_params['user']}")

    def in_a_thread(request):
        with prognos.op("compute"):
            end = time.thread_time() + 0.02
            while time.thread_time() < end:
                pass
        return PlainTextResponse("from a thread")

    async def query(request):
        with prognos.op("query"):
            await asyncio.sleep(0.01)
            with prognos.op("rows"):
                await asyncio.sleep(0.01)
        return PlainTextResponse("queried")

    class InATask(BaseHTTPMiddleware):
        """Runs what is behind it in a task of its own."""

        async def dispatch(self, request, call_next):
            return await call_next(request)

    async def behind(request):
        with prognos.op("behind"):
            end = time.thread_time() + 0.02
            while time.thread_time() < end:
                pass
            await asyncio.sleep(0.001)
        return PlainTextResponse("behind")

    async def stream(request):
        async def pieces():
            for number in range(5):
                await asyncio.sleep(0.002)
                yield f"piece {number}\n"

        return StreamingResponse(pieces(), media_type="text/plain")

    async def late(request):
        async def pieces():
            yield "begun\n"
            raise ValueError("after the start")

        return StreamingResponse(pieces(), media_type="text/plain")

    async def slow(request):
        await asyncio.sleep(30)
        return PlainTextResponse("nobody waited for this")

    async def endless(request):
        async def pieces():
            while True:
                yield b"x" * 1000
                await asyncio.sleep(0.001)

        return StreamingResponse(pieces())

    async def echo(request):
        return Response(await request.body())

    async def boom(request):
        raise KeyError("boom")

    async def busy(request):
        return PlainTextResponse("busy", status_code=503)

    async def later(request):
        async def work():
            await asyncio.sleep(0.05)

        return PlainTextResponse("answered", background=BackgroundTask(work))

    async def chat(socket):
        await socket.accept()
        while (text := await socket.receive_text()) != "end":
            await socket.send_text(text.upper())
        await socket.close(1011)

    routes = [
        Route("/users/{user:int}", user),
        Mount("/shop", routes=[Route("/items/{item}", in_a_thread)]),
        Route("/query", query),
        Route("/behind", behind, middleware=[StarletteMiddleware(InATask)]),
        Route("/stream", stream),
        Route("/late", late),
        Route("/slow", slow),
        Route("/endless", endless),
        Route("/file", lambda request: FileResponse(__file__, media_type="text/plain")),
        Route("/echo", echo, methods=["POST"]),
        Route("/boom", boom),
        Route("/busy", busy),
        Route("/later", later),
        WebSocketRoute("/chat/{room}", chat),
    ]
    app = Starlette(routes=routes)
    if WRAPPED:
        from prognos.asgi import Middleware

        app.add_middleware(
            Middleware, work="both", follow=True, session=lambda scope: scope.get("test.user")
        )

    async def application(scope, receive, send):
        _Reporting.start()
        await app(scope, receive, send)

    return application


def aiohttp_application():
    from aiohttp import web

    async def user(request):
        request["test.user"] = f"user {int(request.match_info['user']) % 2}"
        await asyncio.sleep(0.001)
        return web.Response(text=f"user {request.match_info['user']}")

    async def stream(request):
        response = web.StreamResponse()
        response.content_type = "text/plain"
        await response.prepare(request)
        for number in range(5):
            await response.write(f"piece {number}\n".encode())
        return response

    async def echo(request):
        return web.Response(body=await request.read())

    async def boom(request):
        raise KeyError("boom")

    async def busy(request):
        raise web.HTTPServiceUnavailable(text="busy")

    async def file(request):
        return web.FileResponse(__file__)

    middlewares = []
    if WRAPPED:
        from prognos.aiohttp import middleware

        middlewares.append(
            middleware(work="both", session=lambda request: request.get("test.user"))
        )
    app = web.Application(middlewares=middlewares)
    app.add_routes(
        [
            web.get(r"/users/{user:\d+}", user),
            web.get("/stream", stream),
            web.post("/echo", echo),
            web.get("/boom", boom),
            web.get("/busy", busy),
            web.get("/file", file),
        ]
    )
    return app


def serve_aiohttp():
    import socket

    from aiohttp import web

    _Reporting.start()
    listener = socket.socket(fileno=int(sys.argv[1]))
    web.run_app(aiohttp_application(), sock=listener, print=None)


def __getattr__(name):
    """`web_apps:flask` for the servers' command lines: made when a worker asks for it."""
    if name in ("flask", "django", "starlette"):
        return globals()[f"{name}_application"]()
    raise AttributeError(name)


if __name__ == "__main__":
    serve_aiohttp()
