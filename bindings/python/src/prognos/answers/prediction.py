# SPDX-License-Identifier: Apache-2.0
"""What the library concludes at each tick of its collector: health, trends, leaks, crashes."""

from dataclasses import dataclass
from typing import ClassVar

from .._layout import (
    F64,
    I32,
    I64,
    U32,
    U64,
    AnomalyKind,
    Answer,
    CrashKind,
    Flag,
    LeakKind,
    Metric,
    Op,
    OptionalAnomalyKind,
    OptionalMetric,
    Severity,
    Text32,
    Text48,
    Text240,
    Text1024,
)


@dataclass(frozen=True, slots=True)
class Health(Answer):
    """How well the process, an operation or a session is: 100 is well, below 50 somebody should
    look, below 20 it is about to fail.

    The score is 100 times the product of its parts (each / 100): one fatal fault dominates, and
    no number of good parts hides it. A part is 100 x (1 - severity x confidence).
    """

    C = "prognos_health"
    score: F64  # 0..100
    latency: F64  # 0..100: durations against their objectives, and against what was usual
    errors: F64  # 0..100: failed calls against the objective's budget, and what was usual
    saturation: F64  # 0..100: CPU, descriptors, threads, disk, pressure: what is nearly used up
    memory: F64  # 0..100: leaks, and memory against its limit
    stability: F64  # 0..100: stalls, deadlocks, anomalies, and the probability of a crash
    confidence: F64
    samples: U64
    op: Op  # the operation that costs the most of the score; None when none does
    reserved: ClassVar[U32]
    reason: Text240


@dataclass(frozen=True, slots=True)
class Trend(Answer):
    """Whether a metric moves."""

    C = "prognos_trend"
    slope_per_s: F64  # in the metric's unit, per second: Sen's slope
    change_ratio: F64  # the change over the window / the level at its begin; 0 for a level of 0
    p_value: F64  # probability of such a movement without a trend, correlation considered
    confidence: F64
    samples: U64
    direction: I32  # -1 down, 0 stable, 1 up
    reserved: ClassVar[U32]
    reason: Text240


@dataclass(frozen=True, slots=True)
class Anomaly(Answer):
    """A value that was not to be expected."""

    C = "prognos_anomaly"
    at_unix_ns: I64
    value: F64
    expected: F64
    low: F64  # of the range that would not have been one
    high: F64
    score: F64  # 0..1: how unlikely, and how strong
    confidence: F64
    samples: U64
    metric: Metric
    op: Op  # None: the process
    kind: AnomalyKind  # "unusual", "degradation", "level"
    reserved: ClassVar[U32]
    reason: Text240


@dataclass(frozen=True, slots=True)
class Leak(Answer):
    """Something that grows and is not given back."""

    C = "prognos_leak"
    bytes_per_call: F64  # of its live bytes, by finished call; of descriptors, threads, ...: units
    bytes_per_s: F64
    live_bytes: F64  # held now
    score: F64  # 0..1: how sure that it is a leak
    confidence: F64
    samples: U64
    op: Op  # None: the process, no operation can be named
    is_leak: Flag  # a leak; False: it grows, or did, and is none so far
    direction: I32  # -1, 0, 1
    kind: LeakKind  # "memory", "descriptors", "sockets", "threads", "maps"
    resource: Text32  # "memory", "file descriptors", "sockets", "threads", "memory maps"
    reason: Text240
    stack: Text1024  # where it was allocated: frames, the innermost last, ';' between; may be ""


@dataclass(frozen=True, slots=True)
class Resource(Answer):
    """A resource with a limit."""

    C = "prognos_resource"
    used: F64  # in the resource's unit: bytes, descriptors, threads, CPU seconds, ...
    limit: F64  # 0: none
    used_ratio: F64
    slope_per_s: F64  # of what is used
    minutes_to_exhaustion: F64  # infinite when it does not grow towards it
    minutes_low: F64
    minutes_high: F64
    probability: F64  # that the limit is reached at all, if things go on as they do
    confidence: F64
    samples: U64
    resource: Text32  # "address space", "cgroup memory", "file descriptors", ...
    limited_by: Text32  # "RLIMIT_AS", "memory.max", ...


@dataclass(frozen=True, slots=True)
class Crash(Answer):
    """Whether, of what and when the process will die."""

    C = "prognos_crash"
    probability: F64  # 0..1: of a crash within horizon_minutes
    probability_ever: F64  # 0..1: of it at all, if things go on as they do
    horizon_minutes: F64  # grows with the age of the process: a third of it, at least 12 s
    minutes_to_failure: F64  # the median; infinite when nothing points to one
    minutes_low: F64  # the 80 % interval
    minutes_high: F64
    used: F64  # of the resource that runs out; 0 without one
    limit: F64
    confidence: F64
    samples: U64
    op: Op  # the operation to blame; None when none can be named
    # "none", "exhaustion", "stall", "deadlock", "queue", "errors", "overload"
    kind: CrashKind
    resource: Text32  # "file descriptors", "deadlock", ...; "" when nothing points to a crash
    reason: Text240


@dataclass(frozen=True, slots=True)
class Alert(Answer):
    """A change: something got worse, or well again."""

    C = "prognos_alert"
    at_unix_ns: I64
    value: F64
    threshold: F64
    number: U64  # counts all alerts of the recording, from 1 on
    severity: Severity  # "warn", "critical"; "ok" when it is over
    previous: Severity  # the severity before
    metric: OptionalMetric  # None for what no metric stands for, such as a leak
    op: Op  # None: the process
    subject: Text48  # what it is about: "health", "file descriptors", "leak", "cpu"
    reason: Text240


@dataclass(frozen=True, slots=True)
class Verdict(Answer):
    """What is thought of a value."""

    C = "prognos_verdict"
    score: F64  # 0..1: 0 as usual, 0.5 and more an anomaly
    expected: F64  # what was expected; the value itself while too little is known
    low: F64  # the range that would not have been an anomaly
    high: F64
    confidence: F64
    samples: U64
    is_anomaly: Flag  # worth an alert. A storm of them gives one
    kind: OptionalAnomalyKind  # None when it is none


@dataclass(frozen=True, slots=True)
class Forecast(Answer):
    """"""

    C = "prognos_forecast"
    value: F64
    low: F64  # the 80 % interval
    high: F64
    confidence: F64
