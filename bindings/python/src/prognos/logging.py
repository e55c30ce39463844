# SPDX-License-Identifier: Apache-2.0
"""Prognos and the standard library's logging.

    import prognos.logging

    prognos.logging.connect()                           # alerts become records of "prognos"
    prognos.start(log=prognos.logging.message)          # or one by one
    prognos.on_alert(prognos.logging.alert)

    handler.addFilter(prognos.logging.OperationFilter())
    handler.setFormatter(logging.Formatter("%(asctime)s %(operation)s %(message)s"))

Alerts are logged on the collector's thread: handlers should be quick.
"""

from __future__ import annotations

import logging

import prognos

from . import _core

__all__ = ["OperationFilter", "alert", "connect", "logger", "message"]

logger = logging.getLogger("prognos")

_LEVELS = {"ok": logging.INFO, "warn": logging.WARNING, "critical": logging.CRITICAL}


def message(text):
    """For prognos.start(log=...): a message of the library, of level INFO."""
    logger.info("%s", text)


def alert(alert):
    """For prognos.on_alert(): one record for each alert.

    Levels: CRITICAL, WARNING, and INFO for what is well again. The record has the Alert as
    `record.alert`, and the name of the operation it is about as `record.operation` ("-" for the
    process).
    """
    level = _LEVELS.get(alert.severity, logging.WARNING)
    if not logger.isEnabledFor(level):
        return
    name = alert.op.name if alert.op is not None else "-"
    what = f"{alert.subject} is well again" if alert.severity == "ok" else alert.subject
    logger.log(level, "%s: %s", what, alert.reason, extra={"alert": alert, "operation": name})


def connect():
    """Alerts become records from now on; returns the logger.

    Takes the place of a callback that prognos.on_alert() has. Messages of the library at its
    start need prognos.start(log=prognos.logging.message).
    """
    prognos.on_alert(alert)
    return logger


class OperationFilter(logging.Filter):
    """Gives each record the name of the operation that its thread is in: %(operation)s.

    Lets every record pass. For handlers and loggers. `absent` is what stands there outside of
    operations.
    """

    def __init__(self, absent="-"):
        super().__init__()
        if not isinstance(absent, str):
            raise TypeError(f"absent must be a str, not {type(absent).__name__}")
        self.absent = absent

    def filter(self, record):
        if not hasattr(record, "operation"):
            record.operation = _core.current() or self.absent
        return True
