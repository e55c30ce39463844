# SPDX-License-Identifier: Apache-2.0
"""Runs one scenario as an operation beside two others, and prints what is thought of it, as JSON.

Usage: host.py SCENARIO CALLS [FOLDER_OF_PACKAGES]
"""

import ctypes
import gc
import json
import os
import sys


class Leak(ctypes.Structure):
    """prognos_leak of prognos/prediction.h."""

    _fields_ = (
        ("bytes_per_call", ctypes.c_double),
        ("bytes_per_s", ctypes.c_double),
        ("live_bytes", ctypes.c_double),
        ("score", ctypes.c_double),
        ("confidence", ctypes.c_double),
        ("samples", ctypes.c_uint64),
        ("op", ctypes.c_uint32),
        ("is_leak", ctypes.c_uint32),
        ("direction", ctypes.c_int32),
        ("kind", ctypes.c_uint32),
        ("resource", ctypes.c_char * 32),
        ("reason", ctypes.c_char * 240),
        ("stack", ctypes.c_char * 1024),
    )


def main():
    scenario, calls = sys.argv[1], int(sys.argv[2])
    if len(sys.argv) > 3:
        sys.path.insert(0, sys.argv[3])
    import scenarios

    hot = ctypes.PyDLL(os.environ["PROGNOS_LIBRARY"])
    cold = ctypes.CDLL(os.environ["PROGNOS_LIBRARY"])
    assert cold.prognos_start(None, ctypes.c_size_t(0)) == 0
    names = (b"busy", b"suspect", b"handing over")
    busy, suspect, handing = (ctypes.c_uint32(hot.prognos_op_named(name)) for name in names)
    begin, end = hot.prognos_begin, hot.prognos_end
    call = getattr(scenarios, scenario)()
    waiting = []
    found = None
    answers = []
    for number in range(1, calls + 1):
        begin(handing)
        waiting.append(bytes(700))
        end(handing)
        begin(suspect)
        call()
        end(suspect)
        begin(busy)
        if len(waiting) >= 50:
            waiting.clear()
        json.loads('{"a": [1, 2, 3], "b": "' + "x" * 600 + '"}')
        end(busy)
        if number % 250 == 0:
            answers = read(cold)
            if found is None and any(a["is_leak"] and a["op"] == suspect.value for a in answers):
                found = number
    gc.collect()
    mine = [a for a in answers if a["op"] == suspect.value]
    print(
        json.dumps(
            {
                "is_leak": any(a["is_leak"] for a in mine),
                "blamed": sorted({a["op"] for a in answers if a["is_leak"]} - {suspect.value}),
                "found": found,
                "answers": mine[:1],
                "others": [a for a in answers if a["is_leak"] and a["op"] != suspect.value][:1],
            }
        )
    )


def read(library):
    assert library.prognos_assess() == 0
    leaks = (Leak * 32)()
    count = ctypes.c_size_t()
    library.prognos_leaks_read(
        leaks, ctypes.c_size_t(ctypes.sizeof(Leak)), ctypes.c_size_t(32), ctypes.byref(count)
    )
    fields = ("op", "is_leak", "live_bytes", "bytes_per_call", "score", "samples")
    return [
        {name: getattr(leak, name) for name in fields}
        | {"reason": leak.reason.decode(), "stack": leak.stack.decode()}
        for leak in leaks[: count.value]
    ]


main()
