# SPDX-License-Identifier: Apache-2.0
"""A profile as a file, as text and as Python objects."""

import ctypes
import os
import sys
from typing import Any

from ._library import check, library
from ._names import FORMATS, Format, number_of


def dump(path: "str | os.PathLike[str]", format: Format = "json") -> None:
    """Writes what was recorded so far to a file; "-" is standard output.

    "json" (everything), "text" (a table for terminals), "text_ascii", "folded" (for flame graphs),
    "chrome_trace" (the timeline, for ui.perfetto.dev; needs track "timeline"). The file is written
    beside its path and then renamed. Raises Error "io_error" with the system's reason.
    """
    number = number_of("format", format, FORMATS)
    raw = os.fsencode(path)
    if b"\0" in raw:
        raise ValueError("path has a NUL in it")
    if raw == b"-" and sys.stdout is not None:
        sys.stdout.flush()
    check(library.prognos_dump(raw, number))


def render(format: Format = "text") -> str:
    """What was recorded so far, as text; formats as of dump()."""
    number = number_of("format", format, FORMATS)
    capacity, needed = 1 << 16, ctypes.c_size_t()
    while True:
        buffer = ctypes.create_string_buffer(capacity)
        check(library.prognos_render(number, buffer, capacity, ctypes.byref(needed)))
        if needed.value < capacity:
            return buffer.raw[: needed.value].decode("utf-8", "replace")
        capacity = needed.value + needed.value // 4 + 4096  # recording goes on meanwhile


def profile() -> "dict[str, Any]":
    """The JSON profile (docs/profile.schema.json) as Python objects."""
    import json

    result: "dict[str, Any]" = json.loads(render("json"))
    return result
