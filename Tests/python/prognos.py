# SPDX-License-Identifier: Apache-2.0
"""The library through ctypes, as the tests use it."""

import ctypes
import json
import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIBRARY_DIR = Path(os.environ.get("PROGNOS_LIBRARY_DIR", ROOT / "build" / "lib"))

OK, INVALID_ARGUMENT, UNKNOWN_HANDLE, IO_ERROR, UNSUPPORTED = 0, -3, -4, -7, -9
JSON, TEXT, FOLDED, TEXT_ASCII = 0, 1, 2, 9
TOTAL = 0

_INTEGERS = (
    "count active failed abandoned wall_ns wall_min_ns wall_max_ns wall_p50_ns wall_p95_ns "
    "wall_p99_ns self_wall_ns cpu_ns self_cpu_ns blocked_ns allocated_bytes allocations "
    "freed_bytes live_bytes read_bytes written_bytes io_calls io_wait_ns"
).split()


class OpStats(ctypes.Structure):
    """prognos_op_stats."""

    _fields_ = [
        *((name, ctypes.c_uint64) for name in _INTEGERS),
        ("sequential_ratio", ctypes.c_double),
        ("voluntary_switches", ctypes.c_uint64),
        ("involuntary_switches", ctypes.c_uint64),
        ("page_faults", ctypes.c_uint64),
        ("work", ctypes.c_uint64),
        ("rate_per_s", ctypes.c_double),
        ("errors_per_min", ctypes.c_double),
    ]


def _load():
    library = ctypes.CDLL(str(LIBRARY_DIR / "libprognos.so"))
    text, op = ctypes.c_char_p, ctypes.c_uint32
    size, size_pointer = ctypes.c_size_t, ctypes.POINTER(ctypes.c_size_t)
    signatures = {
        "prognos_op_named": (op, [text]),
        "prognos_op_name": (text, [op]),
        "prognos_op_count": (size, []),
        "prognos_begin": (None, [op]),
        "prognos_end": (None, [op]),
        "prognos_work": (None, [ctypes.c_uint64]),
        "prognos_fail": (None, [text]),
        "prognos_last_error": (text, []),
        "prognos_version": (text, []),
        "prognos_set_enabled": (None, [ctypes.c_bool]),
        "prognos_is_enabled": (ctypes.c_bool, []),
        "prognos_start": (ctypes.c_int, [ctypes.c_void_p, size]),
        "prognos_stop": (ctypes.c_int, []),
        "prognos_op_read": (
            ctypes.c_int,
            [op, ctypes.c_int, ctypes.POINTER(OpStats), size],
        ),
        "prognos_dump": (ctypes.c_int, [text, ctypes.c_int]),
        "prognos_render": (ctypes.c_int, [ctypes.c_int, text, size, size_pointer]),
    }
    handle = ctypes.c_uint64
    signatures["prognos_span_begin"] = (handle, [op])
    signatures["prognos_session_open"] = (handle, [text])
    for noun, verbs in (("span", "enter leave end"), ("session", "enter leave close")):
        for verb in verbs.split():
            signatures[f"prognos_{noun}_{verb}"] = (ctypes.c_int, [handle])
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


lib = _load()
begin, end, work, fail = (
    lib.prognos_begin,
    lib.prognos_end,
    lib.prognos_work,
    lib.prognos_fail,
)


def op(name):
    """The handle of an operation."""
    handle = lib.prognos_op_named(name if isinstance(name, bytes) else name.encode())
    assert handle != 0, last_error()
    return handle


def call(handle, times=1):
    """Calls an operation that does nothing."""
    for _ in range(times):
        begin(handle)
        end(handle)


def stats(handle):
    """The statistics of an operation."""
    found = OpStats()
    status = lib.prognos_op_read(handle, TOTAL, ctypes.byref(found), ctypes.sizeof(found))
    assert status == OK, last_error()
    return found


def last_error():
    """The thread's last error."""
    return lib.prognos_last_error().decode()


def render(form):
    """A rendered profile, as bytes."""
    needed = ctypes.c_size_t()
    capacity = 1 << 16
    while True:
        buffer = ctypes.create_string_buffer(capacity)
        status = lib.prognos_render(form, buffer, capacity, ctypes.byref(needed))
        assert status == OK, last_error()
        if needed.value < capacity:
            return buffer.raw[: needed.value]
        capacity = needed.value + 4096


def _without_duplicates(pairs):
    keys = [key for key, _ in pairs]
    assert len(set(keys)) == len(keys), f"a key twice: {sorted(keys)}"
    return dict(pairs)


def profile():
    """A JSON profile, decoded as strictly as it can be."""
    return json.loads(
        render(JSON).decode("utf-8"),
        object_pairs_hook=_without_duplicates,
        parse_constant=lambda name: pytest_fail(f"{name} is no JSON"),
    )


def pytest_fail(why):
    """Fails for a reason."""
    raise AssertionError(why)


def operation(name, found=None):
    """An operation of a JSON profile, by its name."""
    (one,) = [each for each in (found or profile())["operations"] if each["name"] == name]
    return one
