#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures what tracking memory, input and output, stacks and samples costs, and how true it is.

    run.py                    all of it: results/tracking.json and the table in benchmarks/README.md
    run.py --quick            short, without programs and peers, to the terminal only
    run.py --only memory io   only these parts; the others of the file stay as they were
    run.py --install-peers    installs the peers' Debian packages before

A number over its bar is said clearly, and the exit status is 0 all the same: a benchmark is never
a test.
"""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import accuracy
import heap_peers
import programs
import table

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
RESULTS = HERE.parent / "results" / "tracking.json"
README = HERE.parent / "README.md"
COMPILE = ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-pthread", f"-I{ROOT / 'include'}"]
PYTHON_START = """
import ctypes, sys, time, asyncio, sqlite3, ssl, xml.dom, decimal, multiprocessing, urllib.request
start = time.perf_counter()
library = ctypes.CDLL(sys.argv[1])
loaded = time.perf_counter()
library.prognos_start(None, ctypes.c_size_t(0))
print((loaded - start) * 1000, (time.perf_counter() - loaded) * 1000)
"""


class Bench:
    """The programs, compiled once, and where the library is."""

    def __init__(self, library: pathlib.Path, into: pathlib.Path, quick: bool):
        self.library, self.into, self.quick = library, into, quick
        self.preload = self.compile(
            "libprognos_preload.so", ROOT / "Sources/Preload/preload.c", "-shared", "-fPIC"
        )

    def compile(self, name: str, source: pathlib.Path, *flags: str) -> pathlib.Path:
        program = self.into / name
        if not program.exists():
            link = [f"-L{self.library}", f"-Wl,-rpath,{self.library}", "-lprognos", "-lstdc++"]
            subprocess.run([*COMPILE, *flags, source, "-o", program, *link], check=True)
        return program

    def run(self, name: str, *arguments, **settings: str) -> dict:
        """Runs a benchmark; its output is one JSON object."""
        program = self.compile(name, HERE / f"{name}.c")
        return self.output(program, *arguments, **settings)

    def output(self, program: pathlib.Path, *arguments, **settings: str) -> dict:
        done = subprocess.run(
            [str(word) for word in (program, *arguments)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **settings},
        )
        return json.loads(done.stdout)

    def rounds(self, standard: int) -> int:
        return max(5, standard // 10) if self.quick else standard


def quietest(runs: list) -> dict:
    """The run whose medians are nearest to its minima: not the one with the smallest ratios."""

    def unrest(run: dict) -> float:
        return sum(
            m[f"{side}_ns_median"] / m[f"{side}_ns"]
            for m in run["measures"]
            for side in ("off", "on")
        )

    return min(runs, key=unrest)


def memory(b: Bench) -> dict:
    runs = 1 if b.quick else 3
    only = [b.run("memory", b.rounds(150), PROGNOS_TRACK="memory") for _ in range(runs)]
    return {
        "memory": quietest(only),
        "ratios": [run["measures"][0]["ratio_median"] for run in only],
        "everything": b.run("memory", b.rounds(150)),
    }


def io(b: Bench) -> dict:
    runs = 1 if b.quick else 3
    only = [b.run("io", b.rounds(150), PROGNOS_TRACK="io") for _ in range(runs)]
    return {"io": quietest(only), "everything": b.run("io", b.rounds(150))}


def pairs(b: Bench) -> list:
    """The benchmark of the hot path, with tracking started before its main."""
    program = b.compile("hot_path", HERE.parent / "hot-path" / "hot_path.c")
    cases = [
        ("not started", {}),
        ("cpu,memory,io", {"LD_PRELOAD": str(b.preload), "PROGNOS_TRACK": "cpu,memory,io"}),
        ("everything", {"LD_PRELOAD": str(b.preload)}),
    ]
    found = {name: [] for name, _ in cases}
    for _ in range(1 if b.quick else 3):
        for name, settings in cases:
            measures = b.output(program, b.rounds(50), **settings)["measures"]
            found[name].append({m["name"]: m for m in measures})
    results = []
    for name, runs in found.items():
        entry = {"name": name}
        for measure in ("begin_end", "nested", "siblings"):
            yardstick = "two_counter_reads"
            for key, value in (("ratio", "ns_min"), ("ratio_median", "ns_median")):
                ratios = [run[measure][value] / run[yardstick][value] for run in runs]
                entry[f"{measure}_{key}"] = statistics.median(ratios)
            entry[f"{measure}_ns"] = min(run[measure]["ns_min"] for run in runs)
        results.append(entry)
    return results


def sampling(b: Bench) -> list:
    return [b.run("sampling", b.rounds(60), PROGNOS_SAMPLE_HZ=hz) for hz in ("99", "2000")]


def host(b: Bench) -> dict:
    runs = [b.run("paced", b.rounds(30)) for _ in range(1 if b.quick else 3)]
    runs.sort(key=lambda run: run["extra_of_a_cpu"])
    each = [run["extra_of_a_cpu"] for run in runs]
    return {**runs[len(runs) // 2], "runs": each}


def real(b: Bench) -> dict:
    if b.quick:
        return {}
    return {
        "programs": programs.measure(b.preload, b.into, 15),
        "short": programs.measure(b.preload, b.into, 31, programs.SHORT),
    }


def peers(b: Bench) -> list:
    if b.quick:
        return []
    program = b.into / "peer_memory"
    source = HERE / "peer_memory.c"
    subprocess.run([*COMPILE, source, "-o", program, "-lstdc++"], check=True)
    return heap_peers.measure(program, b.preload, b.into, 5)


def truth(b: Bench) -> dict:
    program = b.compile("heap_truth", HERE / "heap_truth.c")
    seconds = 2 if b.quick else 6
    return {
        "heap": [accuracy.heap(program, b.into, distance) for distance in (524288, 65536)],
        "functions": accuracy.functions(b.library, b.into, seconds),
        "perf": accuracy.beside_perf(b.library, b.into, seconds),
    }


def costs(b: Bench) -> dict:
    plugin = b.compile("plugin.so", ROOT / "Tests/c/plugin.c", "-shared", "-fPIC")
    runs = [b.run("costs", plugin, PROGNOS_HEAP_SAMPLE_BYTES="1") for _ in range(b.rounds(11))]
    result = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    script = [sys.executable, "-c", PYTHON_START, str(b.library / "libprognos.so")]
    times = [
        [float(word) for word in subprocess.check_output(script, text=True).split()]
        for _ in range(b.rounds(11))
    ]
    result["python_load_ms"] = statistics.median(time[0] for time in times)
    result["python_start_ms"] = statistics.median(time[1] for time in times)
    result["library_bytes"] = (b.library / "libprognos.so").resolve().stat().st_size
    return result


PARTS = {
    "memory": memory,
    "peers": peers,
    "io": io,
    "pairs": pairs,
    "sampling": sampling,
    "host": host,
    "real": real,
    "truth": truth,
    "costs": costs,
}


def replace_table(text: str) -> None:
    begin, end = "<!-- tracking -->", "<!-- /tracking -->"
    readme = README.read_text(encoding="utf-8")
    before, found, rest = readme.partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        sys.exit(f"{README}: no {begin} ... {end} to write the table into")
    README.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="short, no peers, no files")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--install-peers", action="store_true", help="by apt-get, before")
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
    if options.install_peers:
        heap_peers.install()

    results = {}
    if not options.quick and RESULTS.exists():
        results = json.loads(RESULTS.read_text(encoding="utf-8"))
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(library, pathlib.Path(directory), options.quick)
        for name in options.only:
            print(f"measuring: {name}", file=sys.stderr)
            results[name] = PARTS[name](bench)
    text = table.of_everything(results)
    print(text)
    if not options.quick:
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        replace_table(text)


if __name__ == "__main__":
    main()
