# SPDX-License-Identifier: Apache-2.0
"""How true the estimates are: live bytes by call site, and shares of CPU time by function."""

import collections
import json
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests" / "abi"))

import shares  # noqa: E402 - it is one of the tests, too


def heap(program: pathlib.Path, into: pathlib.Path, distance: int) -> dict:
    """A gigabyte of blocks from eight call sites. Also what chance alone would make of it: the
    standard deviation of an estimate from samples that are so far apart."""
    profile = into / "heap.json"
    environment = {**os.environ, "PROGNOS_HEAP_SAMPLE_BYTES": str(distance)}
    done = subprocess.run(
        [program, profile], check=True, capture_output=True, text=True, env=environment
    )
    truth, found = json.loads(done.stdout), json.loads(profile.read_text(encoding="utf-8"))
    live, every = collections.Counter(), collections.Counter()
    for site in found["call_sites"]:
        names = [found["frames"][frame]["function"] for frame in site["stack"]]
        name = next((name for name in names if name in truth), None)
        live[name] += site["live_bytes"]
        every[name] += site["allocated_bytes"]
    errors = [live[name] / true[0] - 1 for name, true in truth.items()]
    allocated = [every[name] / true[1] - 1 for name, true in truth.items()]
    whole = sum(true[0] for true in truth.values())
    return {
        "sample_bytes": distance,
        "live_bytes": whole,
        "site_errors": [round(error, 4) for error in errors],
        "worst_error": max(abs(error) for error in errors),
        "rms_error": (sum(error**2 for error in errors) / len(errors)) ** 0.5,
        "expected_rms_error": (distance * len(truth) / whole) ** 0.5,
        "whole_error": abs(sum(live[name] for name in truth) / whole - 1),
        "allocated_worst_error": max(abs(error) for error in allocated),
    }


def functions(library: pathlib.Path, into: pathlib.Path, seconds: float) -> list:
    results = []
    for number, variant in enumerate(shares.VARIANTS):
        try:
            program, plugin = shares.build(variant, "gcc", library, into / f"shares{number}")
            truth, profile = shares.run(program, plugin, seconds)
        except (OSError, subprocess.CalledProcessError) as reason:
            results.append({"name": variant, "skipped": str(reason)})
            continue
        found, more = shares.sampled(profile, variant in shares.INNERMOST_ONLY)
        results.append(
            {
                "name": variant,
                "innermost_only": variant in shares.INNERMOST_ONLY,
                "truth": truth,
                "sampled": found,
                "worst_points": 100 * max(abs(found[part] - truth[part]) for part in truth),
                **more,
            }
        )
    return results


def beside_perf(library: pathlib.Path, into: pathlib.Path, seconds: float) -> dict:
    """The same run seen by perf, by innermost functions."""
    if not shutil.which("perf"):
        return {"skipped": "perf is not installed (linux-perf)"}
    program, plugin = shares.build("C", "gcc", library, into / "shares_perf")
    data = into / "perf.data"
    prefix = ("perf", "record", "-q", "-e", "cpu-clock:u", "-F", "499", "-o", data, "--")
    try:
        truth, profile = shares.run(program, plugin, seconds, prefix)
        script = ["perf", "script", "-i", data, "-F", "ip,sym"]
        done = subprocess.run(script, check=True, capture_output=True, text=True)
    except subprocess.CalledProcessError as failed:
        return {"skipped": (failed.stderr or str(failed)).strip().splitlines()[0]}
    names = [line.split()[1] for line in done.stdout.splitlines() if len(line.split()) > 1]
    if len(names) < 100:
        return {"skipped": f"perf took {len(names)} samples"}
    counts = collections.Counter(names)
    by_perf = {
        part: sum(counts[name] for name in innermost) / len(names)
        for part, innermost in shares.INNERMOST.items()
    }
    found, more = shares.sampled(profile, innermost_only=True)
    return {
        "truth": truth,
        "sampled": found,
        "perf": by_perf,
        "perf_samples": len(names),
        "samples": more["samples"],
        "worst_points": 100 * max(abs(found[part] - by_perf[part]) for part in truth),
        "perf_worst_points": 100 * max(abs(by_perf[part] - truth[part]) for part in truth),
    }
