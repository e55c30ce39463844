# SPDX-License-Identifier: Apache-2.0
"""Each test runs in a forked process of its own, so that its recording is fresh."""

import os
import sys
import traceback

import pytest

WATCHDOG_S = 300


def _run_in_child(function):
    import signal

    reader, writer = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reader)
        status = 1
        try:
            signal.alarm(WATCHDOG_S)
            function()
            status = 0
        except BaseException as error:  # noqa: BLE001 - all of it is the parent's to report
            kind = "skip" if isinstance(error, pytest.skip.Exception) else "fail"
            text = str(error) if kind == "skip" else traceback.format_exc()
            os.write(writer, f"{kind}:{text}".encode("utf-8", "replace")[:60000])
        finally:
            os._exit(status)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as pipe:
        said = pipe.read()
    _, status = os.waitpid(child, 0)
    return status, said


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    """Calls a test in a child; the library has recorded nothing in this process."""
    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    status, said = _run_in_child(lambda: pyfuncitem.obj(**arguments))
    if said.startswith("skip:"):
        pytest.skip(said[5:])
    if status != 0:
        pytest.fail(said[5:] or f"the test's process ended with status {status}", pytrace=False)
    return True
