# SPDX-License-Identifier: Apache-2.0
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any, TypeVar

from . import Operation, Session

_T = TypeVar("_T")

def submit(
    executor: Executor,
    function: Callable[..., _T],
    /,
    *args: Any,
    operation: Operation | str | None = ...,
    session: Session | None = ...,
    **kwargs: Any,
) -> Future[_T]: ...

class Traced(Executor):
    executor: Executor
    def __init__(
        self,
        executor: Executor,
        operation: Operation | str | None = ...,
        *,
        session: Session | None = ...,
    ) -> None: ...
