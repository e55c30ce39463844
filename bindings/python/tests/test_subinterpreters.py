# SPDX-License-Identifier: Apache-2.0
"""Interpreters within an interpreter, as some of CPython's own tests make them."""

import sys
import textwrap

import prognos
import pytest


def test_functions_are_decorated_in_another_interpreter():
    _testcapi = pytest.importorskip("_testcapi", reason="CPython was installed without its tests")
    prognos.op("outside")(lambda: None)()  # what belongs to the main interpreter is there
    script = f"""
        import sys
        sys.path[:] = {sys.path!r}
        import prognos

        @prognos.op("inside")
        def function(number):
            return function(number - 1) + 1 if number else 0

        assert function(10) == 10
        with prognos.op("inside"):
            pass
        """
    assert _testcapi.run_in_subinterp(textwrap.dedent(script)) == 0
    counts = {found["name"]: found["count"] for found in prognos.profile()["operations"]}
    assert counts == {"outside": 1, "inside": 12}
