# SPDX-License-Identifier: Apache-2.0
"""What was recorded, and what follows from it: statistics, predictions, advice.

Every function may be called from every thread, before start() and after stop(). They raise
prognos.Error, and NotEnoughData where too little was recorded.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import _fork_warning, answers
from ._layout import operation_of
from ._library import NOT_STARTED, check, library, read, read_all
from ._names import METRICS, WINDOWS, Metric, Window, number_of

if TYPE_CHECKING:
    from . import Operation, Session
    from .answers import (
        Alert,
        Anomaly,
        Bottleneck,
        Capabilities,
        Crash,
        Diagnostics,
        Duration,
        Health,
        Leak,
        OperationStats,
        Peak,
        ProcessStats,
        Productivity,
        Resource,
        Scalability,
        SessionStats,
        Suggestion,
        TimeLeft,
        Trend,
    )

U64_MAX = 2**64 - 1


def operations() -> list[Operation]:
    """All operations that were named so far, in the order in which they were."""
    return list(_operations())


def _operations() -> "Iterator[Operation]":
    for handle in range(1, library.prognos_op_count() + 1):
        op = operation_of(handle)
        if op is not None:
            yield op


def _window(window: Window) -> int:
    return number_of("window", window, WINDOWS)


def _handle(op: "Operation | None") -> int:
    return 0 if op is None else op.handle


def nanoseconds(what: str, seconds: float) -> int:
    """Seconds of an argument as the library takes them; ValueError names what is out of range."""
    if not 0 <= seconds < 2**63 / 1e9:  # NaN is not, either
        raise ValueError(f"{what} is {seconds}; expected seconds from 0 on")
    return round(seconds * 1e9)


# Statistics


def operation_stats(op: "Operation", window: Window = "total") -> OperationStats:
    """Operation.read()."""
    return read(answers.OperationStats, library.prognos_op_read, op.handle, _window(window))


def operation_quantile(op: "Operation", q: float, window: Window = "total") -> int:
    """Operation.quantile()."""
    wall_ns = ctypes.c_uint64()
    check(library.prognos_op_quantile(op.handle, _window(window), q, ctypes.byref(wall_ns)))
    return wall_ns.value


def session_stats(session: "Session") -> SessionStats:
    """Session.read()."""
    return read(answers.SessionStats, library.prognos_session_read, session.handle)


def process(window: Window = "total") -> ProcessStats:
    """What the process costs: memory, CPU, descriptors, I/O, control groups, pressure."""
    return read(answers.ProcessStats, library.prognos_process_read, _window(window))


def capabilities() -> Capabilities:
    """Which clocks and features are live, and why others are not."""
    return read(answers.Capabilities, library.prognos_capabilities_read)


def diagnostics() -> Diagnostics:
    """What could not be recorded, and what the library itself used."""
    return read(answers.Diagnostics, library.prognos_diagnostics_read)


# Predictions: those of the collector's latest tick. They need start().


def assess() -> None:
    """Brings all predictions up to date now, rather than with the next tick of the collector.

    Raises Error with status "not_started" before start(), and with "invalid_state" from within the
    callback of on_alert().
    """
    # The library waits 2 s for its collector, and says then that there is none. Where the machine
    # is so busy that the thread did not get to run, waiting on is what the host wants.
    for _ in range(8):
        status = library.prognos_assess()
        if status != NOT_STARTED or not _fork_warning.has_collector:
            break
    check(status)


def health() -> Health:
    """How well the process is, from 100 down to 0, and which operation is to blame."""
    return read(answers.Health, library.prognos_health_read)


def operation_health(op: "Operation") -> Health:
    """Operation.health()."""
    return read(answers.Health, library.prognos_op_health_read, op.handle)


def session_health(session: "Session") -> Health:
    """Session.health()."""
    return read(answers.Health, library.prognos_session_health_read, session.handle)


def trend(metric: Metric, window: Window = "total", op: "Operation | None" = None) -> Trend:
    """Whether a metric of the process, or of an operation, moves.

    "total": as far as the history reaches. NotEnoughData below 16 values.
    """
    number = number_of("metric", metric, METRICS)
    return read(answers.Trend, library.prognos_trend_read, number, _handle(op), _window(window))


def anomalies() -> list[Anomaly]:
    """The latest values that were not to be expected, the newest first; 256 are kept."""
    return read_all(answers.Anomaly, library.prognos_anomalies_read)


def leaks() -> list[Leak]:
    """What leaks, the worst first, and what was looked at and is no leak (is_leak is False)."""
    return read_all(answers.Leak, library.prognos_leaks_read)


def resources() -> list[Resource]:
    """The resources that have a limit, the nearest to it first."""
    return read_all(answers.Resource, library.prognos_resources_read)


def crash() -> Crash:
    """Whether, of what and when the process will die."""
    return read(answers.Crash, library.prognos_crash_read)


def alerts() -> list[Alert]:
    """The latest alerts, the newest first; 256 are kept. on_alert() gets them as they come."""
    return read_all(answers.Alert, library.prognos_alerts_read)


def peak() -> Peak:
    """When the most is to be done next, and whether the process can do it."""
    return read(answers.Peak, library.prognos_peak_read)


def scalability() -> Scalability:
    """How throughput grows with concurrency."""
    return read(answers.Scalability, library.prognos_scalability_read)


def productivity() -> Productivity:
    """What the process's time is good for, and in which hours it does the most."""
    return read(answers.Productivity, library.prognos_productivity_read)


# Computed when asked, from what was recorded so far


def bottlenecks() -> list[Bottleneck]:
    """The operations by what is won if they get faster, the most first; up to 32."""
    return read_all(answers.Bottleneck, library.prognos_bottleneck_read)


def suggestions() -> list[Suggestion]:
    """What to change, why, and what it brings: the most first; up to 32."""
    return read_all(answers.Suggestion, library.prognos_suggestions_read)


def operation_predict(op: "Operation", work: int = 0) -> Duration:
    """Operation.predict()."""
    if not 0 <= work <= U64_MAX:
        raise ValueError(f"work is {work}; expected 0 to {U64_MAX}")
    return read(answers.Duration, library.prognos_duration_predict, op.handle, work)


def operation_time_left(op: "Operation") -> TimeLeft:
    """Operation.time_left()."""
    return read(answers.TimeLeft, library.prognos_time_left_read, op.handle)


# What is good enough


def operation_objective(op: "Operation", latency: "float | None", success: float) -> None:
    """Operation.objective()."""
    latency_ns = 0 if latency is None else nanoseconds("latency", latency)
    check(library.prognos_objective_set(op.handle, latency_ns, success))


def limit(metric: Metric, warn: "float | None" = None, critical: "float | None" = None) -> None:
    """Asks for an alert when a metric of the process reaches `warn`, and another at `critical`.

    In the metric's unit: seconds for none of them, nanoseconds for "wall_p95" and its like. Where
    critical < warn, both are lower bounds. The latest call for a metric counts; without both the
    limits are taken back.
    """
    number = number_of("metric", metric, METRICS)
    check(library.prognos_limit_set(number, _bound(warn), _bound(critical)))


def _bound(value: Any) -> float:
    return math.nan if value is None else float(value)
