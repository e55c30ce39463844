# SPDX-License-Identifier: Apache-2.0
"""Anomalies of a stream, through the shipped library's C ABI, on the Numenta Anomaly Benchmark.

    python3 benchmarks/anomalies/run.py LIBRARY_DIR NAB [--results DIR] [--json FILE]

NAB is a copy of the benchmark's repository, or of its folders data and labels. Values go in one by
one; there is one setting for all files. --results DIR takes the repository's folder `results`, and
config/thresholds.json beside it: published detectors are scored anew, as proof of the scoring.
"""

import argparse
import collections
import csv
import ctypes
import json
import math
import pathlib
import random
import statistics
import sys
import time

import nab

WARM_UP = 150


class Verdict(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_double) for name in ("score", "expected", "low", "high", "confidence")),
        ("samples", ctypes.c_uint64),
        ("is_anomaly", ctypes.c_uint32),
        ("kind", ctypes.c_uint32),
    ]


def load_library(folder):
    library = ctypes.CDLL(str(pathlib.Path(folder) / "libprognos.so"))
    library.prognos_series_open.argtypes = [ctypes.c_char_p, ctypes.c_uint64]
    library.prognos_series_open.restype = ctypes.c_uint32
    library.prognos_series_add.argtypes = [
        ctypes.c_uint32,
        ctypes.c_int64,
        ctypes.c_double,
        ctypes.c_void_p,
        ctypes.c_size_t,
    ]
    return library


def prognos(library, times, values):
    series = library.prognos_series_open(b"nab", 0)
    assert series, "no series"
    verdict = Verdict()
    place, size = ctypes.addressof(verdict), ctypes.sizeof(verdict)
    add, detections = library.prognos_series_add, []
    for at, value in zip(times, values, strict=True):
        add(series, at * 1_000_000_000, value, place, size)
        detections.append(verdict.is_anomaly)
    library.prognos_series_close(series)
    return detections


# Baselines: causal, one setting, silent after an alarm as long as ours may be.


def quiet(is_unusual, silence=100):
    detections, left = [], 0
    for index, unusual in enumerate(is_unusual):
        left = max(left - 1, 0)
        alarm = unusual and index >= WARM_UP and left == 0
        detections.append(alarm)
        if alarm:
            left = silence
    return detections


def ewma(values, rate=0.05, width=4):
    """A control chart: beyond `width` standard deviations of an exponentially weighted mean."""
    mean, variance, unusual = values[0], 0.0, []
    for value in values:
        distance = value - mean
        unusual.append(abs(distance) > width * math.sqrt(variance) > 0)
        mean += rate * distance
        variance = (1 - rate) * (variance + rate * distance * distance)
    return quiet(unusual)


def median_deviation(values, length=200, width=6):
    """Beyond `width` median deviations of the median of the latest values."""
    latest, unusual = collections.deque(maxlen=length), []
    median = deviation = 0.0
    for index, value in enumerate(values):
        if len(latest) >= WARM_UP and index % 10 == 0:
            median = statistics.median(latest)
            deviation = statistics.median(abs(other - median) for other in latest)
        unusual.append(len(latest) >= WARM_UP and abs(value - median) > width * deviation > 0)
        latest.append(value)
    return quiet(unusual)


def table(files, detect):
    outcomes = [nab.judge(file, detect(file)) for file in files]
    total = sum(outcomes, nab.Outcome())
    row = {name: round(nab.score(total, name), 2) for name in nab.PROFILES}
    row["false_rows"] = total.false_rows
    row["found"] = f"{total.found} of {total.windows}"
    for half in (0, 1):
        part = sum(outcomes[half::2], nab.Outcome())
        row["standard, " + ("even", "odd")[half] + " files"] = round(nab.score(part, "standard"), 2)
    return row


def published(files, folder, name):
    """The scores of a published detector's column, with the thresholds that came with it."""
    folder = pathlib.Path(folder)
    thresholds = json.loads((folder.parent / "config" / "thresholds.json").read_text())
    row = {}
    for profile in nab.PROFILES:
        total = nab.Outcome()
        for file in files:
            path = folder / name / pathlib.Path(file.name).parent
            with open(path / f"{name}_{pathlib.Path(file.name).name}") as rows:
                scores = [float(r["anomaly_score"]) for r in csv.DictReader(rows)]
            limit = thresholds[name][profile]["threshold"]
            total += nab.judge(file, [score >= limit for score in scores])
        row[profile] = round(nab.score(total, profile), 4)
    return row


def cost(library):
    """Nanoseconds of CPU time an added value, the call through ctypes left out."""
    random.seed(1)
    values = [random.gauss(0, 1) for _ in range(200_000)]
    verdict = Verdict()
    place, size = ctypes.addressof(verdict), ctypes.sizeof(verdict)

    # As many arguments for next to nothing.
    nothing = ctypes.CFUNCTYPE(*[ctypes.c_int, *library.prognos_series_add.argtypes])(
        ("prognos_version", library)
    )

    def run(call, series):
        start = time.thread_time()
        for index, value in enumerate(values):
            call(series, index * 1_000_000_000, value, place, size)
        return (time.thread_time() - start) / len(values) * 1e9

    costs = []
    for _ in range(5):
        series = library.prognos_series_open(b"cost", 0)
        costs.append(run(library.prognos_series_add, series) - run(nothing, series))
    return round(min(costs), 0)


def invariance(library, files):
    """Rows that are detections in a*x + b and not in x, or the other way round."""
    differences = 0
    for file in files:
        base = prognos(library, file.seconds, file.values)
        for factor, offset in ((1e-6, 0.0), (1e6, 0.0), (3.7, 1e3), (0.11, -250.0)):
            other = prognos(library, file.seconds, [factor * v + offset for v in file.values])
            differences += sum(a != b for a, b in zip(base, other, strict=True))
    return differences


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("nab")
    parser.add_argument("--results")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    library, files = load_library(arguments.library), nab.load(arguments.nab)
    rows = sum(len(file.values) for file in files)
    found = {"files": len(files), "rows": rows, "detectors": {}}
    detectors = {
        "prognos": lambda file: prognos(library, file.seconds, file.values),
        "EWMA, 4 sigma": lambda file: ewma(file.values),
        "median/MAD": lambda file: median_deviation(file.values),
        "none at all": lambda file: [0] * len(file.values),
        "each window's begin": lambda file: [
            any(row == max(w[0], file.probation) for w in file.windows)
            for row in range(len(file.values))
        ],
    }
    for name, detect in detectors.items():
        found["detectors"][name] = table(files, detect)
        print(name, found["detectors"][name], flush=True)
    if arguments.results:
        found["published, scored here"] = {
            name: published(files, arguments.results, name)
            for name in ("numenta", "contextOSE", "windowedGaussian")
        }
        print(found["published, scored here"])
    found["nanoseconds a value"] = cost(library)
    found["detections that a*x + b changes, of 4 times all rows"] = invariance(library, files)
    print({k: v for k, v in found.items() if k not in ("detectors",)})
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
