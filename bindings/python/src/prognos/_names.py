# SPDX-License-Identifier: Apache-2.0
"""The words that stand for the library's enums, and those that arguments may be."""

from typing import Any, Literal, get_args

Window = Literal["total", "minute", "5 minutes", "hour"]
Metric = Literal[
    "rate",
    "wall_p50",
    "wall_p95",
    "wall_p99",
    "error_ratio",
    "cpu",
    "memory",
    "allocation",
    "io",
    "active",
    "heap",
    "virtual",
    "fds",
    "threads",
    "maps",
    "disk",
    "switches",
    "health",
    "crash",
]
Format = Literal["json", "text", "folded", "chrome_trace", "text_ascii"]
Track = Literal["cpu", "memory", "io", "stacks", "samples", "timeline", "kernel_io"]

WINDOWS: "dict[str, int]" = {name: number for number, name in enumerate(get_args(Window))}
METRICS: "dict[str, int]" = {name: number for number, name in enumerate(get_args(Metric), 1)}
FORMATS: "dict[str, int]" = dict(zip(get_args(Format), (0, 1, 2, 4, 9)))
TRACKS: "dict[str, int]" = {name: 1 << bit for bit, name in enumerate(get_args(Track))}
ON_FORK: "dict[str, int]" = {"fresh": 0, "quiet": 1}

METRIC_NAMES = {number: name for name, number in METRICS.items()}
ANOMALY_KINDS = {1: "unusual", 2: "degradation", 3: "level"}
LEAK_KINDS = {1: "memory", 2: "descriptors", 3: "sockets", 4: "threads", 5: "maps"}
CRASH_KINDS = {
    0: "none",
    1: "exhaustion",
    2: "stall",
    3: "deadlock",
    4: "queue",
    5: "errors",
    6: "precursor",
    7: "overload",
}
SEVERITIES = {0: "ok", 1: "warn", 2: "critical"}
EXPERIMENT_STATES = {0: "none", 1: "running", 2: "finished", 3: "stopped"}
IMPACTS = {0: "low", 1: "medium", 2: "high"}
SUGGESTION_KINDS = {
    1: "buffer_reads",
    2: "cache_reads",
    3: "buffer_writes",
    4: "batch_syncs",
    5: "keep_open",
    6: "pool_memory",
    7: "split_lock",
    8: "io_out_of_lock",
    9: "cache_result",
    10: "retry_less",
    11: "algorithm",
    12: "fix_leak",
}


def number_of(kind: str, word: Any, numbers: "dict[str, int]") -> int:
    """The number of a word; ValueError names the word and those that are accepted."""
    if isinstance(word, str):
        number = numbers.get(word)
        if number is not None:
            return number
        raise ValueError(f"{kind} is {word!r}; expected one of {', '.join(map(repr, numbers))}")
    raise TypeError(f"{kind} is {type(word).__name__}; expected one of the words {list(numbers)}")
