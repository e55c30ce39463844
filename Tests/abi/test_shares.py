# SPDX-License-Identifier: Apache-2.0
"""The shares of CPU time that samples give functions are those that the program measures itself."""

import os
import shutil

import pytest
import shares

SECONDS = 4
# The kernel looks at CPU clocks once a tick, which on a busy machine may fall into step with the
# program.
# What is wrong with the stacks is wrong in each run.
ATTEMPTS = 3
TOLERANCE = 0.05  # of all CPU time: more than three standard deviations of a thousand samples


@pytest.mark.parametrize("variant", shares.VARIANTS)
def test_samples_give_each_function_its_share(variant, library, tmp_path):
    compiler = os.environ.get("CC") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        pytest.skip("no C compiler is installed")
    if variant == "C++" and not shutil.which("g++"):
        pytest.skip("no C++ compiler is installed")
    program, plugin = shares.build(variant, compiler, library.parent, tmp_path)
    for _ in range(ATTEMPTS):
        truth, profile = shares.run(program, plugin, SECONDS)
        found, more = shares.sampled(profile, variant in shares.INNERMOST_ONLY)
        assert more["samples"] == pytest.approx(SECONDS * 1000, rel=0.05)
        if variant in shares.TO_MAIN:
            assert more["complete"] > 0.98, "stacks that reach main"
        if all(abs(found[part] - share) <= TOLERANCE for part, share in truth.items()):
            return
    pytest.fail(f"in none of {ATTEMPTS} runs; the last: {found}, {truth}")
