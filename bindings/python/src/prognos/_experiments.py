# SPDX-License-Identifier: Apache-2.0
"""Causal experiments: what a faster operation is worth."""

import math
from typing import TYPE_CHECKING

from ._library import check, library, read
from .answers import Experiment

if TYPE_CHECKING:
    from . import Operation


def experiment(op: "Operation", seconds: float = 10) -> None:
    """Starts an experiment and returns at once; bottlenecks() has what it found.

    For so many seconds, 1 to 3600, rounded up, one operation after the other is made virtually
    faster, by delaying all others while it runs; the completions of `op` are counted. Raises Error:
    "not_started", "already_started" while another one runs, "unsupported" without track "io".
    """
    if not hasattr(op, "handle"):
        raise TypeError(f"op is {op!r}; expected an operation, as prognos.op() gives it")
    if not 0 < seconds <= 3600:
        raise ValueError(f"seconds is {seconds}; expected 1 to 3600")
    check(library.prognos_experiment_start(op.handle, math.ceil(seconds)))


def experiment_stop() -> None:
    """Ends the experiment at once; what it found stays. Error "not_started" when none runs."""
    check(library.prognos_experiment_stop())


def experiment_read() -> Experiment:
    """How the latest experiment stands; NotEnoughData when there was none."""
    return read(Experiment, library.prognos_experiment_read)
