# SPDX-License-Identifier: Apache-2.0
"""Runs one scenario, and prints what is thought of its operations, as JSON.

Usage: leak_host.py SCENARIO CALLS [--seconds S] [--package FOLDER]

With --seconds the calls are spread over that time. With --package the scenario is one of
benchmarks/leaks/scenarios.py, which uses the package in that folder.
"""

import argparse
import json
import pathlib
import sys
import time

import prognos


def package_work(name, folder):
    """The suspect between two others, one of which hands blocks over to the other."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "leaks"))
    if folder:
        sys.path.insert(0, folder)
    import scenarios

    waiting = []

    def busy():
        if len(waiting) >= 50:
            waiting.clear()
        json.loads('{"a": [1, 2, 3], "b": "' + "x" * 600 + '"}')

    suspect = getattr(scenarios, name)()
    return {"handing over": lambda: waiting.append(bytes(700)), "leaky": suspect, "busy": busy}


def name_of(leak):
    return leak.op.name if leak.op else "(process)"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scenario")
    parser.add_argument("calls", type=int)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--package")
    parser.add_argument("--look", type=int, default=250)
    arguments = parser.parse_args()
    prognos.start()
    if arguments.package is None:
        import leak_scenarios

        work = getattr(leak_scenarios, arguments.scenario)()
    else:
        work = package_work(arguments.scenario, arguments.package)
    work = [(prognos.op(name), function) for name, function in work.items()]
    began, start_bytes = time.monotonic(), prognos.process().rss_bytes
    found = grows = found_after_s = None
    looks = said = 0
    blamed = set()
    for number in range(1, arguments.calls + 1):
        for op, function in work:
            with op:
                function()
        if arguments.seconds:
            ahead = began + number * arguments.seconds / arguments.calls - time.monotonic()
            if ahead > 0.005:
                time.sleep(ahead)
        if number % arguments.look:
            continue
        prognos.assess()
        leaks = prognos.leaks()
        named = {name_of(leak) for leak in leaks if leak.is_leak}
        blamed |= named - {"leaky"}
        looks += found is not None
        said += "leaky" in named and found is not None
        if found is None and "leaky" in named:
            found, found_after_s = number, time.monotonic() - began
        if grows is None and any(name_of(leak) == "leaky" and leak.direction > 0 for leak in leaks):
            grows = number
    leaks = prognos.leaks()
    result = {
        "found": found,
        "found_after_s": found_after_s and round(found_after_s, 1),
        "grows": grows,
        "steady": round(said / looks, 2) if looks else None,
        "blamed": sorted(blamed),
        "at_the_end": {name_of(leak): leak.is_leak for leak in leaks},
        "grown_mib": round((prognos.process().rss_bytes - start_bytes) / 2**20, 1),
        "reasons": {name_of(leak): leak.reason for leak in leaks},
        "stack": next((leak.stack for leak in leaks if name_of(leak) == "leaky"), "")[-200:],
    }
    print(json.dumps(result))


main()
