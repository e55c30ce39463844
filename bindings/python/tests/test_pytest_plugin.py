# SPDX-License-Identifier: Apache-2.0
"""The pytest plugin, by running pytest: what it measures, limits of tests, stored profiles."""

import importlib.metadata
import importlib.util
import json
import os
import re
import sys

import pytest
from prognos import _pytest_compare as compare

pytest_plugins = ("pytester",)

_INSTALLED = any(
    point.value == "prognos.pytest_plugin"
    for point in importlib.metadata.entry_points(group="pytest11")
)


@pytest.fixture
def run(pytester, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    plugin = () if _INSTALLED else ("-p", "prognos.pytest_plugin")

    def run_pytest(*options):
        return pytester.runpytest_subprocess(*plugin, "-p", "no:cacheprovider", *options)

    return run_pytest


def test_off_unless_asked_for(pytester, run):
    pytester.makepyfile(
        """
        import sys
        def test_nothing_is_loaded():
            assert "prognos._lifecycle" not in sys.modules
        def test_runs_as_it_is(request):
            assert "runtest" not in vars(request.node)
        """
    )
    result = run()
    result.assert_outcomes(passed=2)
    assert "= prognos =" not in result.stdout.str()


SUITE = """
    import asyncio, time, unittest
    import pytest

    @pytest.fixture
    def slow_fixture():
        time.sleep(0.03)
        yield
        time.sleep(0.02)

    def test_quick(slow_fixture):
        pass

    @pytest.mark.parametrize("size", [1, 4])
    def test_sizes(size):
        assert bytearray(size << 20)

    class TestGroup:
        def test_in_a_class(self):
            pass

    class Cases(unittest.TestCase):
        def test_of_unittest(self):
            time.sleep(0.01)

    def test_async():
        asyncio.run(asyncio.sleep(0.01))

    @pytest.mark.skip
    def test_skipped():
        pass

    @pytest.mark.xfail
    def test_expected():
        assert False
"""


def _rows(result):
    """Of the table: name -> [calls, wall, cpu, allocated, ...]."""
    rows = {}
    for line in result.outlines:
        match = re.match(r" *(\d+)((?: +(?:-|[\d.e+]+ [A-Za-z]+)){5})  (\S.*)$", line)
        if match:
            rows[match[3]] = [int(match[1]), *re.split(r" {2,}", match[2].strip())]
    return rows


def _check_suite(result):
    result.assert_outcomes(passed=6, skipped=1, xfailed=1)
    rows = _rows(result)
    name = "test_suite.py::"
    assert rows[name + "test_quick"][0] == 1
    assert rows[name + "test_sizes[4]"][3].startswith("4")
    assert rows[name + "test_sizes[1]"][3].startswith("1")
    assert {name + "TestGroup::test_in_a_class", name + "Cases::test_of_unittest"} <= rows.keys()
    assert name + "test_skipped" not in rows
    milliseconds = {
        key: float(row[1].split()[0]) for key, row in rows.items() if row[1].endswith(" ms")
    }
    assert milliseconds["fixture slow_fixture"] >= 30
    assert milliseconds["(teardown)"] >= 20
    assert milliseconds.get(name + "test_quick", 0) < 30
    assert milliseconds[name + "Cases::test_of_unittest"] >= 10
    assert milliseconds[name + "test_async"] >= 10


def test_a_table_of_tests_with_fixtures_apart(pytester, run):
    pytester.makepyfile(test_suite=SUITE)
    _check_suite(run("--prognos", "--prognos-top=50"))


def test_with_xdist_the_table_is_of_all_workers(pytester, run):
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed (tests/requirements.txt)")
    pytester.makepyfile(test_suite=SUITE)
    result = run("--prognos", "--prognos-top=50", "-n2")
    _check_suite(result)
    assert _rows(result)["(setup)"][0] == 8


def test_limits_name_the_number_and_the_limit(pytester, run):
    pytester.makepyfile(
        """
        import collections, ctypes, logging, time
        import pytest

        kept = []
        last = collections.deque(maxlen=4)

        @pytest.mark.prognos(max_p95=0.001)
        def test_p95(): time.sleep(0.002)

        @pytest.mark.prognos(max_wall=0.001)
        def test_wall(): time.sleep(0.002)

        @pytest.mark.prognos(max_cpu=0.000001)
        def test_cpu(): sum(range(100_000))

        @pytest.mark.prognos(max_allocated=100_000)
        def test_allocated(): bytearray(200_000)

        @pytest.mark.prognos(max_leak=100)
        def test_leak(): kept.append([bytearray(50) for _ in range(10)])

        @pytest.mark.prognos(max_leak=100)
        def test_large_leak(): kept.append(bytearray(10_000))

        @pytest.mark.prognos(max_leak=100)
        def test_native_leak(): ctypes.pythonapi.PyMem_RawMalloc(1000)

        @pytest.mark.prognos(max_leak=0)
        def test_garbage_in_cycles():
            cycle = []
            cycle.append(cycle)

        @pytest.mark.prognos(max_leak=10)
        def test_bounded_cache(): last.append(bytearray(1000))

        @pytest.mark.prognos(max_leak=10)
        def test_captured_logs(): logging.warning("x" * 1000)

        @pytest.mark.prognos(max_p95=10, max_cpu=10, max_wall=10, max_allocated=1e9, repeat=3)
        def test_within(): kept.append(0)

        def test_was_called_three_times(): assert kept.count(0) == 3
        """
    )
    result = run()
    result.assert_outcomes(passed=5, failed=7)
    text = result.stdout.str()
    for words in (
        r"95 % quantile of wall time is 0\.00[2-9]\d* s \(20 calls, in each of 3 rounds\); the "
        r"limit is max_p95=0\.001",
        r"median wall time of a call is 0\.00[2-9]\d* s \(1 call\); the limit is max_wall=0\.001",
        r"mean CPU time of a call is \S+ s \(1 call\); the limit is max_cpu=1e-06",
        r"memory allocated by a call is 20\d,\d+ bytes \(1 call\); the limit is max_allocated",
        r"memory not given back by a call is (1,)?\d\d\d bytes .*the limit is max_leak=100",
        r"memory not given back by a call is (9|1[01]),\d\d\d bytes .*from test_limits\S+\.py:",
        r"bytes a call from test_limits\S+\.py:2",
    ):
        assert re.search(words, text), words


def test_a_failing_test_fails_as_without(pytester, run):
    pytester.makepyfile(
        """
        import unittest
        import pytest

        @pytest.mark.prognos(max_p95=0)
        def test_fails(): assert 1 == 2, "its own reason"

        @pytest.mark.prognos(repeat=5)
        class Cases(unittest.TestCase):
            calls = []
            def test_fails(self):
                self.calls.append(1)
                self.assertEqual(len(self.calls), 0)
        """
    )
    result = run("--prognos")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["*its own reason*"])
    assert "prognos: " not in result.stdout.str()


@pytest.mark.parametrize(
    ("marker", "words"),
    [
        ("max_p59=1", "has no 'max_p59'"),
        ("repeat=0", "repeat must be a whole number of 1 to 100000, not 0"),
        ("max_leak='1'", "max_leak must be a number of at least 0, not '1'"),
        ("5", "takes keywords only"),
    ],
)
def test_a_marker_that_makes_no_sense_is_an_error_before_tests_run(pytester, run, marker, words):
    pytester.makepyfile(f"import pytest\n@pytest.mark.prognos({marker})\ndef test(): pass\n")
    result = run()
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert words in result.stderr.str() + result.stdout.str()


def _suite_that_takes(pytester, seconds, size=0):
    pytester.makepyfile(
        test_stored=f"""
        import time
        def test_it():
            time.sleep({seconds})
            bytearray({size})
        def test_other(): pass
        """
    )


def test_what_is_worse_than_stored_fails_the_run(pytester, run):
    _suite_that_takes(pytester, 0.01)
    for number in (1, 2, 3):
        result = run("--prognos-save=stored.json")
        assert f"stored.json, which has {number} runs" in result.stdout.str()
    result = run("--prognos-compare=stored.json")
    assert result.ret == 0 and "nothing is worse than stored" in result.stdout.str()

    _suite_that_takes(pytester, 0.2, size=3_000_000)
    result = run("--prognos-compare=stored.json")
    result.assert_outcomes(passed=2)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    text = result.stdout.str()
    assert re.search(r"WORSE: test_stored.py::test_it: wall_ns 20\d ms, usually 1\d", text)
    assert re.search(r"WORSE: test_stored.py::test_it: allocated_bytes 2.86 MiB, usually", text)
    assert "test_other" not in re.findall("WORSE.*", text)


def test_slow_once_is_not_worse(pytester, run):
    _suite_that_takes(pytester, 0.01)
    for _ in range(3):
        run("--prognos-save=stored.json")
    pytester.makepyfile(
        test_stored="""
        import pathlib, time
        def test_it():
            seen = pathlib.Path("seen")
            time.sleep(0.01 if seen.exists() else 0.3)
            seen.touch()
        def test_other(): pass
        """
    )
    result = run("--prognos-compare=stored.json")
    assert result.ret == 0 and "nothing is worse than stored" in result.stdout.str()
    result.assert_outcomes(passed=2)


def test_with_xdist_runs_are_saved_and_compared(pytester, run):
    if importlib.util.find_spec("xdist") is None:
        pytest.skip("pytest-xdist is not installed (tests/requirements.txt)")
    _suite_that_takes(pytester, 0.01)
    for _ in range(3):
        run("--prognos-save=stored.json", "-n2")
    stored = json.loads((pytester.path / "stored.json").read_text())
    assert len(stored["tests"]["test_stored.py::test_it"]["wall_ns"]) == 3
    _suite_that_takes(pytester, 0.2)
    result = run("--prognos-compare=stored.json", "-n2")
    assert result.ret == 1 and "WORSE: test_stored.py::test_it" in result.stdout.str()


@pytest.mark.parametrize("text", ["", "[]", '{"format": "else"}', '{"format": "prognos-pytest"}'])
def test_a_file_that_is_no_profile_is_an_error_and_stays(pytester, run, text):
    pytester.makepyfile("def test(): pass")
    path = pytester.path / "stored.json"
    path.write_text(text)
    for option in ("--prognos-save", "--prognos-compare"):
        result = run(f"{option}=stored.json")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        assert "stored.json" in result.stderr.str()
        assert path.read_text() == text
    assert run("--prognos-compare=missing.json").ret == pytest.ExitCode.USAGE_ERROR


MS = 1_000_000


def test_the_rule():
    stored = [100 * MS, 110 * MS, 90 * MS]
    assert compare.is_worse("wall_ns", stored, 200 * MS)
    assert not compare.is_worse("wall_ns", stored, 140 * MS)  # within the ratio
    assert not compare.is_worse("wall_ns", stored[:2], 200 * MS)  # too few runs
    assert not compare.is_worse("wall_ns", [*stored, 250 * MS], 200 * MS)  # it was like that
    assert not compare.is_worse("wall_ns", [MS, MS, MS], 5 * MS)  # below the floor
    assert not compare.is_worse("wall_ns", stored, 200 * MS, slowdown=2)
    assert compare.is_worse("allocated_bytes", [1 << 20], 2 << 20, slowdown=9)


def test_a_busy_machine_slows_all_tests():
    def sample(wall):
        return {"wall_ns": wall * MS, "cpu_ns": 0, "allocated_bytes": 0}

    names = [f"test_{number}" for number in range(20)]
    stored = {
        "machine": compare.machine(),
        "python": compare.python(),
        "tests": {name: {"wall_ns": [50 * MS] * 3} for name in names},
    }
    tests = {name: sample(100) for name in names}
    worse, notes = compare.findings(stored, tests)
    assert worse == [] and "2.00 times as much wall_ns" in notes[0]
    tests["test_3"] = sample(200)
    worse, _ = compare.findings(stored, tests)
    assert [finding["test"] for finding in worse] == ["test_3"]


def test_what_another_machine_or_python_stored_is_not_compared():
    sample = {"test": {"wall_ns": 900 * MS, "cpu_ns": 0, "allocated_bytes": 9 << 20}}
    runs = {"test": {"wall_ns": [MS] * 3, "allocated_bytes": [1 << 20]}}
    stored = {"machine": "another", "python": compare.python(), "tests": runs}
    worse, notes = compare.findings(stored, sample)
    assert [finding["measure"] for finding in worse] == ["allocated_bytes"]
    assert "stored on another" in notes[0]
    worse, notes = compare.findings({**stored, "python": "cpython 2.7"}, sample)
    assert worse == [] and "nothing is compared" in notes[0]
