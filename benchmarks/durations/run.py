# SPDX-License-Identifier: Apache-2.0
"""Durations of fourteen real operations, predicted before each call through the shipped C ABI.

    python3 benchmarks/durations/run.py LIBRARY_DIR [--seed 2] [--calls 250] [--json FILE]

Each operation is called with works drawn log-uniformly from its range; each call is predicted
before it is made, from the 30th on. Then calls of 2 to 4 times the most work, which the library
does not get to know. The noise floor is what the median of all calls of one work is off. Beside the
library: the mean of all calls so far, and a line by least squares. Tuned on seed 1; seed 2 is the
test split.
"""

import argparse
import ctypes
import gc
import json
import math
import pathlib
import random
import statistics
import sys
import time

import operations


class Duration(ctypes.Structure):
    """prognos_duration of prognos/duration.h."""

    _fields_ = [
        *(
            (name, ctypes.c_uint64)
            for name in ("estimate_ns", "low_ns", "high_ns", "work", "work_low", "work_high")
        ),
        ("confidence", ctypes.c_double),
        ("samples", ctypes.c_uint64),
        ("complexity", ctypes.c_char * 24),
        ("reason", ctypes.c_char * 240),
    ]


def load(folder):
    library = ctypes.CDLL(str(pathlib.Path(folder) / "libprognos.so"))
    library.prognos_op_named.argtypes = [ctypes.c_char_p]
    library.prognos_op_named.restype = ctypes.c_uint32
    library.prognos_begin.argtypes = library.prognos_end.argtypes = [ctypes.c_uint32]
    library.prognos_begin.restype = library.prognos_end.restype = None
    library.prognos_work.argtypes = [ctypes.c_uint64]
    library.prognos_work.restype = None
    library.prognos_duration_predict.argtypes = [
        ctypes.c_uint32,
        ctypes.c_uint64,
        ctypes.c_void_p,
        ctypes.c_size_t,
    ]
    return library


class Line:
    """Least squares of time by work."""

    def __init__(self):
        self.n = self.x = self.y = self.xx = self.xy = 0.0

    def add(self, x, y):
        self.n += 1
        self.x += x
        self.y += y
        self.xx += x * x
        self.xy += x * y

    def at(self, x):
        spread = self.n * self.xx - self.x * self.x
        slope = (self.n * self.xy - self.x * self.y) / spread if spread > 0 else 0
        return max((self.y - slope * self.x) / self.n + slope * x, 1)


def timed(operation, ready):
    start = time.perf_counter_ns()
    operation.run(ready)
    return time.perf_counter_ns() - start


def error(predicted, actual):
    return abs(predicted - actual) / actual


def draw(operation, rng):
    low, high = math.log(operation.low), math.log(operation.high)
    return round(math.exp(rng.uniform(low, high)))


def measure(library, operation, rng, calls):
    op = library.prognos_op_named(operation.name.encode())
    answer, line, times = Duration(), Line(), []

    def predict(work):
        status = library.prognos_duration_predict(
            op, work, ctypes.byref(answer), ctypes.sizeof(answer)
        )
        assert status == 0, status
        return answer.estimate_ns

    found = {key: [] for key in ("library", "mean", "line")}
    inside, took, covered_beyond = [], [], []
    # Calls of three works between the others, under the same weather, for the noise floor.
    fixed = {draw(operation, rng): [] for _ in range(3)}
    for number in range(calls):
        work = draw(operation, rng)
        ready = operation.prepare(work)
        if number >= 30:
            begun = time.perf_counter_ns()
            predicted = predict(work)
            took.append(time.perf_counter_ns() - begun)
        library.prognos_begin(op)
        library.prognos_work(work)
        actual = timed(operation, ready)
        library.prognos_end(op)
        if number >= 30:
            found["library"].append(error(predicted, actual))
            found["mean"].append(error(statistics.mean(times), actual))
            found["line"].append(error(line.at(work), actual))
            inside.append(answer.low_ns <= actual <= answer.high_ns)
        times.append(actual)
        line.add(work, actual)
        same = list(fixed)[number % len(fixed)]
        fixed[same].append(timed(operation, operation.prepare(same)))
    beyond = {key: [] for key in found}
    for _ in range(40):
        work = round(operation.high * math.exp(rng.uniform(math.log(2), math.log(4))))
        ready = operation.prepare(work)
        predicted = predict(work)
        actual = timed(operation, ready)
        beyond["library"].append(error(predicted, actual))
        beyond["mean"].append(error(statistics.mean(times), actual))
        beyond["line"].append(error(line.at(work), actual))
        covered_beyond.append(answer.low_ns <= actual <= answer.high_ns)
    noise = [error(statistics.median(same), one) for same in fixed.values() for one in same]
    return {
        "operation": operation.name,
        "complexity": answer.complexity.decode(),
        "noise": statistics.mean(noise),
        "inside": {key: statistics.mean(errors) for key, errors in found.items()},
        "beyond": {key: statistics.mean(errors) for key, errors in beyond.items()},
        "covered": statistics.mean(inside),
        "covered_beyond": statistics.mean(covered_beyond),
        "predict_ms": statistics.median(took) / 1e6,
        "predict_p99_ms": sorted(took)[len(took) * 99 // 100] / 1e6,
    }


def show(rows):
    print(
        "| operation | class found | noise floor | in range | mean | line | 2 to 4 x beyond |"
        " line | 90 % interval covers | beyond |"
    )
    print("| --- |" + " --- |" * 9)
    for row in rows:
        inside, beyond = row["inside"], row["beyond"]
        print(
            f"| {row['operation']} | {row['complexity']} | {row['noise']:.1%} |"
            f" {inside['library']:.1%} | {inside['mean']:.0%} | {inside['line']:.1%} |"
            f" {beyond['library']:.1%} | {beyond['line']:.1%} |"
            f" {row['covered']:.0%} | {row['covered_beyond']:.0%} |"
        )


def summary(rows):
    def count(holds):
        return sum(1 for row in rows if holds(row))

    return {
        "in_range_below_20": count(lambda r: r["inside"]["library"] < 0.2),
        "in_range_within_floor": count(
            lambda r: r["inside"]["library"] <= max(0.1, 1.5 * r["noise"])
        ),
        "beyond_below_20": count(lambda r: r["beyond"]["library"] < 0.2),
        "covered": statistics.mean(row["covered"] for row in rows),
        "covered_each_87_to_93": count(lambda r: 0.87 <= r["covered"] <= 0.93),
        "median_error": statistics.median(row["inside"]["library"] for row in rows),
        "median_error_beyond": statistics.median(row["beyond"]["library"] for row in rows),
        "predict_ms": statistics.median(row["predict_ms"] for row in rows),
        "predict_p99_ms": max(row["predict_p99_ms"] for row in rows),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--calls", type=int, default=250)
    parser.add_argument("--only")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    library = load(arguments.library)
    rng = random.Random(arguments.seed)
    rows = []
    gc.disable()
    with operations.scratch() as folder:
        for kind in operations.ALL:
            if arguments.only and arguments.only not in kind.name:
                continue
            rows.append(measure(library, kind(folder), rng, arguments.calls))
            gc.collect()
            print(rows[-1]["operation"], file=sys.stderr)
    show(rows)
    total = summary(rows)
    print(json.dumps(total, indent=1))
    if arguments.json:
        text = json.dumps({"seed": arguments.seed, "summary": total, "operations": rows}, indent=1)
        pathlib.Path(arguments.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
