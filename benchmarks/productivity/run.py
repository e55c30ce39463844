# SPDX-License-Identifier: Apache-2.0
"""Productivity: what competitors for a CPU cost, predicted and measured; the best hours of the day.

    python3 benchmarks/productivity/run.py LIBRARY_DIR [--seconds S] [--rounds N]
        [--processes N --scratch-path DIR] [--json FILE]

A process that computes runs on one CPU, first alone, then beside 2, 4 and 8 processes that do
nothing but use that CPU. In each run the library tells how many times as long its work takes as it
would with a CPU of its own; measured is calls per second, alone / beside. Both are relative to the
run alone, as the machine may have other things to do.

--processes simulates as many processes of 28 days, on a clock of their own, in the unit tests
(`swift test --scratch-path DIR`): the library has no calls that take a time of the past.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent


def build(library, folder):
    program = pathlib.Path(folder) / "work"
    command = ["cc", "-O2", "-std=c11", "-D_GNU_SOURCE", f"-I{ROOT / 'include'}"]
    command += [str(HERE / "work.c"), "-o", str(program), f"-L{library}", "-lprognos"]
    subprocess.run([*command, f"-Wl,-rpath,{pathlib.Path(library).resolve()}"], check=True)
    return program


def run(program, seconds, competitors, cpu):
    def pin():
        os.sched_setaffinity(0, {cpu})

    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"], preexec_fn=pin)
        for _ in range(competitors)
    ]
    try:
        output = subprocess.run(
            [str(program), str(seconds)], check=True, capture_output=True, preexec_fn=pin
        ).stdout
    finally:
        for one in busy:
            one.kill()
            one.wait()
    return json.loads(output)


def competitors(program, seconds, rounds):
    cpu = max(os.sched_getaffinity(0))
    rows = []
    for number in range(rounds):
        alone = run(program, seconds, 0, cpu)
        for count in (2, 4, 8):
            beside = run(program, seconds, count, cpu)
            measured = alone["calls_per_s"] / beside["calls_per_s"]
            predicted = beside["slowdown"] / alone["slowdown"]
            rows.append(
                {
                    "round": number,
                    "competitors": count,
                    "measured": round(measured, 3),
                    "predicted": round(predicted, 3),
                    "error": round(predicted / measured - 1, 3),
                    "told alone": round(alone["slowdown"], 3),
                    "told beside": round(beside["slowdown"], 3),
                }
            )
            print(rows[-1], file=sys.stderr)
    return {
        "runs": rows,
        "within 15 %": round(statistics.fmean(abs(row["error"]) <= 0.15 for row in rows), 3),
    }


def best_hours(processes, scratch):
    command = ["swift", "test", "--skip-build", "--package-path", str(ROOT)]
    command += ["--scratch-path", scratch, "--filter", "ProductivityTests"]
    environment = os.environ | {"PROGNOS_SIMULATED_PROCESSES": str(processes)}
    output = subprocess.run(command, env=environment, capture_output=True, text=True).stdout
    found = re.search(r"best hour: (\d+) processes, (\d+) right, (\d+) within", output)
    if not found:
        sys.exit(output)
    count, right, near = map(int, found.groups())
    return {
        "processes": count,
        "right hour": round(right / count, 3),
        "within an hour": round(near / count, 3),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("library")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=0)
    parser.add_argument("--scratch-path", default=str(ROOT / ".build"))
    parser.add_argument("--json")
    options = parser.parse_args()
    result = {}
    with tempfile.TemporaryDirectory() as folder:
        program = build(options.library, folder)
        result["competitors"] = competitors(program, options.seconds, options.rounds)
    if options.processes:
        result["best hours"] = best_hours(options.processes, options.scratch_path)
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        pathlib.Path(options.json).write_text(text + "\n")


if __name__ == "__main__":
    main()
