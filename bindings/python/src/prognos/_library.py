# SPDX-License-Identifier: Apache-2.0
"""The calls of libprognos that are not hot, through ctypes; loaded with the first one.

It is the very library that `prognos._core` is linked with, found by where that was loaded from.
ctypes releases the GIL during a call: some of them wait for the collector, whose alerts need it.
"""

import ctypes
from typing import Any

from . import _core
from ._layout import A, answer, answers, structure

OK, ALREADY_STARTED, NOT_STARTED, LIMIT_REACHED, NOT_ENOUGH_DATA = 0, -1, -2, -5, -8

ALERT_CALLBACK = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p)

_text, _int, _pointer, _size = ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t
_u32, _u64, _f64, _i64 = ctypes.c_uint32, ctypes.c_uint64, ctypes.c_double, ctypes.c_int64
_one = [_pointer, _size]
_many = [_pointer, _size, _size, ctypes.POINTER(_size)]

# name: (what it returns, what it takes)
_SIGNATURES: "dict[str, tuple[Any, list[Any]]]" = {
    "prognos_version": (_text, []),
    "prognos_status_text": (_text, [_int]),
    "prognos_last_error": (_text, []),
    "prognos_options_default": (None, _one),
    "prognos_start": (_int, _one),
    "prognos_stop": (_int, []),
    "prognos_set_enabled": (None, [ctypes.c_bool]),
    "prognos_is_enabled": (ctypes.c_bool, []),
    "prognos_capabilities_read": (_int, _one),
    "prognos_diagnostics_read": (_int, _one),
    "prognos_op_count": (_size, []),
    "prognos_op_read": (_int, [_u32, _int, *_one]),
    "prognos_op_quantile": (_int, [_u32, _int, _f64, ctypes.POINTER(_u64)]),
    "prognos_process_read": (_int, [_int, *_one]),
    "prognos_session_read": (_int, [_u64, *_one]),
    "prognos_assess": (_int, []),
    "prognos_health_read": (_int, _one),
    "prognos_op_health_read": (_int, [_u32, *_one]),
    "prognos_session_health_read": (_int, [_u64, *_one]),
    "prognos_trend_read": (_int, [_int, _u32, _int, *_one]),
    "prognos_anomalies_read": (_int, _many),
    "prognos_leaks_read": (_int, _many),
    "prognos_resources_read": (_int, _many),
    "prognos_crash_read": (_int, _one),
    "prognos_objective_set": (_int, [_u32, _u64, _f64]),
    "prognos_limit_set": (_int, [_int, _f64, _f64]),
    "prognos_on_alert": (_int, [_pointer, _pointer]),
    "prognos_alerts_read": (_int, _many),
    "prognos_duration_predict": (_int, [_u32, _u64, *_one]),
    "prognos_time_left_read": (_int, [_u32, *_one]),
    "prognos_bottleneck_read": (_int, _many),
    "prognos_suggestions_read": (_int, _many),
    "prognos_peak_read": (_int, _one),
    "prognos_scalability_read": (_int, _one),
    "prognos_productivity_read": (_int, _one),
    "prognos_experiment_start": (_int, [_u32, _u32]),
    "prognos_experiment_stop": (_int, []),
    "prognos_experiment_read": (_int, _one),
    "prognos_dump": (_int, [_text, _int]),
    "prognos_render": (_int, [_int, _pointer, _size, ctypes.POINTER(_size)]),
    "prognos_series_open": (_u32, [_text, _u64]),
    "prognos_series_add": (_int, [_u32, _i64, _f64, *_one]),
    "prognos_series_trend": (_int, [_u32, *_one]),
    "prognos_series_forecast": (_int, [_u32, _u32, *_one]),
    "prognos_series_close": (_int, [_u32]),
}


def _load() -> ctypes.CDLL:
    library = ctypes.CDLL(_core.library_path())
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


library = _load()


def check(status: int) -> None:
    """Raises prognos.Error, with the library's sentence, for a status other than 0."""
    _core.check(status)


def read(cls: "type[A]", function: Any, *arguments: Any) -> A:
    """One answer of a call that ends in (out, size)."""
    struct = structure(cls)
    raw = struct()
    check(function(*arguments, ctypes.byref(raw), ctypes.sizeof(struct)))
    return answer(cls, raw)


def read_all(cls: "type[A]", function: Any, capacity: int = 32) -> "list[A]":
    """All answers of a call that ends in (out, size, capacity, count)."""
    struct = structure(cls)
    count = ctypes.c_size_t()
    while True:
        raws = (struct * capacity)()
        check(function(ctypes.byref(raws), ctypes.sizeof(struct), capacity, ctypes.byref(count)))
        if count.value <= capacity:
            return answers(cls, raws[: count.value])
        capacity = count.value + 8  # there may be more of them by the next time
