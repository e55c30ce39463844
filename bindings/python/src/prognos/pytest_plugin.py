# SPDX-License-Identifier: Apache-2.0
"""pytest plugin: wall time, CPU time, memory and input and output of each test.

    pytest --prognos                              a table of the tests that took the most
    pytest --prognos-save tests.json              adds this run to a stored profile
    pytest --prognos-compare tests.json           fails when tests have got worse than stored

    @pytest.mark.prognos(max_p95=0.05, max_leak=100, repeat=50)
    def test_search(): ...

A test is an operation named by its node id; what its fixtures take counts in "(setup)" and "(teardown)", and in
"fixture NAME". Without an option or a marker the plugin does nothing. With pytest-xdist each worker measures its
tests, and the table is of all. How limits are judged: prognos._pytest_limits; what is worse: prognos._pytest_compare.
"""

from __future__ import annotations

import os

import pytest

MARKER = (
    "prognos(max_wall=seconds, max_p95=seconds, max_cpu=seconds, max_allocated=bytes, "
    "max_leak=bytes, repeat=N): fail the test when a call takes more than this, over N calls with the same fixtures"
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
    if any(item.get_closest_marker("prognos") for item in items):
        _register(config)


def _register(config):
    if not config.pluginmanager.has_plugin("prognos-recorder"):
        config.pluginmanager.register(Recorder(config), "prognos-recorder")


class Recorder:
    """Measures the tests of this process; in the process that started the others, puts theirs together."""

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
        self.again = {}  # node id -> measures of the best of several runs
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
        with self.start().op("(setup)"):
            yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_fixture_setup(self, fixturedef):
        if not self.everything:
            yield
            return
        with self.start().op(f"fixture {fixturedef.argname}"):
            yield

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item):
        if not self.everything:
            yield
            return
        with self.start().op("(teardown)"):
            yield

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        """In the place of pytest's own, which calls item.runtest(), where a marker asks for more than that."""
        if item.get_closest_marker("prognos") is None:
            return

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_pyfunc_call(self, pyfuncitem):
        yield
