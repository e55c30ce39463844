# SPDX-License-Identifier: Apache-2.0
"""Bottlenecks of planted pipelines against what the really faster operation brings.

    python3 benchmarks/bottlenecks/run.py LIBRARY_DIR [--half design|test|both] [--seeds 1 2]
        [--only NAME ...] [--truth 12] [--model 6] [--experiment 12] [--coz 30] [--realtime]
        [--json FILE]

The truth: for every operation of a pipeline, the rate of its progress operation when that
operation's own work really takes 10, 50, 90 % less, in turns of 0.3 s and random order within one
process, against turns of the pipeline as it is. An answer is right when its first operation is the
one whose 50 % twin wins most; where others win as much within two standard errors or 2 points,
these are right as well.

Compared are the operation with most CPU time of its own, the one with most time of its own,
prognos_bottleneck_read() without and with a causal experiment, and coz where it is installed
(Debian: coz-profiler). --realtime runs all of them by `chrt -f 1`, for machines that others use.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import tempfile

from coz import coz

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
SOURCES = [str(HERE / name) for name in ("pipelines.c", "work.c", "design.c", "test.c")]


def build(library, folder, name="pipelines", more=()):
    program = pathlib.Path(folder) / name
    command = ["cc", "-O2", "-std=c11", *more, *SOURCES, "-o", str(program)]
    command += [f"-I{ROOT / 'include'}", f"-L{library}", f"-Wl,-rpath,{library}"]
    subprocess.run([*command, "-lprognos", "-lpthread", "-lm"], check=True)
    return program


def run(options, program, scenario, seed, *more):
    command = [str(program), "--scenario", scenario, "--seed", str(seed), *map(str, more)]
    if options.realtime:
        command = ["chrt", "-f", "1", *command]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PROGNOS_")}
    environment["PIPELINES_DIR"] = options.scratch
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    return json.loads(done.stdout)


def truth(found):
    """By operation: the gains at 10, 50, 90 % less, and the standard error of the one at 50 %."""
    rates = {(one["operation"], one["percent"]): one["rates"] for one in found["truth"]}
    base = rates[("", 0)]
    middle = statistics.median(base)
    gains = {}
    for (operation, percent), values in rates.items():
        if not operation:
            continue
        one = gains.setdefault(operation, {})
        one[str(percent)] = statistics.median(values) / middle - 1
        # Of pairs of one cycle: what disturbs a cycle disturbs both.
        ratios = [value / max(other, 1e-9) for value, other in zip(values, base, strict=True)]
        one[f"error_{percent}"] = statistics.stdev(ratios) / len(ratios) ** 0.5
    return gains


def right_answers(gains):
    best = max(gains, key=lambda name: gains[name]["50"])
    right = set()
    for name, gain in gains.items():
        spread = 2 * (gain["error_50"] ** 2 + gains[best]["error_50"] ** 2) ** 0.5
        if gains[best]["50"] - gain["50"] <= max(0.02, spread if name != best else 0):
            right.add(name)
    return best, right


def answer(found, gains):
    answers = [one for one in found.get("bottlenecks", []) if one["operation"] in gains]
    return {
        "first": answers[0]["operation"] if answers else None,
        "gains": {one["operation"]: one["gain_50"] for one in answers},
        "intervals": {one["operation"]: [one["gain_low"], one["gain_high"]] for one in answers},
        "methods": {one["operation"]: one["method"] for one in answers},
        "reason": answers[0]["reason"] if answers else found.get("error"),
        "bound_by": answers[0]["bound_by"] if answers else None,
    }


def measure(options, programs, line, seed):
    half, name, kind, progress, *_ = line.split()
    gains = truth(
        run(options, programs["plain"], name, seed, "--truth", "--seconds", options.truth)
    )
    best, right = right_answers(gains)
    model = run(options, programs["plain"], name, seed, "--seconds", options.model)
    works = [one for one in model["operations"] if one["name"] in gains]
    row = {
        "scenario": name,
        "kind": kind,
        "half": half,
        "seed": seed,
        "progress": progress,
        "truth": gains,
        "best": best,
        "right": sorted(right),
        "answers": {
            "hottest": {"first": max(works, key=lambda one: one["self_cpu_ns"])["name"]},
            "longest": {"first": max(works, key=lambda one: one["self_wall_ns"])["name"]},
            "model": answer(model, gains),
        },
    }
    if options.experiment:
        found = run(
            options,
            programs["plain"],
            name,
            seed,
            "--seconds",
            1,
            "--experiment",
            options.experiment,
        )
        row["answers"]["experiment"] = answer(found, gains)
    if "coz" in programs:
        row["answers"]["coz"] = coz(programs["coz"], name, seed, options, gains)
    for one in row["answers"].values():
        one["right"] = one["first"] in right
    return row


def show(row):
    names = sorted(row["truth"], key=lambda name: -row["truth"][name]["50"])
    wins = ", ".join(
        f"{name} {100 * row['truth'][name]['50']:+.0f}+-{100 * row['truth'][name]['error_50']:.0f}"
        for name in names
    )
    print(f"{row['half']:6} {row['scenario']:20} {wins}")
    for method, one in row["answers"].items():
        gains = " ".join(
            f"{name} {100 * one['gains'][name]:+.0f}"
            for name in names
            if name in one.get("gains", {})
        )
        print(f"       {'ok ' if one['right'] else 'BAD'} {method:10} {one['first']}  {gains}")


def summary(rows):
    found = {}
    for method in ("hottest", "longest", "model", "experiment", "coz"):
        asked = [row for row in rows if method in row["answers"]]
        if not asked:
            continue
        errors, top_errors, inside = [], [], []
        for row in asked:
            one = row["answers"][method]
            for name, gain in row["truth"].items():
                if name not in one.get("gains", {}):
                    continue
                error = abs(one["gains"][name] - gain["50"])
                errors.append(error)
                if name == row["best"]:
                    top_errors.append(error)
                if name in one.get("intervals", {}):
                    low, high = one["intervals"][name]
                    inside.append(low - 0.005 <= gain["50"] <= high + 0.005)
        found[method] = {
            "pipelines": len(asked),
            "top1": sum(row["answers"][method]["right"] for row in asked) / len(asked),
        }
        if errors:
            found[method] |= {
                "within_3_points": sum(error <= 0.03 for error in errors) / len(errors),
                "best_within_3_points": sum(e <= 0.03 for e in top_errors)
                / max(len(top_errors), 1),
                "median_error": statistics.median(errors),
                "best_median_error": statistics.median(top_errors) if top_errors else None,
                "inside_interval": sum(inside) / len(inside) if inside else None,
            }
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--half", choices=("design", "test", "both"), default="both")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--only", nargs="+")
    parser.add_argument("--truth", type=float, default=12)
    parser.add_argument("--model", type=float, default=6)
    parser.add_argument("--experiment", type=int, default=12)
    parser.add_argument("--coz", type=float, default=0, help="seconds; 0: leave it out")
    parser.add_argument("--realtime", action="store_true")
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        options.scratch = folder
        library = options.library.resolve()
        programs = {"plain": build(library, folder)}
        if options.coz and shutil.which("coz"):
            # It reads DWARF 4 without views, and walks by frame pointers.
            flags = "-g -gdwarf-4 -gstrict-dwarf -gno-variable-location-views -DWITH_COZ"
            flags += " -fno-omit-frame-pointer -fno-inline"
            programs["coz"] = build(library, folder, "pipelines-coz", flags.split())
        listed = subprocess.run(
            [programs["plain"], "--list"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        rows = []
        for seed in options.seeds:
            for line in listed:
                half, name = line.split()[:2]
                if options.half not in ("both", half) or (
                    options.only and name not in options.only
                ):
                    continue
                rows.append(measure(options, programs, line, seed))
                show(rows[-1])
    halves = {half: summary([r for r in rows if r["half"] == half]) for half in ("design", "test")}
    found = {"summary": summary(rows), "halves": halves, "pipelines": rows}
    found["settings"] = {
        key: getattr(options, key)
        for key in ("seeds", "truth", "model", "experiment", "coz", "realtime")
    }
    print(json.dumps(found["summary"], indent=1))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
