# SPDX-License-Identifier: Apache-2.0
"""Builds and runs the host whose functions know their shares of the CPU time; reads its profile."""

import json
import os
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
INCLUDE = HERE.parents[1] / "include"

NO_TABLES = ["-fno-asynchronous-unwind-tables", "-fno-unwind-tables", "-fno-exceptions"]
VARIANTS = {
    "C": ["-x", "c", "-std=gnu11"],
    "C, frame pointers": ["-x", "c", "-std=gnu11", "-fno-omit-frame-pointer"],
    "C, frame pointers, no tables": [
        *["-x", "c", "-std=gnu11", "-fno-omit-frame-pointer"],
        *NO_TABLES,
    ],
    "C, neither": ["-x", "c", "-std=gnu11", "-fomit-frame-pointer", *NO_TABLES],
    "C++": ["-x", "c++", "-std=gnu++17"],
}
# Where tables do not tell callers, a sample's innermost function must still be right. A chain of
# frame pointers leads to main, but passes over the caller of a function that calls nobody: GCC
# gives that one no frame.
INNERMOST_ONLY = {"C, frame pointers, no tables", "C, neither"}
TO_MAIN = set(VARIANTS) - {"C, neither"}
INNERMOST = {
    "plain": ["plain"],
    "with_callee": ["with_callee", "inner_most"],
    "deep": ["recursive"],
    "in_library": ["in_library"],
    "in_plugin": ["in_plugin"],
    "in_handler": ["handling"],
}


def build(variant: str, compiler: str, library: Path, into: Path) -> list:
    """The command that runs a variant, but for its seconds and profile: [program, plugin]."""
    flags = ["-O2", "-Wall", "-Wextra", f"-I{INCLUDE}", *VARIANTS[variant]]
    into.mkdir(parents=True, exist_ok=True)

    def compile_(*words) -> None:
        subprocess.run([compiler, *map(str, words)], check=True, capture_output=True, text=True)

    shared, plugin, program = into / "libshares.so", into / "plugin.so", into / "shares_host"
    part = [*flags, "-shared", "-fPIC", HERE / "shares_part.c"]
    compile_(*part, "-DPART=in_library", "-o", shared)
    compile_(*part, "-DPART=in_plugin", "-o", plugin)
    paths = [f"-L{into}", f"-L{library}", f"-Wl,-rpath,{into}:{library}"]
    libraries = ["-x", "none", *paths, "-lshares", "-lprognos", "-ldl"]
    if variant == "C++":
        libraries += ["-Wl,--no-as-needed", "-lstdc++"]  # which brings the demangler
    compile_(*flags, HERE / "shares_host.c", *libraries, "-o", program)
    return [program, plugin]


def run(program: Path, plugin: Path, seconds: float, prefix: tuple = ()) -> tuple[dict, dict]:
    """The true shares, and the profile. As many samples as the kernel can give."""
    profile = program.with_name("profile.json")
    done = subprocess.run(
        [str(word) for word in (*prefix, program, seconds, profile, plugin)],
        check=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PROGNOS_SAMPLE_HZ": "1000"},
    )
    return json.loads(done.stdout), json.loads(profile.read_text(encoding="utf-8"))


def sampled(profile: dict, innermost_only: bool) -> tuple[dict, dict]:
    """Shares of the samples by part, and what else there is to know of them."""
    names = [frame["function"].partition("(")[0] for frame in profile["frames"]]
    found = dict.fromkeys(INNERMOST, 0)
    samples = complete = 0
    for site in profile["call_sites"]:
        count = site["cpu_samples"]
        stack = [names[frame] for frame in site["stack"]]
        samples += count
        complete += count if "main" in stack else 0
        for part, functions in INNERMOST.items():
            wanted = functions if innermost_only else [part]
            looked_at = stack[:1] if innermost_only else stack
            found[part] += count if set(wanted) & set(looked_at) else 0
    shares = {part: count / max(samples, 1) for part, count in found.items()}
    return shares, {"samples": samples, "complete": complete / max(samples, 1)}
