# SPDX-License-Identifier: Apache-2.0
"""The loops that allocate, beside what peers make of them, each started as it is meant to be.

A peer that is not installed or does not work here is reported with the reason, never left out.
"""

import json
import os
import pathlib
import shutil
import subprocess

PACKAGES = ["heaptrack", "google-perftools", "libgoogle-perftools-dev", "libjemalloc2"]
TCMALLOC, JEMALLOC = "libtcmalloc.so.4", "libjemalloc.so.2"


class Skipped(Exception):
    """Why a peer was not measured."""


def install() -> None:
    """By the user's wish only."""
    sudo = [] if os.geteuid() == 0 else ["sudo"]
    subprocess.run([*sudo, "apt-get", "install", "-y", "--no-install-recommends", *PACKAGES])


def _run(command: list, into: pathlib.Path, rounds: int, **settings: str) -> dict:
    try:
        done = subprocess.run(
            [str(word) for word in (*command, rounds)],
            env={**os.environ, **settings},
            cwd=into,
            capture_output=True,
            text=True,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        raise Skipped("took more than two minutes") from None
    said = (done.stderr.splitlines() or [f"exit status {done.returncode}"])[0]
    if done.returncode != 0 or "cannot be preloaded" in done.stderr:
        raise Skipped(said)
    if "Invalid conf pair" in done.stderr:
        raise Skipped("Debian's build has no profiler: it says " + said)
    return json.loads(done.stdout[done.stdout.index("{\n") : done.stdout.rindex("}") + 1])


def _heaptrack(program: pathlib.Path, into: pathlib.Path, rounds: int) -> dict:
    if not shutil.which("heaptrack"):
        raise Skipped("heaptrack is not installed")
    return _run(["heaptrack", "-o", into / "heaptrack", program], into, rounds)


def _preloaded(**settings: str):
    def case(program: pathlib.Path, into: pathlib.Path, rounds: int) -> dict:
        return _run([program], into, rounds, **settings)

    return case


def cases(preload: pathlib.Path) -> list:
    """Name, the one whose time is its yardstick, rounds for each hundred, how to run it."""
    no_dumps = {"HEAP_PROFILE_ALLOCATION_INTERVAL": "0", "HEAP_PROFILE_INUSE_INTERVAL": "0"}
    sampling = {"TCMALLOC_SAMPLE_PARAMETER": "524288"}
    profile = "prof:true,prof_active:true,lg_prof_sample:19"
    prognos = str(preload)
    return [
        ("glibc", "glibc", 100, _preloaded()),
        (
            "Prognos, memory",
            "glibc",
            100,
            _preloaded(LD_PRELOAD=prognos, PROGNOS_TRACK="memory"),
        ),
        ("Prognos, everything", "glibc", 100, _preloaded(LD_PRELOAD=prognos)),
        ("heaptrack", "glibc", 10, _heaptrack),
        ("tcmalloc (gperftools)", "tcmalloc (gperftools)", 100, _preloaded(LD_PRELOAD=TCMALLOC)),
        (
            "gperftools, sampling each 512 KiB",
            "tcmalloc (gperftools)",
            100,
            _preloaded(LD_PRELOAD=TCMALLOC, **sampling),
        ),
        (
            "gperftools, HEAPPROFILE",
            "tcmalloc (gperftools)",
            3,
            _preloaded(LD_PRELOAD=TCMALLOC, HEAPPROFILE="heap", **no_dumps),
        ),
        (
            "Prognos, memory, above tcmalloc",
            "tcmalloc (gperftools)",
            100,
            _preloaded(LD_PRELOAD=f"{TCMALLOC} {prognos}", PROGNOS_TRACK="memory"),
        ),
        ("jemalloc", "jemalloc", 100, _preloaded(LD_PRELOAD=JEMALLOC)),
        (
            "jemalloc, prof, each 512 KiB",
            "jemalloc",
            100,
            _preloaded(LD_PRELOAD=JEMALLOC, MALLOC_CONF=profile),
        ),
        (
            "Prognos, memory, above jemalloc",
            "jemalloc",
            100,
            _preloaded(LD_PRELOAD=f"{JEMALLOC} {prognos}", PROGNOS_TRACK="memory"),
        ),
    ]


def measure(program: pathlib.Path, preload: pathlib.Path, into: pathlib.Path, passes: int) -> list:
    """Each pass runs all; a ratio is the median of those to the yardstick of the same pass."""
    found = {}
    skipped = {}
    listed = cases(preload)
    for _ in range(passes):
        for name, _, share, case in listed:
            if name in skipped:
                continue
            try:
                result = case(program, into, max(2, 60 * share // 100))
                found.setdefault(name, []).append(result["measures"])
            except (Skipped, OSError, ValueError) as reason:
                skipped[name] = str(reason)
    results = []
    for name, yardstick, _, _ in listed:
        if name in skipped or yardstick in skipped:
            reason = skipped.get(name, f"{yardstick}: {skipped.get(yardstick)}")
            results.append({"name": name, "skipped": reason})
            continue
        measures = []
        for index, measure in enumerate(found[name][0]):
            runs = [run[index]["ns_median"] for run in found[name]]
            plain = [run[index]["ns_median"] for run in found[yardstick]]
            ratios = sorted(b / a for a, b in zip(plain, runs))
            measures.append(
                {
                    "name": measure["name"],
                    "text": measure["text"],
                    "ns": min(run[index]["ns_min"] for run in found[name]),
                    "ns_median": sorted(runs)[len(runs) // 2],
                    "ratio": ratios[len(ratios) // 2],
                }
            )
        results.append({"name": name, "to": yardstick, "measures": measures})
    return results
