# SPDX-License-Identifier: Apache-2.0
"""Forecasts of hourly series, through the shipped library's C ABI, on the M4 competition's.

    python3 benchmarks/load/run.py LIBRARY_DIR M4_HOURLY [--nab NAB] [--peers N] [--json FILE]

M4_HOURLY is a folder with Hourly-train.csv and Hourly-test.csv of the M4 repository. Values go in
one by one; the next 48 are asked for, with one setting for all series. OWA is against Naive2 of the
competition: sMAPE 18.383, MASE 2.395. Besides the test part, the three windows of 48 hours before
it, which are in the training part, are forecast from what was before them: by those the models were
chosen.
--nab takes a copy of the Numenta Anomaly Benchmark, whose series were used for no choice: hours
and five minutes, relative to the seasonal naive forecast there.
--peers N compares with the Python package statsforecast, where it is installed, on every N-th
series.
"""

import argparse
import csv
import ctypes
import datetime
import json
import math
import pathlib
import statistics
import sys
import time

HOUR = 3600 * 10**9
NAIVE2 = (18.383, 2.395)


class Forecast(ctypes.Structure):
    _fields_ = [(name, ctypes.c_double) for name in ("value", "low", "high", "confidence")]


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
    library.prognos_series_forecast.argtypes = [
        ctypes.c_uint32,
        ctypes.c_uint32,
        ctypes.c_void_p,
        ctypes.c_size_t,
    ]
    return library


def prognos(library, values, steps, period):
    """The forecast of the next steps, and the milliseconds of CPU that it took."""
    series = library.prognos_series_open(b"load", period)
    assert series, "no series"
    for index, value in enumerate(values):
        library.prognos_series_add(series, (index + 1) * (period or HOUR), value, None, 0)
    out = (Forecast * steps)()
    start = time.thread_time()
    status = library.prognos_series_forecast(series, steps, out, ctypes.sizeof(Forecast))
    taken = (time.thread_time() - start) * 1000
    assert status == 0, status
    library.prognos_series_close(series)
    return list(out), taken


def read_m4(folder):
    def rows(name):
        with open(pathlib.Path(folder) / name, newline="") as file:
            reader = csv.reader(file)
            next(reader)
            return [[float(value) for value in row[1:] if value] for row in reader]

    return list(zip(rows("Hourly-train.csv"), rows("Hourly-test.csv"), strict=True))


def smape(forecast, truth):
    return statistics.fmean(
        200 * abs(f - y) / (abs(f) + abs(y)) if f or y else 0.0
        for f, y in zip(forecast, truth, strict=True)
    )


def scale_of(past, season):
    return statistics.fmean(abs(b - a) for a, b in zip(past, past[season:], strict=False))


def mase(forecast, truth, scale):
    return statistics.fmean(abs(f - y) for f, y in zip(forecast, truth, strict=True)) / scale


def owa(rows):
    """sMAPE, MASE and OWA of (sMAPE, MASE) pairs."""
    means = [statistics.fmean(row[part] for row in rows) for part in (0, 1)]
    return {
        "sMAPE": round(means[0], 3),
        "MASE": round(means[1], 3),
        "OWA": round(sum(m / n for m, n in zip(means, NAIVE2, strict=True)) / 2, 4),
    }


def window(pairs, back, horizon=48):
    """The test part, or a window so many horizons before it, within the training part."""
    for past, truth in pairs:
        if back:
            end = len(past) - horizon * back
            past, truth = past[:end], past[end : end + horizon]
        yield past, truth


def peak_is_near(path, truth):
    """Whether the highest hour of the first day is forecast within an hour."""
    smooth = list(path[:24])
    for hour in range(1, 23):
        smooth[hour] = 0.4 * path[hour] + 0.3 * (path[hour - 1] + path[hour + 1])
    wanted = max(range(24), key=lambda hour: truth[hour])
    found = max(range(24), key=lambda hour: smooth[hour])
    return min((wanted - found) % 24, (found - wanted) % 24) <= 1


def measure(library, pairs, back, period=HOUR):
    rows, covered, near, taken, low_cover = [], [], [], [], 0
    for past, truth in window(pairs, back):
        forecast, milliseconds = prognos(library, past, len(truth), period)
        path = [step.value for step in forecast]
        rows.append((smape(path, truth), mase(path, truth, scale_of(past, 24))))
        hits = [s.low <= y <= s.high for s, y in zip(forecast, truth, strict=True)]
        covered.append(statistics.fmean(hits))
        low_cover += covered[-1] < 0.6
        near.append(peak_is_near(path, truth))
        taken.append(milliseconds)
    taken.sort()
    return owa(rows) | {
        "covered by the 80 % interval": round(statistics.fmean(covered), 3),
        "series covered below 60 %": round(low_cover / len(rows), 3),
        "peak of the day within an hour": round(statistics.fmean(near), 3),
        "CPU ms": round(statistics.median(taken), 2),
        "CPU ms, 99th percentile": round(taken[int(0.99 * (len(taken) - 1))], 2),
    }


def peers(library, pairs, every):
    """statsforecast's models on every N-th series of the test part."""
    import numpy
    from statsforecast.models import MSTL, AutoETS, SeasonalNaive

    found = {}
    chosen = pairs[::every]
    for name, make in (
        ("SeasonalNaive", lambda: SeasonalNaive(season_length=24)),
        ("AutoETS", lambda: AutoETS(season_length=24)),
        ("MSTL", lambda: MSTL(season_length=[24, 168])),
    ):
        rows, taken = [], []
        for past, truth in chosen:
            start = time.thread_time()
            path = make().forecast(y=numpy.array(past), h=len(truth))["mean"]
            taken.append((time.thread_time() - start) * 1000)
            rows.append((smape(path, truth), mase(path, truth, scale_of(past, 24))))
        found[name] = owa(rows) | {"series": len(rows), "ms": round(statistics.median(taken), 1)}
        print(name, found[name], file=sys.stderr)
    rows = [
        (smape(path, truth), mase(path, truth, scale_of(past, 24)))
        for past, truth in chosen
        for path in [[step.value for step in prognos(library, past, len(truth), HOUR)[0]]]
    ]
    return found | {"Prognos on these": owa(rows) | {"series": len(rows)}}


def read_nab(folder):
    """(name, seconds between values, values) of the real series; gaps: the value before."""
    for path in sorted(pathlib.Path(folder, "data").glob("real*/*.csv")):
        with open(path, newline="") as file:
            rows = [
                (datetime.datetime.fromisoformat(row["timestamp"]), float(row["value"]))
                for row in csv.DictReader(file)
            ]
        gaps = [(b[0] - a[0]).total_seconds() for a, b in zip(rows, rows[1:], strict=False)]
        step = statistics.median(gaps)
        values = [rows[0][1]]
        for gap, (_, value) in zip(gaps, rows[1:], strict=True):
            missing = min(int(round(gap / step)) - 1, 2000) if gap > 0 else 0
            values += [values[-1]] * max(missing, 0) + [value]
        yield path.stem, step, values


def to_hours(step, values):
    width = int(round(3600 / step))
    return [
        statistics.fmean(values[i : i + width]) for i in range(0, len(values) - width + 1, width)
    ]


def nab(library, folder):
    """Errors / those of the seasonal and the plain naive forecast: geometric means."""
    found = {}
    for label, is_hours, horizon, season in (
        ("hours, 24 ahead", True, 24, 24),
        ("5 minutes, 36 ahead", False, 36, 288),
    ):
        ratios, plain, covered = [], [], []
        for _, step, values in read_nab(folder):
            if step > 600:
                if not is_hours:
                    continue
            if is_hours:
                values, step = (to_hours(step, values) if step < 3600 else values), 3600
            for part in range(1, 6):
                end = len(values) - horizon * part * (1 if is_hours else 4)
                if end < 3 * season + 24:
                    break
                past, truth = values[:end], values[end : end + horizon]
                forecast, _ = prognos(library, past[-1024:], horizon, int(step * 10**9))
                error = statistics.fmean(
                    abs(s.value - y) for s, y in zip(forecast, truth, strict=True)
                )
                seasonal = statistics.fmean(
                    abs(past[len(past) - season + i % season] - y) for i, y in enumerate(truth)
                )
                naive = statistics.fmean(abs(past[-1] - y) for y in truth)
                if min(error, seasonal, naive) <= 0:
                    continue
                ratios.append(math.log(error / seasonal))
                plain.append(math.log(error / naive))
                covered.append(
                    statistics.fmean(
                        s.low <= y <= s.high for s, y in zip(forecast, truth, strict=True)
                    )
                )
        found[label] = {
            "windows": len(ratios),
            "error / seasonal naive": round(math.exp(statistics.fmean(ratios)), 3),
            "error / naive": round(math.exp(statistics.fmean(plain)), 3),
            "better than seasonal naive": round(statistics.fmean(r < 0 for r in ratios), 3),
            "covered by the 80 % interval": round(statistics.fmean(covered), 3),
        }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("library")
    parser.add_argument("m4")
    parser.add_argument("--nab")
    parser.add_argument("--peers", type=int, default=0)
    parser.add_argument("--json")
    options = parser.parse_args()
    library = load_library(options.library)
    pairs = read_m4(options.m4)
    result = {"test": measure(library, pairs, 0)}
    for back in (1, 2, 3):
        result[f"window {back} of the training part"] = measure(library, pairs, back)
    result["test, times not told"] = measure(library, pairs, 0, period=0)
    if options.nab:
        result["NAB"] = nab(library, options.nab)
    if options.peers:
        result["statsforecast"] = peers(library, pairs, options.peers)
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        pathlib.Path(options.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
