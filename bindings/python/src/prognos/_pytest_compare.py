# SPDX-License-Identifier: Apache-2.0
"""What a stored test profile says of a run: samples of earlier runs, and when a test has got worse.

The rule. A test is worse in a measure when what this run measured is

    more than `ratio` times the median of the stored runs,        (it matters)
    and more than `floor` above it,                               (it is not a rounding error)
    and above the largest of the stored runs,                     (it never was like that)
    and still so when the test was run again, up to four times.   (it is no accident: the smallest
    counts)

Times need three stored runs, and the same kind of machine; they are divided by how much slower
the suite as a whole is, where ten tests or more can be compared (a busy machine makes all tests
slower). Allocated bytes repeat from run to run: they need one stored run and the same version of
Python, and are what finds a slowdown of everything.
"""

from __future__ import annotations

import json
import os
import platform
import sys

FORMAT = "prognos-pytest"
RUNS_KEPT = 20
RUNS_AGAIN = 4
TESTS_FOR_A_MACHINE = 10

# measure: (ratio, floor, stored runs needed, is a time)
RULES = {
    "wall_ns": (1.5, 10_000_000, 3, True),
    "cpu_ns": (1.3, 10_000_000, 3, True),
    "allocated_bytes": (1.2, 65_536, 1, False),
}


class Unusable(Exception):
    """A stored profile that cannot be read; the text says why."""


def machine():
    """What has to be the same for times to be compared."""
    model = platform.processor() or platform.machine()
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("model name"):
                    model = line.partition(":")[2].strip()
                    break
    except OSError:
        pass
    return f"{model}, {os.cpu_count()} CPUs"


def python():
    return f"{sys.implementation.name} {sys.version_info[0]}.{sys.version_info[1]}"


def read(path):
    """A stored profile. Raises Unusable for what is none."""
    try:
        with open(path, encoding="utf-8") as file:
            stored = json.load(file)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Unusable(f"{path} is no test profile: {error}") from None
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise Unusable(f'{path} is no test profile: it lacks "format": "{FORMAT}"')
    if stored.get("format_version") != 1:
        raise Unusable(f"{path} has format_version {stored.get('format_version')!r}, not 1")
    for key in ("tests", "machine", "python"):
        if key not in stored:
            raise Unusable(f"{path} is no whole test profile: it lacks {key!r}")
    return stored


def save(path, tests):
    """Adds this run to the profile at `path`; tests: node id -> {measure: number}.

    The latest RUNS_KEPT runs of a test are kept, and tests that this run did not run. A profile
    of another machine or version of Python begins anew. Returns how many runs of its most often
    run test it has.
    """
    stored = None
    if os.path.exists(path):
        stored = read(path)
        if stored["machine"] != machine() or stored["python"] != python():
            stored = None
    if stored is None:
        stored = {
            "format": FORMAT,
            "format_version": 1,
            "machine": machine(),
            "python": python(),
            "tests": {},
        }
    for name, sample in tests.items():
        known = stored["tests"].setdefault(name, {})
        for measure in RULES:
            known[measure] = [*known.get(measure, []), sample[measure]][-RUNS_KEPT:]
    new = f"{path}.{os.getpid()}.new"
    with open(new, "w", encoding="utf-8") as file:
        json.dump(stored, file, indent=1, sort_keys=True)
        file.write("\n")
    os.replace(new, path)  # whoever reads it sees the old one or the new one, never half of one
    return max((len(known["wall_ns"]) for known in stored["tests"].values()), default=0)


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def comparable(stored):
    """The measures that can be compared, and sentences on those that cannot."""
    measures, reasons = list(RULES), []
    if stored["python"] != python():
        return [], [f"stored by {stored['python']}, this is {python()}: nothing is compared"]
    if stored["machine"] != machine():
        measures = [measure for measure in measures if not RULES[measure][3]]
        reasons.append(
            f"stored on {stored['machine']}, this is {machine()}: times are not compared"
        )
    return measures, reasons


def is_worse(measure, runs, value, slowdown=1.0):
    """Whether `value` is worse than the stored runs, by the rule above."""
    ratio, floor, needed, is_time = RULES[measure]
    if len(runs) < needed:
        return False
    if is_time:
        value /= slowdown
    usual = median(runs)
    return value > ratio * usual and value - usual > floor and value > max(runs)


def slowdown(stored, tests, measure):
    """How many times slower the suite as a whole is: the median over its tests, at least 1."""
    ratio, floor, needed, is_time = RULES[measure]
    if not is_time:
        return 1.0
    ratios = []
    for name, sample in tests.items():
        runs = stored["tests"].get(name, {}).get(measure, [])
        # Tests of microseconds say more of the clock than of the machine.
        if len(runs) >= needed and median(runs) >= 100_000:
            ratios.append(sample[measure] / median(runs))
    return max(1.0, median(ratios)) if len(ratios) >= TESTS_FOR_A_MACHINE else 1.0


def findings(stored, tests):
    """What has got worse, the worst first, as dicts; and notes."""
    measures, notes = comparable(stored)
    worse = []
    short = 0
    for measure in measures:
        slower = slowdown(stored, tests, measure)
        if slower >= 1.1:
            notes.append(
                f"the suite as a whole took {slower:.2f} times as much {measure} as stored: "
                "taken for the machine"
            )
        for name, sample in tests.items():
            runs = stored["tests"].get(name, {}).get(measure, [])
            if len(runs) < RULES[measure][2]:
                short += bool(runs)
                continue
            if is_worse(measure, runs, sample[measure], slower):
                usual = median(runs)
                ratio = sample[measure] / usual if usual else float("inf")
                worse.append(
                    {
                        "test": name,
                        "measure": measure,
                        "value": sample[measure],
                        "usual": usual,
                        "ratio": ratio,
                        "runs": len(runs),
                    }
                )
    if short:
        notes.append("times need three stored runs: save some more")
    new = sum(name not in stored["tests"] for name in tests)
    if new:
        notes.append(f"{new} tests are not in the stored profile")
    worse.sort(key=lambda finding: -finding["ratio"])
    return worse, notes
