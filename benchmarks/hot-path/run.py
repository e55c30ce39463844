#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compiles and runs the benchmarks of the hot path, and writes what they found.

    run.py            all of it: results/hot-path.json and the table in benchmarks/README.md
    run.py --quick    one short run without peers, to the terminal only

A number over its bar is said clearly, and the exit status is 0 all the same: a benchmark is never
a test.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

import peers
import table

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = HERE.parent / "results" / "hot-path.json"
README = HERE.parent / "README.md"
COMPILE = ["cc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread"]


def build(name: str, library: pathlib.Path, into: pathlib.Path) -> pathlib.Path:
    """Compiles a benchmark against the library, as a host would: a plain dynamic link."""
    program = into / name
    subprocess.run(
        [
            *COMPILE,
            HERE / f"{name}.c",
            f"-I{ROOT / 'include'}",
            f"-L{library}",
            "-lprognos",
        ]
        + [f"-Wl,-rpath,{library}", "-o", program],
        check=True,
    )
    return program


def run(program: pathlib.Path, size: int) -> dict:
    """Runs a benchmark once; its output is one JSON object."""
    done = subprocess.run([program, str(size)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def unrest(result: dict) -> float:
    """How noisy the machine was: by how much medians exceed minima. It does not look at how small
    the minima are, so that the quietest run is not the most flattering one."""
    measures = result["measures"]
    return sum(m["ns_median"] / m["ns_min"] for m in measures if m["ns_min"] > 0) / len(measures)


def measure(library: pathlib.Path, quick: bool) -> dict:
    runs = 1 if quick else 3
    with tempfile.TemporaryDirectory() as directory:
        into = pathlib.Path(directory)
        hot_path = build("hot_path", library, into)
        cpu_clock = build("cpu_clock", library, into)
        hot_runs = [run(hot_path, 30 if quick else 200) for _ in range(runs)]
        clock_runs = [run(cpu_clock, 300 if quick else 2000) for _ in range(runs)]
        quietest = min(hot_runs, key=unrest)
        ratios = [table.ratio(r, "begin_end", "two_counter_reads") for r in hot_runs]
        return {
            "runs": runs,
            "hot_path": quietest,
            "begin_end_ratios": [round(r, 4) for r in ratios],
            # An error of the clock is no noise of the machine: here the worst run counts.
            "cpu_clock": max(clock_runs, key=lambda r: r["worst_error"]),
            "cpu_clock_errors": [r["worst_error"] for r in clock_runs],
            "peers": [] if quick else peers.measure(COMPILE, into),
        }


def replace_table(text: str) -> None:
    begin, end = "<!-- hot-path -->", "<!-- /hot-path -->"
    readme = README.read_text(encoding="utf-8")
    before, found, rest = readme.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{README}: no {begin} ... {end} to write the table into")
    README.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="one short run, no peers, no files")
    parser.add_argument(
        "--library",
        type=pathlib.Path,
        default=ROOT / "build" / "lib",
        help="the directory of libprognos.so (default: build/lib)",
    )
    options = parser.parse_args()
    library = options.library.resolve()
    if not (library / "libprognos.so").exists():
        sys.exit(f"{library}: no libprognos.so there; run `make build` first")

    results = measure(library, options.quick)
    print(table.of_everything(results))
    if not options.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        replace_table(table.of_everything(results))


if __name__ == "__main__":
    main()
