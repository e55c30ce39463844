# SPDX-License-Identifier: Apache-2.0
"""The Numenta Anomaly Benchmark: its files, and its scoring of detections (Lavin & Ahmad 2015).

A detector's column of 0 and 1 is scored: there is no threshold to be optimised afterwards.
"""

import csv
import dataclasses
import datetime
import json
import math
import pathlib

#         weights of:  true positives, false negatives, false positives
PROFILES = {
    "standard": (1.0, 1.0, 0.11),
    "reward_low_FP_rate": (1.0, 1.0, 0.22),
    "reward_low_FN_rate": (1.0, 2.0, 0.11),
}
EPOCH = datetime.datetime(1970, 1, 1)


@dataclasses.dataclass
class File:
    name: str
    seconds: list  # since 1970
    values: list
    windows: list  # of rows: the first and the last

    @property
    def probation(self):
        """Rows that are not scored."""
        return math.floor(0.15 * min(len(self.values), 5000))


def seconds(text):
    return int((datetime.datetime.fromisoformat(text) - EPOCH).total_seconds())


def load(folder):
    folder = pathlib.Path(folder)
    windows = json.loads((folder / "labels" / "combined_windows.json").read_text())
    files = []
    for name in sorted(windows):
        with open(folder / "data" / name) as table:
            rows = list(csv.DictReader(table))
        times = [seconds(row["timestamp"]) for row in rows]
        rows_of = [tuple(times.index(seconds(end)) for end in pair) for pair in windows[name]]
        files.append(File(name, times, [float(row["value"]) for row in rows], rows_of))
    return files


def sigmoid(position):
    """1 at the far left of a window, 0 at its right end, -1 long after it."""
    return -1.0 if position > 3 else 2 / (1 + math.exp(5 * position)) - 1


@dataclasses.dataclass
class Outcome:
    hits: float = 0.0  # of found windows: 1 at their begin, less later
    found: int = 0
    windows: int = 0
    false_rows: int = 0
    false_cost: float = 0.0

    def __add__(self, other):
        return Outcome(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))


def astuple(outcome):
    return dataclasses.astuple(outcome)


def judge(file, detections):
    """What detections of one file are worth. `detections`: for each row whether it is one."""
    best, false_rows, cost = {}, 0, 0.0
    for row, detected in enumerate(detections):
        if not detected or row < file.probation:
            continue
        inside = [w for w in file.windows if w[0] <= row <= w[1]]
        if inside:
            left, right = inside[0]
            value = sigmoid(-(right - row + 1) / (right - left + 1)) / sigmoid(-1.0)
            best[left] = max(best.get(left, -math.inf), value)
            continue
        false_rows += 1
        before = [w for w in file.windows if w[1] < row]
        if before:
            left, right = before[-1]
            cost -= sigmoid((row - right) / (right - left))
        else:
            cost += 1
    return Outcome(sum(best.values()), len(best), len(file.windows), false_rows, cost)


def score(outcome, profile):
    """0 for no detection at all, 100 for one at each window's begin and no other."""
    hit, miss, false = PROFILES[profile]
    raw = hit * outcome.hits - miss * (outcome.windows - outcome.found) - false * outcome.false_cost
    return 100 * (raw + miss * outcome.windows) / ((hit + miss) * outcome.windows)
