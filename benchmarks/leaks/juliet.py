# SPDX-License-Identifier: Apache-2.0
"""Leaks of the Juliet test suite (NIST, CWE-401, the C cases): recall, and false ones.

Usage: juliet.py JULIET_DIRECTORY LIBRARY_DIRECTORY [--out result.json] [--limit N]

Each case is compiled, and its bad and its good function each run CALLS times as an operation, in
a process of its own with default options. Of variant 12 the bad function frees, by chance, what
is no heap block, and so ends its process when it is called again and again: that counts as not
found. It leaks at run time when its operation allocated 8 bytes a call more than it freed: what
is less are buffers of standard output.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALLS = 5000
LEAKS = 8 * CALLS


def cases(suite):
    """The files of each C case, by its name: variants of several files end in a, b, c..."""
    found = collections.defaultdict(list)
    folder = suite / "testcases" / "CWE401_Memory_Leak"
    for path in sorted(folder.rglob("*.c")):
        if match := re.fullmatch(r"(CWE401_.*_\d\d)[a-e]?", path.stem):
            found[match[1]].append(path)
    return dict(sorted(found.items()))


def build(name, files, support, work):
    target = work / f"{name}.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-w", "-fno-builtin", f"-I{support}", "-o", target]
    done = subprocess.run([*command, *files, support / "io.c"], capture_output=True, text=True)
    return target if done.returncode == 0 else None


def run(driver, target, function):
    read, write = os.pipe()
    with os.fdopen(read) as answer:
        try:
            subprocess.run(
                ["sh", "-c", f'exec "$0" "$@" 3>&{write}', driver, target, function, str(CALLS)],
                pass_fds=[write],
                timeout=60,
                stdin=subprocess.DEVNULL,
            )
        except subprocess.TimeoutExpired:
            pass
        os.close(write)
        line = answer.readline()
    return json.loads(line) if line else None


def one(job):
    name, files, support, work, driver = job
    target = build(name, files, support, work)
    if target is None:
        return name, None
    result = {kind: run(driver, target, f"{name}_{kind}") for kind in ("bad", "good")}
    target.unlink()
    return name, result


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suite", type=pathlib.Path)
    parser.add_argument("library", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--every", type=int, default=1)
    arguments = parser.parse_args()
    library = arguments.library.resolve()
    with tempfile.TemporaryDirectory() as folder:
        work = pathlib.Path(folder)
        driver = work / "juliet"
        command = [
            "gcc",
            "-O2",
            f"-I{ROOT / 'include'}",
            pathlib.Path(__file__).with_name("juliet.c"),
        ]
        command += ["-o", driver, f"-L{library}", "-lprognos", f"-Wl,-rpath,{library}", "-ldl"]
        subprocess.run(command, check=True)
        support = arguments.suite.resolve() / "testcasesupport"
        jobs = [
            (name, files, support, work, driver)
            for name, files in list(cases(arguments.suite.resolve()).items())[:: arguments.every]
        ][: arguments.limit]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            results = dict(pool.map(one, jobs))
    report(results, arguments.out)


def report(results, out):
    ran = {n: r for n, r in results.items() if r and r["bad"] and r["good"]}
    bad = {n: r["bad"] for n, r in ran.items()}
    leaky = {n: r for n, r in bad.items() if r["net"] >= LEAKS}
    good_leaky = {n: r["good"] for n, r in ran.items() if r["good"]["net"] >= LEAKS}
    clean = {n: r["good"] for n, r in ran.items() if r["good"]["net"] < LEAKS}
    found = sorted(r["found"] for r in leaky.values() if r["is_leak"])
    summary = {
        "calls": CALLS,
        "cases": len(results),
        "ran": len(ran),
        "leak_at_run_time": len(leaky),
        "recall_of_all": sum(r["is_leak"] for r in bad.values()) / len(results),
        "recall_of_leaking": sum(r["is_leak"] for r in leaky.values()) / max(len(leaky), 1),
        "good_that_leak_at_run_time": len(good_leaky),
        "good_that_leak_found": sum(r["is_leak"] for r in good_leaky.values()),
        "false": sum(r["is_leak"] for r in clean.values()),
        "false_of_bad_that_do_not_leak": sum(
            r["is_leak"] for r in bad.values() if r["net"] < LEAKS
        ),
        "other_operation_blamed": sum(r[k]["other"] for r in ran.values() for k in r),
        "calls_until_found_median": found[len(found) // 2] if found else None,
        "calls_until_found_max": found[-1] if found else None,
        "ended_by_themselves": sorted(n for n, r in results.items() if n not in ran),
        "missed": sorted(n for n, r in leaky.items() if not r["is_leak"]),
        "false_cases": sorted(n for n, r in clean.items() if r["is_leak"]),
    }
    print(json.dumps(summary, indent=1))
    if out:
        out.write_text(json.dumps({"summary": summary}, indent=1) + "\n")


if __name__ == "__main__":
    main()
