# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from typing import Any, Literal

def middleware(
    *,
    route: Callable[[Any], str | None] | None = ...,
    session: Callable[[Any], str | None] | None = ...,
    work: Literal["requests", "responses", "both"] | None = ...,
    max_routes: int = ...,
    max_sessions: int = ...,
) -> Any: ...
