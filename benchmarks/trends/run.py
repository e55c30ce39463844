# SPDX-License-Identifier: Apache-2.0
"""Trends: false ones, missed ones, and macro-F1, through the shipped library's C ABI.

    python3 benchmarks/trends/run.py LIBRARY_DIR [--runs 400] [--seed 2] [--json FILE]

Beside the library: the test of Mann (1945) and Kendall, and the same with the variance corrected
for correlation by Hamed & Rao (1998), at 5 %. Critical values were chosen on seed 1; seed 2 is the
test split.
"""

import argparse
import ctypes
import json
import math
import pathlib
import random
import sys


class Trend(ctypes.Structure):
    _fields_ = [
        *(
            (name, ctypes.c_double)
            for name in ("slope_per_s", "change_ratio", "p_value", "confidence")
        ),
        ("samples", ctypes.c_uint64),
        ("direction", ctypes.c_int32),
        ("reserved", ctypes.c_uint32),
        ("reason", ctypes.c_char * 240),
    ]


def load(folder):
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

    def direction(values):
        series, trend = library.prognos_series_open(b"trend", 0), Trend()
        for index, value in enumerate(values):
            library.prognos_series_add(series, index * 1_000_000_000, value, None, 0)
        library.prognos_series_trend(series, ctypes.byref(trend), ctypes.sizeof(trend))
        library.prognos_series_close(series)
        return trend.direction

    return direction


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    result = [0] * len(values)
    for rank, index in enumerate(order):
        result[index] = rank
    return result


def mann_kendall(values, corrected=False):
    n = len(values)
    s = 0
    for later in range(1, n):
        value = values[later]
        for earlier in values[:later]:
            s += (value > earlier) - (value < earlier)
    variance = n * (n - 1) * (2 * n + 5) / 18
    if corrected:
        # Sen's slope would be the way to detrend; least squares is near enough for ranks.
        center = (n - 1) / 2
        slope = sum((i - center) * v for i, v in enumerate(values)) / (n * (n * n - 1) / 12)
        rank = ranks([v - slope * i for i, v in enumerate(values)])
        rest = [r - center for r in rank]
        square, factor = sum(r * r for r in rest), 0.0
        for lag in range(1, n - 1):
            rho = sum(a * b for a, b in zip(rest, rest[lag:])) / square
            if abs(rho) > 1.96 / math.sqrt(n):
                factor += (n - lag) * (n - lag - 1) * (n - lag - 2) * rho
        variance *= max(1 + 2 / (n * (n - 1) * (n - 2)) * factor, 0.05)
    z = (s - (s > 0) + (s < 0)) / math.sqrt(variance)
    return 0 if abs(z) < 1.96 else 1 if z > 0 else -1


def wandering(count, dependence):
    """Autoregressive noise of standard deviation 1."""
    value, step, values = random.gauss(0, 1), math.sqrt(1 - dependence**2), []
    for _ in range(count):
        values.append(value)
        value = dependence * value + step * random.gauss(0, 1)
    return values


def rates(tests, runs):
    found = {}
    for dependence in (0, 0.5, 0.9, 0.98):
        for count in (64, 128, 256):
            row = {name: [0, 0] for name in tests}
            for _ in range(runs):
                noise = wandering(count, dependence)
                rising = [v + 3 * i / count for i, v in enumerate(noise)]
                for name, test in tests.items():
                    row[name][0] += test(noise) != 0
                    row[name][1] += test(rising) == 1
            found[f"phi {dependence}, n {count}"] = {
                name: {"false": round(a / runs, 3), "3 sigma found": round(b / runs, 3)}
                for name, (a, b) in row.items()
            }
            print(f"phi {dependence}, n {count}", row, flush=True)
    return found


def case():
    """A series of one of three kinds, and which: up, down, or none. Noise is that of metrics: dependent, with
    outliers, or skewed; what has no trend may have a season, a step long ago, or level off."""
    count = random.choice([64, 96, 128, 192, 256])
    noise = wandering(count, random.choice([0, 0.2, 0.5, 0.7]))
    shape = random.choice(["normal", "outliers", "skewed"])
    if shape == "outliers":
        noise = [v * (8 if random.random() < 0.03 else 1) for v in noise]
    if shape == "skewed":
        noise = [math.exp(0.7 * v) for v in noise]
    kind = random.choice([-1, 0, 1])
    if kind:
        rise = random.uniform(4, 12)
        bend = random.choice([1, 1, 1.5])
        values = [v + kind * rise * (i / count) ** bend for i, v in enumerate(noise)]
    else:
        form = random.choice(["flat", "flat", "season", "step", "levels off"])
        extra = {
            "flat": lambda i: 0,
            "season": lambda i: 2 * math.sin(i * 2 * math.pi * 5 / count),
            "step": lambda i: 6 if i > count / 3 else 0,
            "levels off": lambda i: 6 * (1 - math.exp(-i * 15 / count)),
        }[form]
        values = [v + extra(i) for i, v in enumerate(noise)]
    return [100 + v for v in values], kind


def macro_f1(tests, runs):
    cases = [case() for _ in range(runs)]
    found = {}
    for name, test in tests.items():
        answers = [test(values) for values, _ in cases]
        scores = []
        for kind in (-1, 0, 1):
            pairs = [(a, k) for a, (_, k) in zip(answers, cases, strict=True)]
            right = sum(a == kind == k for a, k in pairs)
            scores.append(2 * right / max(sum(a == kind for a, _ in pairs) + sum(k == kind for _, k in pairs), 1))
        found[name] = round(sum(scores) / 3, 4)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("library")
    parser.add_argument("--runs", type=int, default=400)
    parser.add_argument("--seed", type=int, default=2)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    random.seed(arguments.seed)
    tests = {
        "prognos": load(arguments.library),
        "Mann-Kendall": mann_kendall,
        "Hamed-Rao": lambda values: mann_kendall(values, corrected=True),
    }
    found = {"seed": arguments.seed, "runs": arguments.runs}
    found["macro-F1"] = macro_f1(tests, 3 * arguments.runs)
    print(found["macro-F1"])
    found["rates"] = rates(tests, arguments.runs)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    sys.exit(main())
