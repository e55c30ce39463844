# SPDX-License-Identifier: Apache-2.0
"""Suggestions: is the first one right, and does the fix bring what was promised?

    python3 benchmarks/suggestions/run.py LIBRARY_DIR [--seeds 11-15] [--json FILE]

pairs.c is built and run with one planted fault, and then with that fault mended, for each kind and
seed. `gain` is 1 - time after / time before, of the guilty operation. Healthy runs, and all mended
ones, should get no suggestion about it. Costs were tuned on seeds 1 to 3.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
# What is right for each kind: numbers of prognos_suggestion_kind.
RIGHT = {
    "small-reads": {1},
    "random-reads": {2},
    "small-writes": {3},
    "syncs": {4},
    "opens": {5},
    "pipe-writes": {3},
    "allocations": {6},
    "mapped-blocks": {6},
    "lock-sleeping": {7, 8},
    "lock-computing": {7},
    "lock-io": {8},
    "retries": {10},
    "all-pairs": {11},
    "repeated": {9},
    "healthy-mixed": set(),
    "healthy-constant": set(),
    "healthy-threads": set(),
}


def build(library, folder):
    program = pathlib.Path(folder) / "pairs"
    command = ["cc", "-O2", "-g", "-std=c11", "-Wall", "-Wextra", str(HERE / "pairs.c")]
    command += ["-I", str(HERE.parents[1] / "include"), "-L", library, "-lprognos", "-lpthread"]
    subprocess.run([*command, f"-Wl,-rpath,{library}", "-o", str(program)], check=True)
    return program


def run(program, kind, state, seed, folder):
    command = [str(program), kind, state, str(seed), folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    found = {"time": None, "suggestions": []}
    for line in done.stdout.splitlines():
        word, _, rest = line.partition(" ")
        if word == "T":
            found["time"] = float(rest)
        elif word == "S":
            op, number, gain, low, high, text = rest.split(" ", 5)
            found["suggestions"].append(
                {
                    "op": op,
                    "kind": int(number),
                    "gain": float(gain),
                    "low": float(low),
                    "high": float(high),
                    "text": text,
                }
            )
    for left in pathlib.Path(folder).glob("*-[0-9]*"):
        left.unlink()
    return found


def pair(program, kind, seed, folder):
    before = run(program, kind, "before", seed, folder)
    after = run(program, kind, "after", seed, folder)
    first = before["suggestions"][0] if before["suggestions"] else None
    gain = 1 - after["time"] / before["time"]
    wanted = RIGHT[kind]
    row = {"kind": kind, "seed": seed, "gain": gain, "first": first}
    if wanted:
        row["right"] = bool(first and first["op"] == "guilty" and first["kind"] in wanted)
        if row["right"]:
            row["within_30"] = abs(first["gain"] - gain) <= 0.3 * abs(gain)
            row["in_interval"] = first["low"] <= gain <= first["high"]
        row["false"] = [one for one in after["suggestions"] if one["kind"] in wanted]
    else:
        row["false"] = before["suggestions"] + after["suggestions"]
    return row


def share(values):
    values = list(values)
    return statistics.mean(values) if values else 0.0


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("library")
    parser.add_argument("--seeds", default="11-15")
    parser.add_argument("--only")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    rows = []
    with tempfile.TemporaryDirectory(prefix="prognos-suggestions-", dir=".") as folder:
        folder = str(pathlib.Path(folder).resolve())
        program = build(str(pathlib.Path(arguments.library).resolve()), folder)
        for kind in RIGHT:
            if arguments.only and arguments.only not in kind:
                continue
            for seed in range(int(first), int(last or first) + 1):
                rows.append(pair(program, kind, seed, folder))
                print(json.dumps(rows[-1]), file=sys.stderr)
    planted = [row for row in rows if RIGHT[row["kind"]]]
    right = [row for row in planted if row["right"]]
    print("| planted | first suggestion right | promised | brought | within 30 % | in interval |")
    print("| --- |" + " --- |" * 5)
    for kind in dict.fromkeys(row["kind"] for row in planted):
        own = [row for row in planted if row["kind"] == kind]
        good = [row for row in own if row["right"]]
        promised = share(row["first"]["gain"] for row in good)
        print(
            f"| {kind} | {len(good)} of {len(own)} | {promised:.0%} |"
            f" {share(row['gain'] for row in own):.0%} |"
            f" {sum(row['within_30'] for row in good)} |"
            f" {sum(row['in_interval'] for row in good)} |"
        )
    healthy = [row for row in rows if not RIGHT[row["kind"]]]
    total = {
        "first_right": share(row["right"] for row in planted),
        "gain_within_30": share(row.get("within_30", False) for row in planted),
        "gain_in_interval": share(row["in_interval"] for row in right),
        "healthy_runs": 2 * len(healthy),
        "healthy_with_suggestions": sum(bool(row["false"]) for row in healthy),
        "mended_with_the_same": sum(bool(row["false"]) for row in planted),
    }
    print(json.dumps(total, indent=1))
    if arguments.json:
        pathlib.Path(arguments.json).write_text(
            json.dumps({"summary": total, "pairs": rows}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
