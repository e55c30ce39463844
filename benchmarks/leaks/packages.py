# SPDX-License-Identifier: Apache-2.0
"""Leaky and fixed versions of real packages, and look-alikes: what is found, where, how soon.

Usage: packages.py LIBRARY_DIRECTORY FOLDER [--out result.json] [--calls N] [--only NAME]

The packages are installed into FOLDER, each version by itself, with pip. Each scenario runs in a
process of its own with default options, once with Python's own allocator for small objects, whose
arenas are all that malloc sees, and once with PYTHONMALLOC=malloc.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import scenarios

HERE = pathlib.Path(__file__).resolve().parent
SETTINGS = {"malloc": {"PYTHONMALLOC": "malloc"}, "pymalloc": {}}


def install(folder, package, version):
    target = folder / f"{package}-{version}"
    if not target.exists():
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-qqq",
            "--no-deps",
            "--only-binary=:all:",
        ]
        done = subprocess.run([*command, "--target", target, f"{package}=={version}"])
        if done.returncode != 0:
            return None
    return target


def run(library, scenario, calls, setting, target=None):
    command = [
        sys.executable,
        HERE / "host.py",
        scenario,
        str(calls),
        *([target] if target else []),
    ]
    environment = (
        os.environ | SETTINGS[setting] | {"PROGNOS_LIBRARY": str(library / "libprognos.so")}
    )
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        print(scenario, target, done.stderr[-300:], file=sys.stderr)
        return None
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--only")
    parser.add_argument("--setting", choices=SETTINGS)
    arguments = parser.parse_args()
    library = arguments.library.resolve()
    arguments.folder.mkdir(exist_ok=True)
    jobs = []
    for name, package, leaky, fixed in scenarios.PACKAGES:
        for version, is_leaky in ((leaky, True), (fixed, False)):
            jobs.append((name, package, version, is_leaky))
    jobs += [(function.__name__, None, None, False) for function in scenarios.LOOK_ALIKES]
    rows = []
    for name, package, version, is_leaky in jobs:
        if arguments.only and arguments.only not in name:
            continue
        target = install(arguments.folder, package, version) if package else None
        if package and target is None:
            continue
        for setting in [arguments.setting] if arguments.setting else SETTINGS:
            result = run(library, name, arguments.calls, setting, target)
            if result is None:
                continue
            label = f"{package} {version}" if package else "look-alike"
            row = {"scenario": name, "version": label, "setting": setting, "is_leaky": is_leaky}
            rows.append(row | result)
            mine = result["answers"][0] if result["answers"] else {}
            print(
                f"{name:24} {label:18} {setting:9} leaky={is_leaky:d} said={result['is_leak']:d} "
                f"found={result['found']} blamed={result['blamed']} "
                f"{mine.get('bytes_per_call', 0):.0f} B/call {mine.get('reason', '')}"
                f" {result['others']}",
                flush=True,
            )
    summary = {setting: score([r for r in rows if r["setting"] == setting]) for setting in SETTINGS}
    print(json.dumps(summary, indent=1))
    if arguments.out:
        keep = ("scenario", "version", "setting", "is_leaky", "is_leak", "found", "blamed")
        cases = [{k: r[k] for k in keep} for r in rows]
        text = json.dumps({"calls": arguments.calls, "summary": summary, "cases": cases}, indent=1)
        arguments.out.write_text(text + "\n")


def score(rows):
    """A leak counts as found only in the right operation; any other one blamed is a false one."""
    true = sum(r["is_leaky"] and r["is_leak"] for r in rows)
    missed = sum(r["is_leaky"] and not r["is_leak"] for r in rows)
    false = sum(not r["is_leaky"] and r["is_leak"] for r in rows) + sum(
        bool(r["blamed"]) for r in rows
    )
    found = sorted(r["found"] for r in rows if r["is_leaky"] and r["found"])
    return {
        "runs": len(rows),
        "found": true,
        "missed": missed,
        "false": false,
        "f1": 2 * true / max(2 * true + false + missed, 1),
        "calls_until_found_median": found[len(found) // 2] if found else None,
        "calls_until_found_max": found[-1] if found else None,
    }


if __name__ == "__main__":
    main()
