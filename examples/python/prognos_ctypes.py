# SPDX-License-Identifier: Apache-2.0
"""Prognos through ctypes: enough for a host, and a start for a layer of your own."""

import ctypes
import ctypes.util
import os
import pathlib

JSON, TEXT, FOLDED, TEXT_ASCII = 0, 1, 2, 9  # prognos_format
TOTAL = 0  # prognos_window
_OK = 0  # prognos_status


class PrognosError(Exception):
    """A call returned an error; the text is prognos_last_error()."""


class OperationStats(ctypes.Structure):
    """prognos_op_stats: the fields and their order are those of prognos/reading.h."""

    _fields_ = (
        ("count", ctypes.c_uint64),
        ("active", ctypes.c_uint64),
        ("failed", ctypes.c_uint64),
        ("abandoned", ctypes.c_uint64),
        ("wall_ns", ctypes.c_uint64),
        ("wall_min_ns", ctypes.c_uint64),
        ("wall_max_ns", ctypes.c_uint64),
        ("wall_p50_ns", ctypes.c_uint64),
        ("wall_p95_ns", ctypes.c_uint64),
        ("wall_p99_ns", ctypes.c_uint64),
        ("self_wall_ns", ctypes.c_uint64),
        ("cpu_ns", ctypes.c_uint64),
        ("self_cpu_ns", ctypes.c_uint64),
        ("blocked_ns", ctypes.c_uint64),
        ("allocated_bytes", ctypes.c_uint64),
        ("allocations", ctypes.c_uint64),
        ("freed_bytes", ctypes.c_uint64),
        ("live_bytes", ctypes.c_uint64),
        ("read_bytes", ctypes.c_uint64),
        ("written_bytes", ctypes.c_uint64),
        ("io_calls", ctypes.c_uint64),
        ("io_wait_ns", ctypes.c_uint64),
        ("sequential_ratio", ctypes.c_double),
        ("voluntary_switches", ctypes.c_uint64),
        ("involuntary_switches", ctypes.c_uint64),
        ("page_faults", ctypes.c_uint64),
        ("work", ctypes.c_uint64),
        ("rate_per_s", ctypes.c_double),
        ("errors_per_min", ctypes.c_double),
    )


def _library_path():
    configured = os.environ.get("PROGNOS_LIBRARY")
    if configured:
        return configured
    built = pathlib.Path(__file__).resolve().parents[2] / "build" / "lib" / "libprognos.so"
    if built.exists():
        return str(built)
    installed = ctypes.util.find_library("prognos")
    if installed:
        return installed
    raise ImportError(f"no libprognos: set PROGNOS_LIBRARY, build {built}, or install it")


def _function(library, name, result, *arguments):
    function = getattr(library, name)
    function.restype = result
    function.argtypes = arguments
    return function


_PATH = _library_path()

# The hot calls go through PyDLL, which keeps the GIL. They never block, so nobody waits for it.
# With CDLL each would release and take it again, which costs more than the call itself and lets
# another thread in just behind begin: the operation would be charged with waiting for the GIL.
_hot = ctypes.PyDLL(_PATH)
_begin = _function(_hot, "prognos_begin", None, ctypes.c_uint32)
_end = _function(_hot, "prognos_end", None, ctypes.c_uint32)
_work = _function(_hot, "prognos_work", None, ctypes.c_uint64)
_fail = _function(_hot, "prognos_fail", None, ctypes.c_char_p)
_last_error = _function(_hot, "prognos_last_error", ctypes.c_char_p)

# The rest may write files and take milliseconds: other threads go on meanwhile.
_cold = ctypes.CDLL(_PATH)
_start = _function(_cold, "prognos_start", ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
_op_named = _function(_cold, "prognos_op_named", ctypes.c_uint32, ctypes.c_char_p)
_dump = _function(_cold, "prognos_dump", ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
_render = _function(
    _cold,
    "prognos_render",
    ctypes.c_int,
    ctypes.c_int,
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_size_t),
)
_op_read = _function(
    _cold,
    "prognos_op_read",
    ctypes.c_int,
    ctypes.c_uint32,
    ctypes.c_int,
    ctypes.POINTER(OperationStats),
    ctypes.c_size_t,
)


def _check(status):
    if status != _OK:
        raise PrognosError(_last_error().decode())


def start():
    """Turns on what the PROGNOS_* variables say: by default memory, I/O and call stacks as well.

    Memory is what Python asks of malloc: small objects come from pools of its own.
    """
    _check(_start(None, 0))


class Operation:
    """An operation of the host: make it once, then `with operation:` around the work, everywhere.

    It keeps no state of its own, so one object serves every thread and recursion. An exception that
    leaves the block fails the operation, under the name of the exception's type.
    """

    __slots__ = ("handle",)

    def __init__(self, name):
        self.handle = _op_named(name.encode())
        if self.handle == 0:
            raise PrognosError(_last_error().decode())

    def __enter__(self):
        _begin(self.handle)
        return self

    def __exit__(self, exception_type, exception, traceback):
        if exception_type is not None:
            # What was begun inside has ended by now: the innermost open operation is this one.
            _fail(exception_type.__name__.encode())
        _end(self.handle)

    def read(self):
        """The statistics of all calls so far."""
        stats = OperationStats()
        _check(_op_read(self.handle, TOTAL, ctypes.byref(stats), ctypes.sizeof(stats)))
        return stats


def work(amount):
    """Adds to the work size of this thread's innermost open operation."""
    _work(amount)


def dump(path, profile_format=JSON):
    """Writes the profile to a file."""
    _check(_dump(os.fsencode(path), profile_format))


def render(profile_format=TEXT):
    """The profile as a string."""
    needed = ctypes.c_size_t(0)
    capacity = 0
    # A profile that grew between two calls was cut: ask again with more room.
    while needed.value >= capacity:
        capacity = needed.value + 1
        buffer = ctypes.create_string_buffer(capacity)
        _check(_render(profile_format, buffer, capacity, ctypes.byref(needed)))
    return buffer.value.decode()
