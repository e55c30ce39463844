# SPDX-License-Identifier: Apache-2.0
"""Runs the scenarios as real processes, and keeps what Prognos said of each, ten times a second.

Usage: record.py HOST OUTPUT SEEDS [--jobs N] [--only SCENARIO,...]   (SEEDS: 1..5)

HOST is host.c, built against the library. As root, with control groups of version 1 below
/sys/fs/cgroup, all scenarios run; what cannot be made is said, and left out.
OUTPUT gets SCENARIO.SEED.log. With --keep also SCENARIO.SEED.prognos, the recording, of 64 MiB so
that it has all samples: run.py --replay assesses it again with a library that has changed since.
"""

import argparse
import os
import pathlib
import random
import subprocess
import sys
import threading
import time

FAILING = (
    "leak_linear leak_noise leak_accelerating leak_burst steps_leak leak_after_warmup "
    "cgroup_memory fd_leak fd_leak_burst socket_leak pids tmpfs file_size deadlock stalled "
    "cpu_limit io_throttled map_leak cpu_quota"
).split()
HEALTHY = (
    "idle warmup log_growth cache_fill sawtooth batch steps random_walk pools cpu_busy "
    "burst_recovery"
).split()
GROUPS = pathlib.Path("/sys/fs/cgroup")


class Group:
    """A control group of version 1, for one run."""

    def __init__(self, controller, name, settings):
        self.path = GROUPS / controller / name
        self.path.mkdir()
        for key, value in settings.items():
            (self.path / key).write_text(str(value))

    def join(self):
        (self.path / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        for _ in range(50):
            try:
                return self.path.rmdir()
            except OSError:
                time.sleep(0.1)


def life_of(scenario, seed):
    draw = random.Random(f"{scenario} {seed}")
    low, high = (20, 60) if scenario in ("cpu_limit", "cpu_busy") else (20, 120)
    return low * (high / low) ** draw.random(), draw


def throttle(group, device, life, done):
    """Takes the disk away, little by little: from 4 MB/s to 40 KB/s."""
    start = time.monotonic()
    while not done.wait(0.5):
        x = min((time.monotonic() - start) / life, 1.2)
        rate = int(4e6 * 0.01**x)
        (group.path / "blkio.throttle.write_bps_device").write_text(f"{device} {rate}")


def run(host, scenario, seed, output, keep):
    life, draw = life_of(scenario, seed)
    environment = dict(os.environ)
    group, mount, done = None, None, threading.Event()
    name = f"crash-{scenario}-{seed}"
    disk = draw.random() < 0.45
    work = output / "work"
    work.mkdir(exist_ok=True)
    environment["DIRECTORY"] = str(work)
    live = pathlib.Path(f"/dev/shm/{name}.prognos")
    if keep:
        live.unlink(missing_ok=True)
        environment["PROGNOS_RECORDING"] = str(live)
        environment["PROGNOS_MEMORY_LIMIT_BYTES"] = str(64 << 20)
    try:
        if scenario == "cgroup_memory":
            headroom = draw.uniform(100e6, 300e6)
            environment["HEADROOM"] = str(headroom)
            group = Group("memory", name, {"memory.limit_in_bytes": int(headroom + 30e6)})
        elif scenario in ("pids", "pools"):
            pids = int(draw.uniform(100, 400))
            environment["HEADROOM"] = str(pids)
            group = Group("pids", name, {"pids.max": pids + 8})
        elif scenario == "cpu_quota":
            # Its quota is what it is to lack, not its share of a busy machine.
            settings = {"cpu.cfs_period_us": 100000, "cpu.cfs_quota_us": 20000}
            group = Group("cpu", name, settings | {"cpu.shares": 200000})
        elif scenario == "io_throttled":
            group = Group("blkio", name, {})
            number = os.stat(work).st_dev
            device = f"{os.major(number)}:{os.minor(number)}"
            threading.Thread(target=throttle, args=(group, device, life, done)).start()
        elif scenario == "tmpfs" or scenario in HEALTHY and disk:
            size = int(draw.uniform(16e6, 120e6)) // 4096 * 4096
            mount = output / f"mount-{name}"
            mount.mkdir(exist_ok=True)
            subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", mount], check=True
            )
            environment.update(HEADROOM=str(size), DIRECTORY=str(mount))
        log = output / f"{scenario}.{seed}.log"
        start = time.monotonic()
        with open(log, "wb") as file:
            child = subprocess.Popen(
                [host, scenario, str(seed), f"{life:.3f}"],
                stdout=subprocess.PIPE,
                env=environment,
                preexec_fn=group.join if group else None,
            )
            while data := child.stdout.read1(1 << 16):
                file.write(data)
            status = child.wait()
            end = time.monotonic() - start
            # A killed process leaves half a line.
            file.write(f"\nX {status} {end:.3f} {life:.3f}\n".encode())
    finally:
        done.set()
        if live.exists():
            # With holes for what was never written.
            to = output / f"{scenario}.{seed}.prognos"
            subprocess.run(["cp", "--sparse=always", live, to], check=False)
            live.unlink()
        if mount:
            subprocess.run(["umount", "-l", mount], check=False)
            mount.rmdir()
        if group:
            group.remove()


def main():
    options = argparse.ArgumentParser()
    options.add_argument("host")
    options.add_argument("output", type=pathlib.Path)
    options.add_argument("seeds")
    options.add_argument("--jobs", type=int, default=14)
    options.add_argument("--only", default="")
    options.add_argument("--keep", action="store_true", help="keep the recordings, too")
    options = options.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    first, last = (options.seeds.split("..") * 2)[:2]
    scenarios = options.only.split(",") if options.only else FAILING + HEALTHY
    runs = [(s, n) for n in range(int(first), int(last) + 1) for s in scenarios]
    # Long ones first, and those that need a CPU of their own never two at a time.
    runs.sort(key=lambda r: -life_of(*r)[0])
    busy, lock = threading.Lock(), threading.Lock()

    def work():
        while True:
            with lock:
                if not runs:
                    return
                scenario, seed = runs.pop(0)
            try:
                if scenario == "cpu_busy":
                    with busy:
                        run(options.host, scenario, seed, options.output, options.keep)
                else:
                    run(options.host, scenario, seed, options.output, options.keep)
            except (OSError, subprocess.CalledProcessError) as problem:
                print(f"[skip] {scenario} {seed}: {problem}", file=sys.stderr)

    threads = [threading.Thread(target=work) for _ in range(options.jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
