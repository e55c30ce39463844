# SPDX-License-Identifier: Apache-2.0
"""What coz says of a pipeline: the operation on whose lines its virtual speed-ups win most."""

import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).parent


def operations_by_line():
    """(file, line) -> the operation whose work stands there."""
    found = {}
    for name in ("design.c", "test.c"):
        current = None
        for number, line in enumerate((HERE / name).read_text().splitlines(), 1):
            if begun := re.search(r"\bBEGIN\((\w+)\)", line):
                current = begun[1]
            if once := re.search(r"\bDO\((\w+),", line):
                found[(name, number)] = once[1]
            elif current:
                found[(name, number)] = current
    return found


def coz(program, scenario, seed, options, gains):
    """Its gains at 50 %, from all lines of each operation."""
    profile = pathlib.Path(options.scratch) / "profile.coz"
    profile.unlink(missing_ok=True)
    command = ["coz", "run", "-o", str(profile), "-s", "%design.c", "-s", "%test.c", "---"]
    command += [str(program), "--scenario", scenario, "--seed", str(seed), "--no-prognos"]
    command += ["--seconds", str(options.coz)]
    if options.realtime:
        command = ["chrt", "-f", "1", *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=options.coz + 120)
    if not profile.exists():
        return {"first": None, "reason": "no profile: " + done.stderr[-300:]}
    lines = operations_by_line()
    # By operation: (speed-up, seconds, completions).
    points, selected = {}, None
    for line in profile.read_text().splitlines():
        words = dict(word.split("=", 1) for word in line.split("\t")[1:] if "=" in word)
        if line.startswith("experiment"):
            place = words["selected"].rsplit("/", 1)[-1].rsplit(":", 1)
            operation = lines.get((place[0], int(place[1]))) if len(place) == 2 else None
            selected = (operation, float(words["speedup"]), int(words["duration"]) / 1e9)
        elif line.startswith("throughput-point") and selected and selected[0]:
            operation, speedup, seconds = selected
            points.setdefault(operation, []).append((speedup, seconds, int(words["delta"])))
    found = {}
    for operation, ones in points.items():
        if operation not in gains:
            continue
        base = [one for one in ones if one[0] == 0]
        if not base or len(base) == len(ones):
            continue
        rate = sum(one[2] for one in base) / sum(one[1] for one in base)
        # Least squares through 0 of 1 - rate / faster rate: straight for serial work.
        top = sum(s * (1 - rate * t / n) * t for s, t, n in ones if n > 0)
        left = sum(s * s * t for s, t, n in ones if n > 0)
        slope = top / left if left else 0
        found[operation] = 1 / max(1 - 0.5 * slope, 0.1) - 1
    first = max(found, key=found.get) if found else None
    return {"first": first, "gains": found, "reason": None if found else "no experiment on a line"}
