# SPDX-License-Identifier: Apache-2.0
"""Series: the detectors that watch the process, for a host's own numbers."""

import ctypes
import time
from typing import Any

from ._layout import answer, answers, structure
from ._library import NOT_ENOUGH_DATA, check, library, read
from ._reads import nanoseconds
from .answers import Forecast, Trend, Verdict


class Series:
    """A series of numbers: `latency = prognos.series("latency", period=60)`.

    Works without start(). `period` is the time between values in seconds; 0: irregular. Each takes
    16 KiB of the recording until close(), or until the object goes. All methods may be called
    from every thread; they raise Error once the series is closed.
    """

    __slots__ = ("__weakref__", "_handle", "name")

    def __init__(self, name: str, period: float = 0.0) -> None:
        self._handle = 0
        self.name = name
        raw = name.encode()
        if b"\0" in raw:
            raise ValueError("name has a NUL in it")
        period_ns = nanoseconds("period", period)
        self._handle = library.prognos_series_open(raw, period_ns)
        if self._handle == 0:
            # 1 to 63 bytes are accepted by every other call of the library, too.
            check(-3 if not raw else -5)

    def add(self, value: float, at: "float | None" = None) -> Verdict:
        """Adds a value and tells at once whether it is unusual.

        `at` is its time in seconds since 1970 (time.time()), not before that of the value before;
        None: now. The first 150 values are learnt: until then the verdict's score is 0. NaN and
        infinities count as missing.
        """
        at_unix_ns = time.time_ns() if at is None else round(at * 1e9)
        struct = structure(Verdict)
        raw = struct()
        status = library.prognos_series_add(
            self._handle, at_unix_ns, value, ctypes.byref(raw), ctypes.sizeof(struct)
        )
        if status != NOT_ENOUGH_DATA:
            check(status)
        return answer(Verdict, raw)

    def trend(self) -> Trend:
        """The trend of the latest values, 256 at most; NotEnoughData below 16."""
        return read(Trend, library.prognos_series_trend, self._handle)

    def forecast(self, steps: int) -> "list[Forecast]":
        """The next `steps` values, 1 to 1,024; NotEnoughData below 8 values."""
        if not 1 <= steps <= 1024:
            raise ValueError(f"steps is {steps}; expected 1 to 1024")
        struct = structure(Forecast)
        raws = (struct * steps)()
        check(
            library.prognos_series_forecast(
                self._handle, steps, ctypes.byref(raws), ctypes.sizeof(struct)
            )
        )
        return answers(Forecast, raws)

    def close(self) -> None:
        """Closes the series; again does nothing."""
        handle, self._handle = self._handle, 0
        if handle:
            check(library.prognos_series_close(handle))

    def __enter__(self) -> "Series":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __del__(self, close: Any = library.prognos_series_close) -> None:
        handle = getattr(self, "_handle", 0)
        if handle:
            close(handle)

    def __repr__(self) -> str:
        return f"<prognos.Series {self.name!r}{'' if self._handle else ' closed'}>"


series = Series
