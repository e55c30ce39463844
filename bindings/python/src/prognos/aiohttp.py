# SPDX-License-Identifier: Apache-2.0
"""Middleware for aiohttp's server: each request is an operation, named by its route.

from prognos.aiohttp import middleware

app = web.Application(middlewares=[middleware()])   # the outermost: first in the list
"""

from __future__ import annotations

from . import _web

__all__ = ["middleware"]


def middleware(*, route=None, session=None, work=None, max_routes=1000, max_sessions=1000):
    """A middleware for `aiohttp.web.Application(middlewares=[...])`.

    route, session  callable(request); otherwise, and the rest, as for `prognos.asgi.Middleware`.
                    Without `route` the name is the method and the resource's canonical path: "GET
                    /users/{id}". What has none counts as "(no route)".
    work            "responses" counts bodies that the handler returns as bytes; what it writes to
                    a stream it may count itself, with `prognos.work`

    The operation is from the call of the handler to its return; aiohttp sends what was returned
    afterwards. An answer of 500 or more fails as "http_500" ..., also one that is raised; other
    exceptions fail by their type's name.
    """
    settings = _web.Settings(route, session, work, max_routes, max_sessions)
    resolve = route or _route

    async def prognos_middleware(request, handler):
        record = _Request(settings, settings.named(resolve, request), request)
        if settings.counts_requests and request.content_length:
            record.span.work(request.content_length)

        async def handle():
            response = await handler(request)
            record.status(response.status)
            body = getattr(response, "body", None)
            if settings.counts_responses and isinstance(body, (bytes, bytearray)):
                record.span.work(len(body))
            return response

        return await _web.drive(handle, record)

    prognos_middleware.__middleware_version__ = 1  # what aiohttp.web.middleware sets
    return prognos_middleware


class _Request(_web.Request):
    __slots__ = ()

    def raised(self, error):
        status = getattr(error, "status", None)
        if isinstance(status, int) and hasattr(error, "prepare"):
            self.status(status)  # web.HTTPException: an answer that is raised
        else:
            super().raised(error)


def _route(request):
    resource = request.match_info.route.resource
    return None if resource is None else _web.route_name(request.method, resource.canonical)
