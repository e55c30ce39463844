# SPDX-License-Identifier: Apache-2.0
"""Health against injected faults and healthy look-alikes, through the shipped library's C ABI.

    python3 benchmarks/health/run.py LIBRARY_DIR [--seeds 1 4] [--jobs 2] [--json FILE]

Each fault runs at five severities and at none; each look-alike runs at none. A run warms up for
12 s and goes on for 10 s; its score is the mean of its last 4 s. Seeds 1 to 3 are the design split,
on which bounds were chosen; the others are the test split.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
FAULTS = "latency errors lock disk stall leak descriptors threads cpu".split()
LOOK_ALIKES = "idle warm_up cache sawtooth memory_steps batch burst load_steps busy rare".split()
# It fills the machine: what runs beside it would suffer.
ALONE = {"cpu"}
# These grow in the first half of the fault's time.
RAMPS = {"leak", "descriptors", "threads"}
WARM, LENGTH = 12, 10


def build(library, folder):
    program = pathlib.Path(folder) / "host"
    command = "cc -O2 -std=c11".split() + [str(HERE / "host.c"), "-o", str(program)]
    command += [f"-I{ROOT / 'include'}", f"-L{library}", f"-Wl,-rpath,{library}"]
    subprocess.run([*command, "-lprognos", "-lpthread", "-lm"], check=True)
    return program


def run(program, kind, level, seed):
    command = [str(program), kind, str(level), str(WARM), str(LENGTH), str(seed)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PROGNOS_")}
    out = subprocess.run(command, capture_output=True, text=True, env=environment).stdout
    full = [float(line.split()[1]) for line in out.splitlines() if line.startswith("full ")]
    # What grows is fatal once it is there.
    begin = full[0] if full and kind in RAMPS else 0
    rows = [line.split(" ", 4) for line in out.splitlines() if line.count(" ") >= 4]
    points = [(float(row[0]), float(row[1]), row[2], row[4]) for row in rows]
    late = [score for time, score, *_ in points if time > LENGTH - 4]
    after = [(time, score) for time, score, *_ in points if time > 0]
    watched = [point for point in points if point[0] > 3 - WARM]
    worst = min(watched, key=lambda point: point[1], default=(0, 100, "-", ""))
    return {
        "kind": kind,
        "level": level,
        "seed": seed,
        "score": sum(late) / len(late) if late else None,
        "lowest": worst[1],
        "reason": worst[3],
        "op": worst[2],
        "seconds_to_20": next((max(time - begin, 0) for time, score in after if score < 20), None),
    }


def auc(bad, good):
    """The probability that an issue scores lower than none (Mann and Whitney 1947)."""
    wins = sum((a < b) + 0.5 * (a == b) for a in bad for b in good)
    return wins / (len(bad) * len(good))


def ranks(values):
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    at = 0
    while at < len(order):
        end = at
        while end + 1 < len(order) and values[order[end + 1]] == values[order[at]]:
            end += 1
        for index in order[at : end + 1]:
            found[index] = (at + end) / 2
        at = end + 1
    return found


def spearman(a, b):
    a, b = ranks(a), ranks(b)
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    top = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    left = sum((x - mean_a) ** 2 for x in a)
    right = sum((y - mean_b) ** 2 for y in b)
    return top / (left * right) ** 0.5 if left and right else 0.0


def summary(runs):
    runs = [one for one in runs if one["score"] is not None]
    if not runs:
        return {"runs": 0}
    faults = [one for one in runs if one["kind"] in FAULTS]
    bad = [one["score"] for one in faults if one["level"] > 0]
    good = [one["score"] for one in runs if one["level"] == 0]
    alike = [one for one in runs if one["kind"] in LOOK_ALIKES]
    each = {}
    for kind in FAULTS:
        own = [one for one in faults if one["kind"] == kind]
        fatal = [one["seconds_to_20"] for one in own if one["level"] == 5]
        each[kind] = {
            "scores": [
                round(sum(s) / len(s), 1)
                if (s := [o["score"] for o in own if o["level"] == n])
                else None
                for n in range(6)
            ],
            "spearman": spearman([o["level"] for o in own], [-o["score"] for o in own]),
            "seconds_to_20": fatal,
        }
    return {
        "runs": len(runs),
        "auc": auc(bad, good),
        "auc_from_level_2": auc([o["score"] for o in faults if o["level"] > 1], good),
        "spearman": spearman([o["level"] for o in faults], [-o["score"] for o in faults]),
        "look_alikes_lowest": {
            kind: min(o["lowest"] for o in alike if o["kind"] == kind)
            for kind in LOOK_ALIKES
            if any(o["kind"] == kind for o in alike)
        },
        "faults": each,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", help="the directory of libprognos.so")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json")
    options = parser.parse_args()
    library = pathlib.Path(options.library).resolve()
    cases = [(kind, level) for kind in FAULTS for level in range(6)]
    cases += [(kind, 0) for kind in LOOK_ALIKES]
    with tempfile.TemporaryDirectory() as folder:
        program = build(library, folder)
        jobs = [(kind, level, seed) for seed in options.seeds for kind, level in cases]
        runs = []
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            beside = [job for job in jobs if job[0] not in ALONE]
            runs += pool.map(lambda job: run(program, *job), beside)
        runs += [run(program, *job) for job in jobs if job[0] in ALONE]
    found = {
        "design": summary([one for one in runs if one["seed"] <= 3]),
        "test": summary([one for one in runs if one["seed"] > 3]),
        "runs": runs,
    }
    for name in ("design", "test"):
        if found[name]["runs"]:
            json.dump({name: found[name]}, sys.stdout, indent=1)
            print()
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
