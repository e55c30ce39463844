# SPDX-License-Identifier: Apache-2.0
"""Alerts as they come, on the collector's thread."""

import atexit
import ctypes
from collections.abc import Callable
from typing import Any, TypeVar, Union

from ._layout import answer, structure
from ._library import ALERT_CALLBACK, check, library
from .answers import Alert

Callback = TypeVar("Callback", bound=Union[Callable[[Alert], object], None])

# What the library may call now. It is let go only after another one has taken its place.
_current: Any = None
_is_closed_at_exit = False


def on_alert(callback: Callback) -> Callback:
    """Sets the one function that is called with each Alert; None takes it back.

    It is called on the collector's thread, never inside an operation of the host, once for each
    change, and should be quick: the next tick waits for it. It may call everything but start(),
    stop(), assess() and experiment(). An exception in it goes to sys.unraisablehook. Once this has
    returned, the one before is not called any more, and when the interpreter ends none is:
    alerts() has them all. Returns the callback, so that it serves as a decorator.
    """
    global _current, _is_closed_at_exit
    if callback is not None and not callable(callback):
        raise TypeError(f"callback is {type(callback).__name__}; expected a callable or None")
    if callback is None:
        check(library.prognos_on_alert(None, None))
        _current = None
        return callback
    if not _is_closed_at_exit:
        _is_closed_at_exit = True
        atexit.register(on_alert, None)
    struct = structure(Alert)

    def deliver(address: int, context: object) -> None:
        # What is raised here, ctypes gives to sys.unraisablehook, SystemExit included.
        callback(answer(Alert, struct.from_address(address)))

    function = ALERT_CALLBACK(deliver)
    check(library.prognos_on_alert(ctypes.cast(function, ctypes.c_void_p), None))
    _current = function
    return callback
