# SPDX-License-Identifier: Apache-2.0
import logging

from .answers import Alert

logger: logging.Logger

def message(text: str) -> None: ...
def alert(alert: Alert) -> None: ...
def connect() -> logging.Logger: ...

class OperationFilter(logging.Filter):
    absent: str
    def __init__(self, absent: str = ...) -> None: ...
