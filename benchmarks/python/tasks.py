# SPDX-License-Identifier: Apache-2.0
"""1,000 interleaved asyncio tasks: is each one's time and memory its own?

    python benchmarks/python/tasks.py [--json FILE]

Each task is an operation of its own. It computes, allocates and sleeps in pieces. Account is kept
inside of it: the thread's CPU clock around each of its steps, the wall clock around the whole, and
the bytes that it asks for. What the operation says is compared with that.
"""

import argparse
import asyncio
import hashlib
import json
import pathlib
import random
import statistics
import time

import prognos

COMPUTED = memoryview(bytes(2_000_000))


def task(operation, seed, accounts, parts):
    rng = random.Random(seed)
    sizes = [rng.randrange(200_000, 2_000_000) for _ in range(parts)]

    async def work():
        for size in sizes:
            hashlib.sha256(COMPUTED[: rng.randrange(500_000, 2_000_000)])
            bytearray(size)
            await asyncio.sleep(rng.random() * 0.5)

    @operation
    async def run():
        await Account(work(), operation, accounts, sum(sizes))

    return run()


class Account:
    """Awaits a coroutine step by step, and takes the time of each."""

    def __init__(self, inner, operation, accounts, allocated):
        self.inner, self.operation = inner, operation
        self.accounts, self.allocated = accounts, allocated

    def __await__(self):
        cpu = 0
        begun = time.perf_counter_ns()
        sent = None
        try:
            while True:
                on_cpu = time.thread_time_ns()
                try:
                    waits_for = self.inner.send(sent)
                finally:
                    cpu += time.thread_time_ns() - on_cpu
                sent = yield waits_for
        except StopIteration:
            wall = time.perf_counter_ns() - begun
            self.accounts[self.operation] = (wall, cpu, self.allocated)


def errors(accounts):
    """For each task how far its operation is off, as ratios: wall, CPU, memory."""
    found = []
    for operation, (wall, cpu, allocated) in accounts.items():
        stats = operation.read()
        found.append(
            (
                stats.wall_ns / wall - 1,
                stats.cpu_ns / cpu - 1,
                stats.allocated_bytes / allocated - 1,
            )
        )
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--tasks", type=int, default=1000)
    parser.add_argument("--parts", type=int, default=10)
    arguments = parser.parse_args()
    prognos.start(track="cpu,memory,io")
    accounts = {}

    async def main():
        operations = (prognos.op(f"task {i}") for i in range(arguments.tasks))
        await asyncio.gather(
            *(task(op, i, accounts, arguments.parts) for i, op in enumerate(operations))
        )

    asyncio.run(main())
    results = {"tasks": len(accounts)}
    for name, off in zip(("wall", "running", "memory"), zip(*errors(accounts), strict=True)):
        size = sorted(abs(each) for each in off)
        results[name] = {
            "median_off": statistics.median(size),
            "p99_off": size[int(len(size) * 0.99)],
            "most_off": size[-1],
            "within_2_percent": sum(each <= 0.02 for each in size) / len(size),
        }
        row = results[name]
        print(
            f"{name:8} median {row['median_off']:.3%}  99 in 100 {row['p99_off']:.3%}  "
            f"at worst {row['most_off']:.3%}  within 2 % {row['within_2_percent']:.1%}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
