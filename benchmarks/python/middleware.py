# SPDX-License-Identifier: Apache-2.0
"""What the middlewares add to a request, with everything on but call stacks.

    PYTHONPATH=build/python python3 benchmarks/python/middleware.py

Starlette and Flask applications of twenty routes are called in the process, without a server,
plain and wrapped, in turn, some requests each; the minimum of many turns is what it takes on a
quiet core. A server's own work, which is several times as much, is not in it: the ratio to a
whole request is smaller.
"""

import asyncio
import json
import sys
import time

import prognos

TURNS, REQUESTS = 400, 20


def starlette():
    from prognos.asgi import Middleware
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Route

    async def answer(request):
        return PlainTextResponse("answer")

    async def receive():
        return {"type": "http.request", "body": b""}

    async def send(message):
        pass

    def application():
        return Starlette(routes=[Route(f"/route{n}/{{number}}", answer) for n in range(20)])

    def calls(app):
        async def some():
            for _ in range(REQUESTS):
                scope = {"type": "http", "method": "GET", "path": "/route10/5", "headers": []}
                await app({**scope, "query_string": b"", "root_path": ""}, receive, send)

        loop = asyncio.new_event_loop()
        return lambda: loop.run_until_complete(some())

    return {
        "plain": calls(application()),
        "Middleware": calls(Middleware(application())),
        "Middleware, route given": calls(Middleware(application(), route=lambda _: "GET /route")),
    }


def flask():
    import flask
    from prognos.wsgi import Middleware
    from werkzeug.test import EnvironBuilder

    def application():
        app = flask.Flask("benchmark")
        for n in range(20):
            app.add_url_rule(f"/route{n}/<int:number>", str(n), lambda number: "answer")
        return app

    environ = EnvironBuilder(path="/route10/5").get_environ()

    def calls(app):
        def some():
            for _ in range(REQUESTS):
                answer = app(dict(environ), lambda status, headers, exc_info=None: None)
                for _piece in answer:
                    pass
                answer.close()

        return some

    return {
        "plain": calls(application()),
        "Middleware": calls(Middleware(application())),
        "Middleware, route given": calls(Middleware(application(), route=lambda _: "GET /route")),
    }


def main():
    prognos.start(track="cpu,memory,io")
    rows = {}
    for name, framework in (("Starlette", starlette), ("Flask", flask)):
        try:
            kinds = framework()
        except ImportError as error:
            print(f"left out: {name} ({error})", file=sys.stderr)
            continue
        least = dict.fromkeys(kinds, float("inf"))
        for _ in range(TURNS):
            for kind, some in kinds.items():
                began = time.perf_counter_ns()
                some()
                took = (time.perf_counter_ns() - began) / REQUESTS / 1000
                least[kind] = min(least[kind], took)
        rows[name] = least
    print("| framework | plain, us a request | with the middleware | with a route that is given |")
    print("| --- | --- | --- | --- |")
    for name, least in rows.items():
        plain, wrapped, given = least.values()
        cells = [
            f"{value:.1f} (+{value - plain:.1f}, {value / plain:.2f} x)"
            for value in (wrapped, given)
        ]
        print(f"| {name} | {plain:.1f} | {cells[0]} | {cells[1]} |")
    if "--json" in sys.argv:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
