#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a live view costs: ns of a begin+end pair while `prognos top` looks 10 times a second, and
while it does not. The bar: 1.02. On a quiet machine: writes benchmarks/results/live-view.json.
Usage: benchmarks/live-view/run.py [ROUNDS]

One host on a CPU of its own, one view on another. A round is three phases of half a second in
random order: the view looks; it is stopped (SIGSTOP); it is stopped once more. The host times
slices of a millisecond all the while. A phase is the mean of its slices, without those that took
half as long again as the median of the whole run (something else had the CPU). A round gives two
ratios: looked at / stopped, and stopped / stopped, which says what the machine does by itself.
The median of either has a 95 % interval by order statistics; the bar is met when the first one's
lies below it, and the second one's holds 1: otherwise the machine was too busy to tell."""

import json
import mmap
import os
import pty
import random
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "build" / "lib"
TOOL = ROOT / "build" / "bin" / "prognos"
BAR, PHASE_S, SETTLE_S = 1.02, 0.5, 0.06
KINDS = ("looking", "stopped", "stopped again")


def build(into):
    program = into / "host"
    subprocess.run(
        ["gcc", "-O2", "-I", ROOT / "include", Path(__file__).parent / "host.c", "-o", program]
        + ["-L", LIBRARY, "-lprognos", f"-Wl,-rpath,{LIBRARY}"],
        check=True,
    )
    return program


class View:
    """prognos top in a pseudo-terminal, whose screen nobody reads but us."""

    def __init__(self, pid, cpu):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.sched_setaffinity(0, {cpu})
            os.environ["TERM"] = "xterm-256color"
            os.execv(TOOL, [str(TOOL), "top", str(pid), "--interval", "0.1"])
        self.looks = 0
        threading.Thread(target=self.drain, daemon=True).start()

    def drain(self):
        try:
            while os.read(self.terminal, 65536):
                self.looks += 1
        except OSError:
            pass

    def close(self):
        os.kill(self.pid, signal.SIGCONT)
        os.write(self.terminal, b"q")
        os.waitpid(self.pid, 0)


def measure(rounds):
    """The slices of each phase, by its number; and the phases of each round."""
    cpus = sorted(os.sched_getaffinity(0))
    host_cpu, other = cpus[0], cpus[-1]
    if host_cpu == other:
        sys.exit("two CPUs are needed: one for the host, one for the view")
    os.sched_setaffinity(0, {other})
    with tempfile.TemporaryDirectory() as directory:
        shared = Path(directory) / "shared"
        shared.write_bytes(bytes(8 + 8 * 2_000_000))
        with open(shared, "r+b") as file:
            words = mmap.mmap(file.fileno(), 0)
        host = subprocess.Popen(
            ["taskset", "-c", str(host_cpu), build(Path(directory)), shared],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PROGNOS_RECORDING": "auto"},
        )
        assert host.stdout.readline() == b"ready\n"
        view = View(host.pid, other)
        time.sleep(2)
        assert view.looks > 5, "the view does not draw"
        phases, looks = [], 0
        for round_number in range(rounds):
            order = {}
            for kind in random.sample(KINDS, len(KINDS)):
                number = 1 + round_number * len(KINDS) + KINDS.index(kind)
                os.kill(view.pid, signal.SIGCONT if kind == "looking" else signal.SIGSTOP)
                time.sleep(SETTLE_S)
                before = view.looks
                words[0:4] = struct.pack("<I", number)
                time.sleep(PHASE_S)
                words[0:4] = struct.pack("<I", 0)
                looks += view.looks - before
                order[kind] = number
            phases.append(order)
        recording = [
            row["path"]
            for row in json.loads(subprocess.check_output([TOOL, "list", "--json"]))
            if row["pid"] == host.pid
        ]
        view.close()
        host.stdin.close()
        host.wait()
        for path in recording:
            os.unlink(path)
        slices = {}
        (count,) = struct.unpack_from("<I", words, 4)
        for index in range(count):
            number, ns = struct.unpack_from("<If", words, 8 + 8 * index)
            slices.setdefault(number, []).append(ns)
    return phases, slices, looks / (rounds * PHASE_S)


def interval(values):
    """The median, and its 95 % interval: the order statistics that a fair coin leaves so."""
    ordered, n = sorted(values), len(values)
    half = round(0.98 * n**0.5)
    low, high = max((n - 1) // 2 - half, 0), min(n // 2 + half, n - 1)
    return statistics.median(ordered), ordered[low], ordered[high]


def judge(phases, slices):
    usual = statistics.median(ns for phase in slices.values() for ns in phase)
    kept, dropped = {}, 0
    for number, phase in slices.items():
        whole = [ns for ns in phase if ns < 1.5 * usual]
        dropped += len(phase) - len(whole)
        if len(whole) >= 50:
            kept[number] = statistics.fmean(whole)
    rounds = [r for r in phases if all(number in kept for number in r.values())]
    if len(rounds) < 10:
        sys.exit("too few whole rounds: the machine is too busy")
    means = {kind: [kept[r[kind]] for r in rounds] for kind in KINDS}
    base = [(a + b) / 2 for a, b in zip(means["stopped"], means["stopped again"], strict=True)]
    look, by_itself = (
        [a / b for a, b in zip(*pair, strict=True)]
        for pair in ((means["looking"], base), (means["stopped again"], means["stopped"]))
    )
    (ratio, low, high), (same, same_low, same_high) = interval(look), interval(by_itself)
    if not same_low <= 1 <= same_high or low <= BAR < high:
        verdict = "not resolved"
    else:
        verdict = "OK" if high <= BAR else "over"
    return {
        "pair_ns_with": statistics.median(means["looking"]),
        "pair_ns_without": statistics.median(base),
        "ratio": ratio,
        "ratio_95": [low, high],
        "without_against_itself": same,
        "without_against_itself_95": [same_low, same_high],
        "bar": BAR,
        "verdict": verdict,
        "rounds": len(rounds),
        "slices": sum(len(phase) for phase in slices.values()),
        "slices_dropped": dropped,
    }


if __name__ == "__main__":
    load = os.getloadavg()[0]
    phases, slices, looks = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 120)
    found = {**judge(phases, slices), "looks_per_s": round(looks, 1), "load_before": load}
    text = json.dumps(found, indent=1)
    print(text)
    if load < 0.5 and found["verdict"] != "not resolved":
        (ROOT / "benchmarks" / "results" / "live-view.json").write_text(text + "\n")
    else:
        print(f"not written: {found['verdict']}, the load was {load:.1f} before", file=sys.stderr)
