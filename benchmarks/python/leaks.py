# SPDX-License-Identifier: Apache-2.0
"""Leaks in Python programs and packages: what is found, where, how soon, what is blamed wrongly.

Usage: leaks.py PACKAGE_FOLDER FOLDER [--out result.json] [--calls N] [--seconds S] [--only NAMES]

PACKAGE_FOLDER is what scripts/build-python made. Real packages are installed into FOLDER, each
version by itself, with pip. Each scenario runs in a process of its own with default options, with
Python's own allocator and with PYTHONMALLOC=malloc. With --seconds the calls of each are spread
over that time; what the program still holds is called a leak only after ten minutes of growth.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "leaks"))

import leak_scenarios  # noqa: E402
import packages  # noqa: E402
import scenarios  # noqa: E402

SETTINGS = packages.SETTINGS


def jobs(folder):
    for kind in ("LOST", "ENDED", "HELD", "LOOK_ALIKES"):
        for function in getattr(leak_scenarios, kind):
            yield kind.lower(), function.__name__, None, "synthetic"
    for name, package, leaky, fixed in scenarios.PACKAGES:
        for version, kind in ((leaky, "package_leaky"), (fixed, "package_fixed")):
            target = packages.install(folder, package, version)
            if target is None:
                print(f"not installable here: {package} {version}", file=sys.stderr)
                continue
            yield kind, name, str(target), f"{package} {version}"
    for function in scenarios.LOOK_ALIKES:
        yield "look_alikes", function.__name__, "", "synthetic"


def run(package, name, calls, setting, target, seconds):
    command = [sys.executable, HERE / "leak_host.py", name, str(calls)]
    if target is not None:
        command += ["--package", target]
    if seconds:
        command += ["--seconds", str(seconds)]
    environment = os.environ | SETTINGS[setting] | {"PYTHONPATH": str(package)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        print(name, target, "status", done.returncode, done.stderr[-400:], file=sys.stderr)
        return None
    return json.loads(done.stdout)


def is_right(kind, row, seconds):
    """Whether the operation that leaks was named, and no other one ever."""
    if row["blamed"]:
        return False
    if kind in ("lost", "package_leaky"):
        return row["found"] is not None
    if kind == "held":
        is_long = seconds > 660 and row["grown_mib"] > 40
        return row["found"] is not None if is_long else "leaky" in row["at_the_end"]
    if kind == "ended":
        return row["at_the_end"].get("leaky") is not True
    return row["found"] is None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("package", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--only", default="", help="names or kinds, joined by commas")
    parser.add_argument("--setting", choices=SETTINGS)
    parser.add_argument("--seconds", type=float, default=0)
    arguments = parser.parse_args()
    package = arguments.package.resolve()
    arguments.folder.mkdir(exist_ok=True)
    rows = []
    for kind, name, target, label in jobs(arguments.folder.resolve()):
        if not any(word in (name, kind, "") for word in arguments.only.split(",")):
            continue
        for setting in [arguments.setting] if arguments.setting else SETTINGS:
            said = run(package, name, arguments.calls, setting, target, arguments.seconds)
            if said is None:
                continue
            row = {"kind": kind, "scenario": name, "version": label, "setting": setting} | said
            row["is_right"] = is_right(kind, row, arguments.seconds)
            rows.append(row)
            print(
                f"{'ok ' if row['is_right'] else 'BAD'} {kind:13} {name:24} {label:18} {setting:8} "
                f"found={row['found']} grows={row['grows']} steady={row['steady']} "
                f"blamed={row['blamed']} end={row['at_the_end']} +{row['grown_mib']} MiB",
                flush=True,
            )
    summary = {}
    for setting in SETTINGS:
        for kind in sorted({row["kind"] for row in rows}):
            those = [row for row in rows if (row["kind"], row["setting"]) == (kind, setting)]
            if those:
                right = sum(row["is_right"] for row in those)
                summary.setdefault(setting, {})[kind] = f"{right} of {len(those)}"
    print(json.dumps(summary, indent=1))
    if arguments.out:
        result = {"calls": arguments.calls, "seconds": arguments.seconds, "summary": summary}
        cases = [
            {key: value for key, value in row.items() if key not in ("reasons", "stack")}
            for row in rows
        ]
        lines = ",\n  ".join(json.dumps(case) for case in cases)
        head = json.dumps(result, indent=1)[:-2]
        arguments.out.write_text(f'{head},\n "cases": [\n  {lines}\n ]\n}}\n')


if __name__ == "__main__":
    main()
