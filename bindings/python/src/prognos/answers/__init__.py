# SPDX-License-Identifier: Apache-2.0
"""The answers of the library, as values: one class for each struct of its C headers.

Fields are spelled as there, with their units in their names: _ns nanoseconds, _bytes bytes,
_ratio 0..1, _unix_ns nanoseconds since 1970-01-01 UTC. Enums are words, operations are Operation
objects, or None. Common to what is concluded rather than counted: `confidence` (0..1: how far the
evidence carries the answer), `samples` (how many it rests on), `reason` (one sentence with the
number behind it).
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .advice import (
        Bottleneck,
        Duration,
        Experiment,
        Peak,
        Productivity,
        Scalability,
        Suggestion,
        TimeLeft,
    )
    from .prediction import (
        Alert,
        Anomaly,
        Crash,
        Forecast,
        Health,
        Leak,
        Resource,
        Trend,
        Verdict,
    )
    from .reading import (
        Capabilities,
        Diagnostics,
        OperationStats,
        Options,
        ProcessStats,
        SessionStats,
    )

__all__ = [
    "Alert",
    "Anomaly",
    "Bottleneck",
    "Capabilities",
    "Crash",
    "Diagnostics",
    "Duration",
    "Experiment",
    "Forecast",
    "Health",
    "Leak",
    "OperationStats",
    "Options",
    "Peak",
    "ProcessStats",
    "Productivity",
    "Resource",
    "Scalability",
    "SessionStats",
    "Suggestion",
    "TimeLeft",
    "Trend",
    "Verdict",
]

# A class is made when it is first asked for: all of them take some tens of milliseconds.
_WHERE = {
    "advice": "Bottleneck Duration Experiment Peak Productivity Scalability Suggestion TimeLeft",
    "prediction": "Alert Anomaly Crash Forecast Health Leak Resource Trend Verdict",
    "reading": "Capabilities Diagnostics OperationStats Options ProcessStats SessionStats",
}


def __getattr__(name: str) -> Any:
    for module, names in _WHERE.items():
        if name in names.split():
            value = getattr(__import__(f"{__name__}.{module}", None, None, ("*",)), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
