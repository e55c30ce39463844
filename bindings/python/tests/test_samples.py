# SPDX-License-Identifier: Apache-2.0
"""Samples come amid anything that the interpreter does, and name Python functions all the same."""

import sys
import time

import prognos


class Ordered:
    """Compared and hashed by Python functions, which native code calls."""

    def __init__(self, value):
        self.value = value

    def __lt__(self, other):
        return self.value < other.value

    def __hash__(self):
        return hash(self.value)

    def __eq__(self, other):
        return self.value == other.value


def leaf(x):
    return x


def test_samples_between_two_frames_of_the_interpreter_do_no_harm():
    """At each entry 3.11 tells where its innermost frame is before it has written it."""
    prognos.start(sample_hz=10_000)
    op = prognos.op("calls")
    end = time.monotonic() + 6
    while time.monotonic() < end:
        with op:
            list(map(leaf, range(200)))
            sorted([Ordered(i * 7919 % 101) for i in range(100)])
            {Ordered(i) for i in range(50)}
            sum(x for x in range(100))
    folded = prognos.render("folded")
    # Code of Python 3.10 does not know of the class.
    of_class = "Ordered." if sys.version_info >= (3, 11) else ""
    for function in ("leaf", f"{of_class}__lt__", f"{of_class}__hash__"):
        assert f";{function};" in folded or f";{function} " in folded
