# SPDX-License-Identifier: Apache-2.0
"""Leaks of Python objects, with Python's own allocator, which malloc sees only the arenas of."""

import ast
import os
import subprocess
import sys

import prognos as p

HOST = """
import ctypes, sys
library = ctypes.PyDLL(sys.argv[1])
cold = ctypes.CDLL(sys.argv[1])
assert cold.prognos_start(None, ctypes.c_size_t(0)) == 0
losing, keeping = library.prognos_op_named(b"losing"), library.prognos_op_named(b"keeping")
lose = ctypes.pythonapi.Py_IncRef
lose.argtypes = [ctypes.py_object]
kept = {}
for number in range(3000):
    library.prognos_begin(losing)
    lose(bytes([number % 256, number // 256] * 60))
    library.prognos_end(losing)
    library.prognos_begin(keeping)
    kept[number] = bytes([number % 256, number // 256] * 60)
    library.prognos_end(keeping)
assert cold.prognos_assess() == 0
class Leak(ctypes.Structure):
    _fields_ = [("numbers", ctypes.c_double * 5), ("samples", ctypes.c_uint64),
                ("op", ctypes.c_uint32), ("is_leak", ctypes.c_uint32),
                ("rest", ctypes.c_char * 1304)]
leaks, count = (Leak * 32)(), ctypes.c_size_t()
assert cold.prognos_leaks_read(leaks, ctypes.c_size_t(ctypes.sizeof(Leak)), ctypes.c_size_t(32),
                               ctypes.byref(count)) == 0
print(sorted((leak.op, leak.is_leak) for leak in leaks[: count.value] if leak.op))
assert cold.prognos_stop() == 0
"""


def answers(**environment):
    done = subprocess.run(
        [sys.executable, "-c", HOST, str(p.LIBRARY_DIR / "libprognos.so")],
        env={name: value for name, value in os.environ.items() if name != "PYTHONMALLOC"}
        | environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return dict(ast.literal_eval(done.stdout))


def test_lost_objects_are_a_leak_and_kept_ones_are_not():
    found = answers()
    assert found[1] == 1
    assert found.get(2, 0) == 0


def test_the_same_where_python_asks_malloc():
    found = answers(PYTHONMALLOC="malloc")
    assert found[1] == 1
    assert found.get(2, 0) == 0
