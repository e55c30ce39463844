# SPDX-License-Identifier: Apache-2.0
"""pytest plugin: wall time, CPU time, memory and input and output of each test.

    pytest --prognos                              a table of the tests that took the most
    pytest --prognos-save tests.json              adds this run to a stored profile
    pytest --prognos-compare tests.json           fails when tests have got worse than stored

    @pytest.mark.prognos(max_p95=0.05, max_leak=100, repeat=50)
    def test_search(): ...

A test is an operation named by its node id; what its fixtures take counts in "(setup)" and
"(teardown)", and in "fixture NAME". Without an option or a marker the plugin does nothing. With
pytest-xdist each worker measures its tests, and the table is of all. How limits are judged:
prognos._pytest_limits; what is worse: prognos._pytest_compare.
"""

from __future__ import annotations

import os

import pytest
from _pytest.runner import runtestprotocol

MARKER = (
    "prognos(max_wall=seconds, max_p95=seconds, max_cpu=seconds, max_allocated=bytes, "
    "max_leak=bytes, repeat=N): fail the test when a call takes more than this, over N calls "
    "with the same fixtures"
)
MEASURES = ("count", "wall_ns", "cpu_ns", "allocated_bytes", "read_bytes", "written_bytes")


def pytest_addoption(parser):
    group = parser.getgroup("prognos", "Prognos: what tests cost")
    group.addoption("--prognos", action="store_true", help="measure tests and print a table")
    group.addoption(
        "--prognos-top", type=int, default=10, metavar="N", help="lines of the table (default 10)"
    )
    group.addoption(
        "--prognos-save", metavar="FILE", help="add what this run measured to a stored test profile"
    )
    group.addoption(
        "--prognos-compare", metavar="FILE", help="fail when tests are worse than in this profile"
    )


def pytest_configure(config):
    config.addinivalue_line("markers", MARKER)
    option = config.option
    if option.prognos or option.prognos_save or option.prognos_compare:
        _register(config)


def pytest_collection_modifyitems(config, items):
    marked = [item for item in items if item.get_closest_marker("prognos")]
    if marked:
        from ._pytest_limits import Marker

        for item in marked:
            Marker(item)  # says what is wrong with one before anything runs
        _register(config)


def _register(config):
    if not config.pluginmanager.has_plugin("prognos-recorder"):
        config.pluginmanager.register(Recorder(config), "prognos-recorder")


class Recorder:
    """Measures the tests of this process; with pytest-xdist, puts those of all together."""

    def __init__(self, config):
        from . import _pytest_compare

        self.config = config
        self.compare = _pytest_compare
        option = config.option
        self.everything = bool(option.prognos or option.prognos_save or option.prognos_compare)
        self.is_worker = hasattr(config, "workerinput")
        self.stored = None
        self.stored_path = self.path(option.prognos_compare)
        if self.stored_path:
            self.stored = self._read(self.stored_path)
        if option.prognos_save and os.path.exists(self.path(option.prognos_save)):
            self._read(self.path(option.prognos_save))  # says now that it cannot be added to
        self.rows = {}  # operation's name -> sums
        self.names = {}  # operation's name -> node id
        self.samples = {}  # to compare: node id -> measures, the smallest of its runs
        self.worse = []
        self.notes = []
        self.prognos = None

    def path(self, name):
        return os.path.join(self.config.invocation_params.dir, name) if name else None

    def _read(self, path):
        try:
            return self.compare.read(path)
        except self.compare.Unusable as error:
            raise pytest.UsageError(str(error)) from None

    def start(self):
        if self.prognos is None:
            import prognos

            # No sampling: a test may have a use of its own for SIGPROF.
            prognos.start(track="cpu,memory,io")
            self.prognos = prognos
        return self.prognos

    # What is measured

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item):
        if not self.everything:
            yield
            return
        operation = self.start().op("(setup)")
        operation.begin()
        yield
        operation.end()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        if not self.everything:
            yield
            return
        operation = self.start().op(f"fixture {fixturedef.argname}")
        operation.begin()
        yield
        operation.end()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item):
        if not self.everything:
            yield
            return
        operation = self.start().op("(teardown)")
        operation.begin()
        yield
        operation.end()

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        """Has item.runtest() measure itself: what other plugins do around it is not the test's."""
        marked = item.get_closest_marker("prognos") is not None
        if not self.everything and not marked:
            yield
            return
        runtest = item.runtest
        operation = self.operation(item)

        def measured():
            if not marked:
                with operation:
                    runtest()
                return
            from . import _pytest_limits as limits

            sentences = limits.call(item, runtest, operation, limits.Marker(item))
            if sentences:
                pytest.fail("prognos: " + "; ".join(sentences), pytrace=False)

        before = operation.read() if self.stored is not None else None
        item.runtest = measured
        try:
            yield
        finally:
            del item.runtest
            if before is not None:
                self._compare_now(item, before, operation.read())

    def operation(self, item):
        name = item.nodeid.encode("utf-8", "backslashreplace")
        if len(name) > 255:  # longer ones would be cut, and perhaps all to the same
            import hashlib

            name = name[:200] + b"..." + hashlib.sha256(name).hexdigest()[:16].encode()
        operation = self.start().op(name.decode("utf-8", "replace"))
        self.names[operation.name] = item.nodeid
        return operation

    # Comparing

    def _compare_now(self, item, before, after):
        calls = after.count - before.count
        if calls < 1:
            return
        sample = {m: (getattr(after, m) - getattr(before, m)) / calls for m in self.compare.RULES}
        known = self.samples.setdefault(item.nodeid, sample)
        for measure, value in sample.items():
            known[measure] = min(known[measure], value)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        """Runs a test that looks worse again, fixtures and all: is it worse every time?"""
        outcome = yield
        if self.stored is None or outcome.excinfo is not None:
            return
        for _ in range(self.compare.RUNS_AGAIN):
            sample = self.samples.get(item.nodeid)
            if sample is None or not self._looks_worse(item.nodeid, sample):
                return
            runtestprotocol(item, log=False, nextitem=nextitem)

    def _looks_worse(self, name, sample):
        runs = self.stored["tests"].get(name, {})
        measures, _ = self.compare.comparable(self.stored)
        return any(self.compare.is_worse(m, runs.get(m, []), sample[m]) for m in measures)

    # Putting together

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session):
        if self.prognos is not None:
            self._take_rows(self.prognos.profile()["operations"])
        if self.is_worker:
            self.config.workeroutput["prognos"] = {"rows": self.rows, "samples": self.samples}
            return
        option = self.config.option
        if self.stored is not None:
            self.worse, self.notes = self.compare.findings(self.stored, self.samples)
            if self.worse and session.exitstatus == pytest.ExitCode.OK:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED
        if option.prognos_save:
            path = self.path(option.prognos_save)
            tests = {
                name: {measure: row[measure] / row["count"] for measure in self.compare.RULES}
                for name, row in self.rows.items()
                if row["is_test"] and row["count"]
            }
            try:
                runs = self.compare.save(path, tests)
                self.notes.append(f"saved {len(tests)} tests to {path}, which has {runs} runs")
            except (OSError, self.compare.Unusable) as error:
                self.notes.append(f"not saved: {error}")

    def _take_rows(self, operations):
        for operation in operations:
            name = operation["name"]
            is_test = name in self.names
            if is_test or name in ("(setup)", "(teardown)") or name.startswith("fixture "):
                row = {measure: operation[measure] for measure in MEASURES}
                self._add_row(self.names.get(name, name), dict(row, is_test=is_test))

    def _add_row(self, name, row):
        known = self.rows.setdefault(name, row)
        if known is not row:
            for measure in MEASURES:
                known[measure] += row[measure]

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        """pytest-xdist: a worker has ended, and left what it measured."""
        output = getattr(node, "workeroutput", {}).get("prognos")
        if output is None:
            return
        for name, row in output["rows"].items():
            self._add_row(name, row)
        self.samples.update(output["samples"])

    # What is shown

    def pytest_terminal_summary(self, terminalreporter):
        if not self.everything or not self.rows:
            return
        write = terminalreporter.write_line
        terminalreporter.section("prognos")
        tests = [(name, row) for name, row in self.rows.items() if row["is_test"] and row["count"]]
        others = [(name, row) for name, row in self.rows.items() if not row["is_test"]]
        top = max(0, self.config.option.prognos_top)
        for title, rows in (("TEST", tests), ("FIXTURES", others)):
            rows.sort(key=lambda row: -row[1]["wall_ns"])
            if rows[:top]:
                write(_line("CALLS", "WALL", "CPU", "ALLOCATED", "READ", "WRITTEN", title))
                for name, row in rows[:top]:
                    write(_row(name, row))
            if len(rows) > top:
                write(f"... and {len(rows) - top} more (--prognos-top)")
        for finding in self.worse:
            measure = finding["measure"]
            usual, value = (_amount(measure, finding[key]) for key in ("usual", "value"))
            write(
                f"WORSE: {finding['test']}: {measure} {value}, usually {usual} "
                f"({finding['ratio']:.2f} times, {finding['runs']} stored runs)",
                red=True,
            )
        if self.stored is not None and not self.worse:
            write("nothing is worse than stored", green=True)
        for note in self.notes:
            write(note)


def _line(calls, wall, cpu, allocated, read, written, name):
    return f"{calls:>6} {wall:>9} {cpu:>9} {allocated:>9} {read:>9} {written:>9}  {name}"


def _row(name, row):
    amounts = (_amount(measure, row[measure]) for measure in MEASURES[1:])
    return _line(row["count"], *amounts, name)


def _amount(measure, value):
    """ "12.3 ms", "4.5 MiB": three digits and a unit; "-" for nothing."""
    if not value:
        return "-"
    if measure.endswith("_ns"):
        units, step = ("ns", "us", "ms", "s"), 1000
    else:
        units, step = ("B", "KiB", "MiB", "GiB", "TiB"), 1024
    unit = 0
    while value >= step and unit + 1 < len(units):
        value /= step
        unit += 1
    return f"{value:.3g} {units[unit]}" if value < 1000 else f"{value:.0f} {units[unit]}"
