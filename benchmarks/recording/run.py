#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""How long begin and end take while the recording is private memory, a file in memory, and
a file on a disk: idle, and while the disk is busy (stress-ng --hdd, and a sync each half second).
Prints a table.

First in turn (nice) where that is allowed, so that other programs count little.

Usage: run.py [--seconds N] [--disk DIRECTORY]
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = Path(os.environ.get("PROGNOS_LIBRARY_DIR", ROOT / "build" / "lib"))
COLUMNS = [
    "mean_ns",
    "p50_ns",
    "p99_ns",
    "p99.9_ns",
    "p99.99_ns",
    "over_1_ms",
    "max_us",
    "start_us",
]


class DiskLoad:
    """Writers on the disk, and somebody who syncs."""

    def __init__(self, directory):
        command = ["stress-ng", "--hdd", "2", "--hdd-bytes", "1g", "--temp-path", directory]
        self.process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self.ends = threading.Event()
        self.thread = threading.Thread(target=self.sync)
        self.thread.start()

    def sync(self):
        while not self.ends.wait(0.5):
            os.sync()

    def stop(self):
        self.ends.set()
        self.process.terminate()
        self.process.wait()
        self.thread.join()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--disk", default="/var/tmp")
    options = parser.parse_args()
    if not shutil.which("stress-ng"):
        sys.exit("stress-ng is not installed: apt-get install stress-ng")
    with (
        tempfile.TemporaryDirectory(dir=options.disk) as disk,
        tempfile.TemporaryDirectory(dir="/dev/shm") as memory,
    ):
        program = Path(disk) / "latency"
        command = ["cc", "-O2", "-Wall", "-Wextra", ROOT / "benchmarks/recording/latency.c"]
        command += ["-o", program, f"-I{ROOT / 'include'}", f"-L{LIBRARY}", "-lprognos"]
        subprocess.run([*command, f"-Wl,-rpath,{LIBRARY}"], check=True)
        places = {
            "private memory": [],
            "file in memory": [f"{memory}/a.prognos"],
            "file on a disk": [f"{disk}/a.prognos", "direct"],
        }
        first = ["nice", "-n", "-20"]
        if subprocess.run([*first, "true"], stderr=subprocess.PIPE).stderr:
            print(
                "nice is not allowed: what else runs counts, too",
                file=sys.stderr,
            )
            first = []
        print("| disk | recording | " + " | ".join(COLUMNS) + " |")
        print("| --- " * (len(COLUMNS) + 2) + "|")
        for state in ("idle", "busy"):
            load = DiskLoad(disk) if state == "busy" else None
            try:
                for name, arguments in places.items():
                    done = subprocess.run(
                        [*first, program, str(options.seconds), *arguments],
                        stdout=subprocess.PIPE,
                        check=True,
                    )
                    figures = json.loads(done.stdout)
                    cells = [f"{figures[column]}" for column in COLUMNS]
                    print(f"| {state} | {name} | " + " | ".join(cells) + " |", flush=True)
            finally:
                if load:
                    load.stop()


if __name__ == "__main__":
    main()
