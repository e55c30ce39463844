# SPDX-License-Identifier: Apache-2.0
"""What to make faster, how long it takes, and how much the process can bear."""

from dataclasses import dataclass
from typing import ClassVar

from .._layout import (
    F64,
    I64,
    U32,
    U64,
    Answer,
    ExperimentState,
    Flag,
    Hours,
    Impact,
    Op,
    SuggestionKind,
    Text16,
    Text24,
    Text32,
    Text240,
)


@dataclass(frozen=True, slots=True)
class Bottleneck(Answer):
    """What a faster operation is worth: how much more of the progress operation would be done a
    second if the operation's own work (CPU, memory, input and output, sleeps; not that of
    operations called inside, nor its waits for other threads) took less.

    The hottest operation is often not the one to make faster: it may run beside what everybody
    waits for.

    Progress is what the latest prognos_experiment_start() was told; without one, the operation
    without a caller that finishes most calls, those with operations inside before those
    without.
    """

    C = "prognos_bottleneck"
    share: F64  # 0..1: of what limits progress: the relative gain of a very small improvement
    gain_ratio_10: F64  # more progress, 0.25: a quarter, if its own work took 10 % less
    gain_ratio_50: F64  # 50 % less
    gain_ratio_100: F64  # nothing at all; 100 or more: no bound is known
    # gain_ratio_50 lies between these: of an experiment the 90 % interval, of the model how far it
    # may be off
    gain_low: F64
    gain_high: F64
    cpu_ratio: F64  # 0..1: of its own time: on a CPU, less memory_ratio
    memory_ratio: F64  # in page faults and the allocator: estimated from their numbers
    io_ratio: F64  # in input and output, and asleep
    lock_ratio: F64  # for other threads: locks, conditions, semaphores, joins
    scheduler_ratio: F64  # ready without a CPU, and other waits that no hook sees
    confidence: F64
    samples: U64  # calls of it that the answer rests on; of an experiment, of progress
    op: Op
    progress: Op  # the operation whose rate is meant
    bound_by: Text16  # where most of its own time goes: "cpu", "memory", "io", "lock", "scheduler"
    method: Text16  # where the gains come from: "experiment", or "model"
    reason: Text240


@dataclass(frozen=True, slots=True)
class Duration(Answer):
    """How long a call of an operation will take."""

    C = "prognos_duration"
    estimate_ns: U64  # the median of what is to be expected
    low_ns: U64  # the 90 % interval
    high_ns: U64
    work: U64  # what was asked for
    work_low: U64  # the range of work that was seen; 0 when no call told any
    work_high: U64
    confidence: F64  # 0..1
    samples: U64  # calls that the answer rests on
    # how the time grows with the work: "O(1)", "O(log n)", "O(sqrt n)", "O(n)", "O(n log n)",
    # "O(n^2)", "O(n^3)"; "unknown" without work, and where it did not vary by a factor of 4
    complexity: Text24
    reason: Text240


@dataclass(frozen=True, slots=True)
class TimeLeft(Answer):
    """How much longer an open call will take."""

    C = "prognos_time_left"
    estimate_ns: U64  # the median of what is left, given that it has taken elapsed_ns
    low_ns: U64  # the 90 % interval
    high_ns: U64
    elapsed_ns: U64  # since its begin
    work: U64  # what the call has told so far; 0: nothing
    confidence: F64  # 0..1
    samples: U64  # calls that the answer rests on: those that took longer than elapsed_ns
    thread_id: U32  # of the thread that runs it; 0: a span that nobody runs
    reserved: ClassVar[U32]
    reason: Text240


@dataclass(frozen=True, slots=True)
class Experiment(Answer):
    """How the latest experiment stands."""

    C = "prognos_experiment"
    rate_per_s: F64  # completions of `progress` in rounds without delays
    # 0..1: how far the rate is given from outside; near 1, no faster operation raises it
    paced_ratio: F64
    cpu_stretch: F64  # time that CPU time takes: 1 unless threads wait for a CPU
    seconds_left: F64
    rounds: U64  # so far
    delayed_ns: U64  # the longest that one thread was delayed in all
    confidence: F64
    samples: U64  # completions counted
    progress: Op
    state: ExperimentState  # "none", "running", "finished", "stopped"
    reason: Text240


@dataclass(frozen=True, slots=True)
class Suggestion(Answer):
    """Something worth changing."""

    C = "prognos_suggestion"
    gain_ratio: F64  # the share of the operation's time that goes away; 0 for a leak
    gain_low: F64  # of that, what is likely at least and at most
    gain_high: F64
    confidence: F64  # 0..1: that it is what to do, and brings this
    samples: U64  # calls, blocks or waits that it rests on
    saved_ns: U64  # gain_ratio of the operation's time so far
    op: Op  # None: the process
    kind: SuggestionKind  # "buffer_reads", "cache_reads", ...: PROGNOS_SUGGEST_* in small
    # "low", "medium" (5 % of the time of all operations), "high" (20 %, leaks)
    impact: Impact
    reserved: ClassVar[U32]
    text: Text240  # what to do
    reason: Text240  # the evidence, in numbers


@dataclass(frozen=True, slots=True)
class Peak(Answer):
    """When the most is to be done next, and whether the process can do it."""

    C = "prognos_peak"
    at_unix_ns: I64  # the middle of the second, minute or hour of the peak
    rate_per_s: F64  # operations finished per second then, on average over span_s
    low_per_s: F64  # the 80 % interval
    high_per_s: F64
    # where the process saturates: the median; 0 while it is not known, infinite when nothing seen
    # so far points to a limit
    capacity_per_s: F64
    capacity_low_per_s: F64  # the 80 % interval
    capacity_high_per_s: F64
    latest_per_s: F64  # the latest second, minute or hour
    span_s: F64  # what was forecast: 1 (seconds), 60 (minutes) or 3600 (hours)
    season_s: F64  # how often peaks come; 0: no season was found
    confidence: F64
    samples: U64  # seconds, minutes or hours
    exceeds: Flag  # the peak is above the capacity. An alert "load" tells it
    reserved: ClassVar[U32]
    # what is used up first: "cpu", "run queue", "cpu quota", "file descriptors", "lock", ...; ""
    # while the capacity is not known
    saturates: Text32
    reason: Text240


@dataclass(frozen=True, slots=True)
class Scalability(Answer):
    """How throughput grows with concurrency, by the Universal Scalability Law (Gunther 2007):
    throughput(n) = rate n / (1 + sigma (n - 1) + kappa n (n - 1)).

    Fitted to what was seen second by second: calls without a caller, and how many of them were
    under way on average.
    """

    C = "prognos_scalability"
    sigma: F64  # 0..1, contention: the share that is done one after the other
    kappa: F64  # coherence: what each disturbs each other one by
    rate_per_s: F64  # of one alone
    knee: F64  # the concurrency with the highest throughput, infinite when none is in sight
    knee_low: F64  # the 80 % interval
    knee_high: F64
    capacity_per_s: F64  # of calls without a caller, where Peak counts all
    capacity_low_per_s: F64
    capacity_high_per_s: F64
    highest_concurrency: F64  # that was seen
    confidence: F64
    samples: U64  # seconds
    loads: U32  # different loads that were seen; at least 6 are needed
    reserved: ClassVar[U32]
    saturates: Text32
    reason: Text240


@dataclass(frozen=True, slots=True)
class Productivity(Answer):
    """What the process's time is good for, and when it does the most."""

    C = "prognos_productivity"
    # by hour of the day in UTC, how much is done in it against an average hour (1.0): calls that
    # did not fail, and the efficiency. All 0 before a whole day was seen
    best_hours: Hours
    # 0..100: the share of the time in operations that was CPU time or input and output of calls
    # that did not fail; the rest waited, failed or was given up
    efficiency: F64
    waiting_ratio: F64  # of that time: off the CPU for anything but input and output
    io_ratio: F64
    failure_ratio: F64  # of calls: failed or abandoned
    # calls without a caller of another operation than their thread's call before, since
    # start()
    task_switches: U64
    # share of the CPU time that goes with them, by regression over seconds; 0 when none can be
    # shown
    task_switch_cost_ratio: F64
    context_switches_per_s: F64
    # share of the time that threads could have run and did not: they waited for a CPU; and CPU
    # time that goes with switches, by regression, where it can be shown
    context_switch_cost_ratio: F64
    slowdown_ratio: F64  # how many times as long CPU-bound work takes as with a CPU for each thread
    confidence: F64
    samples: U64  # seconds
    best_hour: U32  # 0..23, UTC; 24 while it is not known
    hours: U32  # hours of the history that best_hours rests on
    reason: Text240
