#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a live view costs: ns of a begin+end pair with `prognos top` looking 10 times a second, and
without, in turn. The bar: 1.02. On a quiet machine: writes benchmarks/results/live-view.json.
Usage: benchmarks/live-view/run.py [ROUNDS]"""

import json
import os
import pty
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "build" / "lib"
TOOL = ROOT / "build" / "bin" / "prognos"


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

    def __init__(self, pid):
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execv(TOOL, [str(TOOL), "top", str(pid), "--interval", "0.1"])
        self.bytes = 0
        threading.Thread(target=self.drain, daemon=True).start()
        time.sleep(0.5)

    def drain(self):
        try:
            while got := os.read(self.terminal, 65536):
                self.bytes += len(got)
        except OSError:
            pass

    def close(self):
        os.write(self.terminal, b"q")
        os.waitpid(self.pid, 0)


def measure(rounds):
    found = {"with": [], "without": []}
    with tempfile.TemporaryDirectory() as directory:
        host = subprocess.Popen(
            ["taskset", "-c", "0", build(Path(directory))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PROGNOS_RECORDING": "auto"},
        )

        def block():
            host.stdin.write(b"\n")
            host.stdin.flush()
            return float(host.stdout.readline())

        block()
        for _ in range(rounds):
            kinds = ["with", "without"]
            random.shuffle(kinds)
            for kind in kinds:
                view = View(host.pid) if kind == "with" else None
                found[kind].append(block())
                if view:
                    assert view.bytes > 0
                    view.close()
        recording = [
            row["path"]
            for row in json.loads(subprocess.check_output([TOOL, "list", "--json"]))
            if row["pid"] == host.pid
        ]
        host.stdin.close()
        host.wait()
        for path in recording:
            os.unlink(path)
    ratios = sorted(a / b for a, b in zip(found["with"], found["without"], strict=True))
    return {
        "pair_ns_with": statistics.median(found["with"]),
        "pair_ns_without": statistics.median(found["without"]),
        "ratio": statistics.median(ratios),
        "ratio_quartiles": [ratios[len(ratios) // 4], ratios[-1 - len(ratios) // 4]],
        "rounds": rounds,
    }


if __name__ == "__main__":
    load = os.getloadavg()[0]
    found = measure(int(sys.argv[1]) if len(sys.argv) > 1 else 31)
    text = json.dumps({**found, "looks_per_s": 10, "load_before": load}, indent=1)
    print(text)
    if load < 1.5:
        (ROOT / "benchmarks" / "results" / "live-view.json").write_text(text + "\n")
    else:
        print(f"not written: the load was {load:.1f} before", file=sys.stderr)
