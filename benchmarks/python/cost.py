# SPDX-License-Identifier: Apache-2.0
"""What an operation costs in Python, beside C types around two counter readings and beside others.

    python benchmarks/python/cost.py [--json FILE]

Slices of all variants take turns in one process, the fastest of each counts, less the loop around
it. prometheus_client and opentelemetry-sdk are measured where they are installed. Recording runs
with everything but call stacks; what the rest costs is told apart.
"""

import argparse
import asyncio
import gc
import importlib.util
import json
import os
import pathlib
import resource
import subprocess
import sys
import sysconfig
import tempfile
import time

HERE = pathlib.Path(__file__).parent
# ns of an empty operation as context manager, decorator, by begin and end: with CPython 3.11.7 on
# the machine that the project began on. Tracy has no package for it that could be run here.
TRACY = {"with": 392, "decorator": 392, "begin + end": 208}


def build_floor():
    """Compiles floor.c, and imports it."""
    folder = tempfile.mkdtemp()
    target = f"{folder}/floor.so"
    include = sysconfig.get_paths()["include"]
    flags = ["-O2", "-fPIC", "-shared", f"-I{include}"]
    subprocess.run(["cc", *flags, str(HERE / "floor.c"), "-o", target], check=True)
    spec = importlib.util.spec_from_file_location("floor", target)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def loops(with_, call, begin, end):
    """Loops around a context manager, a decorated function, and a pair of calls."""

    def contexts(n):
        for _ in range(n):
            with with_:
                pass

    def calls(n):
        for _ in range(n):
            call()

    def pairs(n):
        for _ in range(n):
            begin()
            end()

    return {"with": contexts, "decorator": calls, "begin + end": pairs}


def prometheus():
    """prometheus_client's Histogram; its context manager is made for each use, as its docs say."""
    import prometheus_client

    histogram = prometheus_client.Histogram("f", "Time of f")

    def contexts(n):
        for _ in range(n):
            with histogram.time():
                pass

    @histogram.time()
    def function():
        pass

    def calls(n):
        for _ in range(n):
            function()

    return {"with": contexts, "decorator": calls}


def opentelemetry():
    """OpenTelemetry's SDK, without a processor: spans are made, and go nowhere."""
    from opentelemetry.sdk.trace import TracerProvider

    tracer = TracerProvider().get_tracer("f")

    def contexts(n):
        for _ in range(n):
            with tracer.start_as_current_span("f"):
                pass

    @tracer.start_as_current_span("f")
    def function():
        pass

    def calls(n):
        for _ in range(n):
            function()

    return {"with": contexts, "decorator": calls}


def fastest(variants, rounds):
    """ns for each turn of each loop, less those of an empty one."""

    def empty(n):
        for _ in range(n):
            pass

    loops = {("", ""): (empty, 20_000)}
    for name, (kinds, turns) in variants.items():
        loops |= {(name, kind): (loop, turns) for kind, loop in kinds.items()}
    best = {}
    for _ in range(rounds):
        for key, (loop, turns) in loops.items():
            begun = time.perf_counter_ns()
            loop(turns)
            taken = (time.perf_counter_ns() - begun) / turns
            best[key] = min(best.get(key, taken), taken)
    nothing = best.pop(("", ""))
    return {key: taken - nothing for key, taken in best.items()}


def suspended(operation):
    """ns that a decorated coroutine adds to an await without, and to one with a suspension."""

    async def plain(yields):
        for _ in range(yields):
            await asyncio.sleep(0)

    decorated = operation(plain)

    async def drive(function, yields, turns):
        begun = time.perf_counter_ns()
        for _ in range(turns):
            await function(yields)
        return (time.perf_counter_ns() - begun) / turns

    async def main():
        best = {}
        for _ in range(30):
            for yields in (0, 50):
                for function in (plain, decorated):
                    taken = await drive(function, yields, 2000 if yields == 0 else 40)
                    key = (function is decorated, yields)
                    best[key] = min(best.get(key, taken), taken)
        return best

    best = asyncio.run(main())
    call = best[True, 0] - best[False, 0]
    return {
        "decorated coroutine": call,
        "each suspension": (best[True, 50] - best[False, 50] - call) / 50,
    }


IMPORT = """
import resource, time
def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
before, begun = rss(), time.process_time_ns()
import {0}
print(time.process_time_ns() - begun, rss() - before)
"""


def importing(module):
    """ms of CPU time and MB of resident memory of an import, the median of 15 processes."""
    # An installed package is compiled; the first run sees to that.
    unwanted = ("PYTHONDONTWRITEBYTECODE",)
    environment = {k: v for k, v in os.environ.items() if k not in unwanted}
    runs = []
    for _ in range(16):
        run = [sys.executable, "-c", IMPORT.format(module)]
        done = subprocess.run(run, capture_output=True, check=True, text=True, env=environment)
        runs.append([int(each) / 1e6 for each in done.stdout.split()])
    return [sorted(column)[7] for column in zip(*runs[1:], strict=True)]


GARBAGE = """
import gc, sys, time
if {0}:
    import prognos
    prognos.start(track="cpu,memory,io")
class Node:
    def __init__(self, other): self.other = other
def work():
    kept, last = [], None
    for i in range(200_000):
        last = Node({{"a": last, "b": [i]}})
        if i % 10 == 0: kept.append(last)
        if i % 1000 == 0: last = None
    return kept
best = collected = None
for _ in range(7):
    begun = time.process_time_ns(); kept = work(); taken = time.process_time_ns() - begun
    begun = time.process_time_ns(); gc.collect(); collecting = time.process_time_ns() - begun
    best = min(best or taken, taken); collected = min(collected or collecting, collecting)
    del kept
print(best, collected)
"""


def garbage():
    """How much longer an object-heavy loop, and a full collection, take while recording runs."""
    ratios = []
    for _ in range(5):
        pair = []
        for recording in (False, True):
            run = [sys.executable, "-c", GARBAGE.format(recording)]
            said = subprocess.run(run, capture_output=True, check=True, text=True).stdout
            pair.append([int(each) for each in said.split()])
        ratios.append([with_ / without for without, with_ in zip(*pair, strict=True)])
    return {
        "object-heavy loop, memory tracked": sorted(each[0] for each in ratios)[2],
        "full collection": sorted(each[1] for each in ratios)[2],
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=100)
    arguments = parser.parse_args()
    floor = build_floor()
    pair = floor.Pair()
    import prognos

    prognos.start(track="cpu,memory,io")
    operation = prognos.op("f")

    def function():
        pass

    variants = {
        "two counter readings": (
            loops(pair, floor.Wrapper(function), pair.begin, pair.end),
            10_000,
        ),
        "prognos": (
            loops(operation, operation(function), operation.begin, operation.end),
            10_000,
        ),
        "no decorator": ({"decorator": loops(None, function, None, None)["decorator"]}, 10_000),
    }
    for name, make in (("prometheus_client", prometheus), ("OpenTelemetry SDK", opentelemetry)):
        try:
            variants[name] = (make(), 1000)
        except ImportError as missing:
            print(f"skipped: {missing}")
    gc.disable()
    found = fastest(variants, arguments.rounds)
    gc.enable()
    results = {"python": sys.version.split()[0], "ns": {}, "ratios": {}}
    print(f"CPython {results['python']}; ns for an empty operation, and how many times prognos's\n")
    for name in variants:
        row = {kind: found[name, kind] for kind in TRACY if (name, kind) in found}
        results["ns"][name] = row
        results["ratios"][name] = {k: v / found["prognos", k] for k, v in row.items()}
    results["ns"]["Tracy (quoted)"] = TRACY
    results["ratios"]["Tracy (quoted)"] = {k: v / found["prognos", k] for k, v in TRACY.items()}
    for name, row in results["ns"].items():
        cells = (f"{k} {v:.0f} ({results['ratios'][name][k]:.2f} x)" for k, v in row.items())
        print(f"  {name:22} " + "   ".join(cells))
    over = {k: found["prognos", k] / found["two counter readings", k] for k in TRACY}
    results["over the floor"] = over
    print("\nprognos / two counter readings: ", {k: round(v, 2) for k, v in over.items()})
    results["asyncio ns"] = suspended(prognos.op("coroutine"))
    print("asyncio, ns:", {k: round(v) for k, v in results["asyncio ns"].items()})
    results["import"] = {}
    for module in ("prognos", "prometheus_client", "opentelemetry.sdk.trace"):
        if importlib.util.find_spec(module.split(".")[0]):
            results["import"][module] = importing(module)
    rounded = {k: [round(x, 2) for x in v] for k, v in results["import"].items()}
    print("import, ms of CPU and MB:", rounded)
    results["times as long"] = garbage()
    print("times as long:", {k: round(v, 3) for k, v in results["times as long"].items()})
    results["max rss MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
