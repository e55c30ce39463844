# SPDX-License-Identifier: Apache-2.0
"""Start and stop, and the options in between."""

import atexit
import ctypes
import operator
import os
import warnings
from collections.abc import Callable, Iterable
from typing import Any

from . import _core, _fork_warning
from ._layout import answer, natives, structure
from ._library import ALREADY_STARTED, LIMIT_REACHED, NOT_STARTED, OK, check, library
from ._names import ON_FORK, TRACKS, number_of
from .answers import Options

Log = Callable[[str], object]
_is_log_closed_at_exit = False


def options() -> Options:
    """What start() begins with: the defaults, changed by the PROGNOS_* environment variables."""
    return answer(Options, _default())


def start(
    *,
    track: "str | Iterable[str] | int | None" = None,
    recording: "str | os.PathLike[str] | None" = None,
    memory_limit: "int | None" = None,
    log: "Log | None" = None,
    recording_path: "str | os.PathLike[str] | None" = None,
    memory_limit_bytes: "int | None" = None,
    heap_sample_bytes: "int | None" = None,
    collect_interval_ms: "int | None" = None,
    sample_hz: "int | None" = None,
    stack_depth: "int | None" = None,
    max_ops: "int | None" = None,
    max_threads: "int | None" = None,
    timeline_events: "int | None" = None,
    serve: "str | None" = None,
    crash_notes: "bool | None" = None,
    recording_flags: "int | None" = None,
    recording_copy_s: "int | None" = None,
    recording_keep: "int | None" = None,
    on_fork: "str | None" = None,
    recording_keep_bytes: "int | None" = None,
) -> bool:
    """Starts what `track` names: memory, I/O, call stacks, and the collector that predicts.

    Operations record wall and CPU time and counts also without it. What is None is as options()
    says: from the environment, else the default.

    track         words, joined by commas or in a list: "cpu", "memory", "io", "stacks", "samples",
                  "timeline", "kernel_io"; default all but the last two
    recording     short for recording_path: None is private memory, "auto" a file that others can
                  read (`prognos top`), a path that file
    memory_limit  short for memory_limit_bytes
    log           called with a line when something happens that an operator should know
    on_fork       "fresh" (a forked child makes a recording of its own) or "quiet"
    The others are the fields of prognos_options in prognos/lifecycle.h.

    Returns True; False when it runs already, with the options it was started with. Raises Error
    for values that are out of range and files that cannot be had, and nothing is started. When
    recording began earlier with other sizes, by an operation that was named before, it starts all
    the same, with those sizes, and warns (RuntimeWarning).
    """
    given: "dict[str, Any]" = {
        "recording_path": _path(_either("recording", recording, "recording_path", recording_path)),
        "memory_limit_bytes": _either(
            "memory_limit", memory_limit, "memory_limit_bytes", memory_limit_bytes
        ),
        "heap_sample_bytes": heap_sample_bytes,
        "collect_interval_ms": collect_interval_ms,
        "track": _track(track),
        "sample_hz": sample_hz,
        "stack_depth": stack_depth,
        "max_ops": max_ops,
        "max_threads": max_threads,
        "timeline_events": timeline_events,
        "serve": None if serve is None else _text("serve", serve),
        "crash_notes": None if crash_notes is None else int(bool(crash_notes)),
        "recording_flags": recording_flags,
        "recording_copy_s": recording_copy_s,
        "recording_keep": recording_keep,
        "on_fork": None if on_fork is None else number_of("on_fork", on_fork, ON_FORK),
        "recording_keep_bytes": recording_keep_bytes,
    }
    raw = _default()
    _set(raw, given)
    if log is not None:
        raw.log = _log_to(log)
    status = library.prognos_start(ctypes.byref(raw), ctypes.sizeof(raw))
    if status in (OK, ALREADY_STARTED, LIMIT_REACHED):
        _fork_warning.has_collector = True
        _fork_warning.install()
    if status == ALREADY_STARTED:
        return False
    if status == LIMIT_REACHED:
        text = library.prognos_last_error().decode("utf-8", "replace")
        warnings.warn(text, RuntimeWarning, stacklevel=2)
        return True
    check(status)
    return True


def stop() -> bool:
    """Stops recording and takes all hooks out; what was recorded stays readable.

    Returns whether it ran. Raises Error when the recording's copy could not be written to its
    path: stopped all the same.
    """
    status = library.prognos_stop()
    _fork_warning.has_collector = False
    if status not in (OK, NOT_STARTED):
        check(status)
    return bool(status == OK)


class started:
    """Runs a block between start() and stop(): `with prognos.started(track="cpu"): ...`.

    Takes the options of start(). Where it runs already the block changes nothing.
    """

    __slots__ = ("_is_mine", "_options")

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._is_mine = False

    def __enter__(self) -> None:
        self._is_mine = start(**self._options)

    def __exit__(self, *error: object) -> None:
        if self._is_mine:
            stop()


def _default() -> Any:
    struct = structure(Options)
    raw = struct()
    library.prognos_options_default(ctypes.byref(raw), ctypes.sizeof(struct))
    return raw


def _set(raw: Any, given: "dict[str, Any]") -> None:
    types = {name: native.ctype for name, native, _ in natives(Options)}
    for name, value in given.items():
        if value is None:
            continue
        if types[name] in (ctypes.c_uint32, ctypes.c_uint64):
            value = operator.index(value)
            highest = 2 ** (8 * ctypes.sizeof(types[name])) - 1
            if not 0 <= value <= highest:
                raise ValueError(f"{name} is {value}; expected 0 to {highest}")
        setattr(raw, name, value)


def _either(short: str, value: Any, long: str, other: Any) -> Any:
    if value is not None and other is not None:
        raise TypeError(f"{short} and {long} are the same; give one of them")
    return other if value is None else value


def _path(path: Any) -> "bytes | None":
    return None if path is None else _without_nul("recording_path", os.fsencode(path))


def _text(what: str, text: str) -> bytes:
    return _without_nul(what, text.encode())


def _without_nul(what: str, raw: bytes) -> bytes:
    if b"\0" in raw:
        raise ValueError(f"{what} has a NUL in it")
    return raw


def _track(track: "str | Iterable[str] | int | None") -> "int | None":
    if track is None or isinstance(track, int):
        return track
    words = track.split(",") if isinstance(track, str) else track
    bits = 0
    for word in words:
        word = word.strip()
        if word:
            bits |= number_of("track", word, TRACKS)
    return bits


def _log_to(log: Log) -> int:
    """The address of the C function that calls `log`."""
    global _is_log_closed_at_exit
    if not callable(log):
        raise TypeError(f"log is {type(log).__name__}; expected a callable")
    if not _is_log_closed_at_exit:
        _is_log_closed_at_exit = True
        atexit.register(_core.log_to, None)
    return int(_core.log_to(log))
