# SPDX-License-Identifier: Apache-2.0
"""Lets services die of what no limit shows, and scores whether their later lives foresee it.

Usage: run.py LIBRARY_DIR FIRST_SEED SEEDS [RESULT.json]

Of each scenario and seed one service is started again and again: life 0 has no predecessor, life 1
one, and so on. All services run side by side, and hardly use the CPU. An alarm is a probability of
0.5 or more. A life that dies of what is announced is right with an alarm that is up 4 s before its
death and began after the announcement, or at most 60 s before the death where it grows; one that
passes, or dies unannounced, without any. Seeds below 100 are what the method was designed with.
"""

import concurrent.futures
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent.parent
DYING = ["failures", "reload", "creep", "memory", "pool", "surge", "writes"]
ALIKE = [
    "never_dies",
    "passes_and_dies",
    "deploys",
    "no_predecessor",
    "other_build",
    "random_deaths",
    "random_kills",
]
PRECURSOR = 6


def build(library, directory):
    for number in (1, 2):
        subprocess.run(
            ["cc", "-O2", "-Wall", "-Wextra", "-Werror", f"-DBUILD={number}", "-Wl,--build-id",
             f"-I{ROOT}/include", str(HERE / "host.c"), "-o", str(directory / f"service.{number}"),
             f"-L{library}", "-lprognos", f"-Wl,-rpath,{library}", "-lm", "-lpthread"],
            check=True,
        )  # fmt: skip


def live(directory, scenario, seed, number, home):
    """One life: its samples, when what announces its death began, and whether it died."""
    # The executable has the same name in all builds.
    wanted = 1 if scenario != "other_build" or number < 3 else 2
    program = home / "service"
    program.unlink(missing_ok=True)
    os.link(directory / f"service.{wanted}", program)
    path = home / "no.%p.prognos" if scenario == "no_predecessor" else home / "service.prognos"
    host = subprocess.run(
        [str(program), scenario, str(seed), str(number), str(path)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, errors="replace", check=False,
    )  # fmt: skip
    samples, fault, reasons = [], None, []
    for line in host.stdout.splitlines():
        words = line.split(" ", 7)
        if words[0] == "S" and len(words) >= 7:
            samples.append([float(word) for word in words[1:7]])
            if len(words) > 7 and words[7] and (not reasons or samples[-1][1] >= 0.5):
                reasons.append(f"{words[1]} {words[2]} {words[7]}")
        elif words[0] == "F":
            fault = float(words[1])
        elif words[0] == "E":
            raise RuntimeError(line)
    return {
        "scenario": scenario,
        "seed": seed,
        "life": number,
        "exit": host.returncode,
        "fault": fault,
        "end": samples[-1][0] + 0.25 if samples else 0,
        "samples": samples,
        "reasons": reasons[-1:],
    }


def chain(arguments):
    directory, scenario, seed, lives = arguments
    with tempfile.TemporaryDirectory(dir="/dev/shm") as home:
        home = pathlib.Path(home)
        return [live(directory, scenario, seed, number, home) for number in range(lives)]


def judge(one):
    """What a life was foreseen to come to."""
    alarms = [s for s in one["samples"] if s[1] >= 0.5]
    end = one["end"]
    one["alarms"] = len(alarms)
    one["alarms_of_precursors"] = sum(s[2] == PRECURSOR for s in alarms)
    if one["scenario"] not in DYING:
        return
    begin = one["fault"] if one["fault"] is not None else end - 60
    right = [s for s in alarms if begin <= s[0] <= end - 4]
    early = [s for s in alarms if s[0] < begin]
    one["foreseen"] = bool(right)
    one["early"] = bool(early)
    if right:
        one["notice"] = end - right[0][0]
        told = [s for s in right if s[2] == PRECURSOR and s[3] < 1e6]
        if told:
            first = told[0]
            one["left"] = [end - first[0], first[3], first[4], first[5]]


def score(lives):
    table = {}
    for scenario in DYING + ALIKE:
        rows = []
        for former in (1, 2, 3):
            some = [x for x in lives if x["scenario"] == scenario and x["life"] == former]
            # Before, it is the other build that dies.
            if scenario == "other_build" and former < 3:
                continue
            row = {"former": former, "lives": len(some)}
            if scenario in DYING:
                row["foreseen"] = sum(x["foreseen"] for x in some)
                row["early"] = sum(x["early"] for x in some)
                notices = [x["notice"] for x in some if "notice" in x]
                row["notice_s"] = round(statistics.median(notices), 1) if notices else None
                times = [x["left"] for x in some if "left" in x]
                errors = [abs(t[1] - t[0]) / t[0] for t in times]
                row["time_error"] = round(statistics.median(errors), 3) if errors else None
                row["within"] = sum(t[2] <= t[0] <= t[3] for t in times)
                row["told"] = len(times)
            else:
                row["false"] = sum(x["alarms"] > 0 for x in some)
                row["false_by_precursors"] = sum(x["alarms_of_precursors"] > 0 for x in some)
            rows.append(row)
        table[scenario] = rows
    return table


def main():
    library = pathlib.Path(sys.argv[1]).resolve()
    first, seeds = int(sys.argv[2]), int(sys.argv[3])
    began = time.time()
    with tempfile.TemporaryDirectory() as directory:
        directory = pathlib.Path(directory)
        build(library, directory)
        work = [
            (directory, scenario, seed, 4)
            for seed in range(first, first + seeds)
            for scenario in DYING + ALIKE
        ]
        # Links must be on one file system.
        with tempfile.TemporaryDirectory(dir="/dev/shm") as shared:
            shared = pathlib.Path(shared)
            for number in (1, 2):
                (shared / f"service.{number}").write_bytes(
                    (directory / f"service.{number}").read_bytes()
                )
                (shared / f"service.{number}").chmod(0o755)
            work = [(shared, *rest) for _, *rest in work]
            with concurrent.futures.ThreadPoolExecutor(len(work)) as pool:
                lives = [one for lives in pool.map(chain, work) for one in lives]
    for one in lives:
        judge(one)
    table = score(lives)
    for scenario, rows in table.items():
        for row in rows:
            print(scenario, json.dumps(row))
    for former in (1, 2, 3):
        dying = [x for x in lives if x["scenario"] in DYING and x["life"] == former]
        alike = [
            x
            for x in lives
            if x["scenario"] in ALIKE
            and x["life"] == former
            and (x["scenario"] != "other_build" or former == 3)
        ]
        print(
            f"{former} former: foreseen {sum(x['foreseen'] for x in dying)} of {len(dying)}, false"
            f" {sum(x['alarms'] > 0 for x in alike)} of {len(alike)}, early"
            f" {sum(x['early'] for x in dying)} of {len(dying)}"
        )
    if len(sys.argv) > 4:
        for one in lives:
            del one["samples"]
        result = {
            "machine": f"{platform.machine()}, {os.cpu_count()} CPUs",
            "load": os.getloadavg(),
            "seeds": [first, first + seeds - 1],
            "seconds": round(time.time() - began),
            "table": table,
            "lives": lives,
        }
        pathlib.Path(sys.argv[4]).write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
