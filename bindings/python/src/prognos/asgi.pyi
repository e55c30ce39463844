# SPDX-License-Identifier: Apache-2.0
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Literal

_Messages = Callable[..., Awaitable[Any]]
_Scope = MutableMapping[str, Any]

class Middleware:
    app: Callable[..., Awaitable[Any]]
    def __init__(
        self,
        app: Callable[..., Awaitable[Any]],
        *,
        route: Callable[[_Scope], str | None] | None = ...,
        session: Callable[[_Scope], str | None] | None = ...,
        work: Literal["requests", "responses", "both"] | None = ...,
        follow: bool = ...,
        max_routes: int = ...,
        max_sessions: int = ...,
    ) -> None: ...
    async def __call__(self, scope: Any, receive: _Messages, send: _Messages) -> Any: ...
