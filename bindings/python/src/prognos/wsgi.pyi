# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable, Iterable
from typing import Any, Literal

_Environ = dict[str, Any]

class Middleware:
    app: Callable[..., Iterable[bytes]]
    def __init__(
        self,
        app: Callable[..., Iterable[bytes]],
        *,
        route: Callable[[_Environ], str | None] | None = ...,
        session: Callable[[_Environ], str | None] | None = ...,
        work: Literal["requests", "responses", "both"] | None = ...,
        max_routes: int = ...,
        max_sessions: int = ...,
    ) -> None: ...
    def __call__(self, environ: _Environ, start_response: Any) -> Iterable[bytes]: ...
