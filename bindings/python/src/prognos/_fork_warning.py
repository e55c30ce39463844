# SPDX-License-Identifier: Apache-2.0
"""Keeps Python 3.12 and later from warning of forks because of the collector's thread.

They count the threads of the process at each fork, and warn when there are two: of locks that the
other one may hold, which no thread is there to release in the child. The collector holds none of
the host's, and forked children begin a recording of their own. A process that has threads of its
own is warned as before.
"""

import os
import sys
import warnings
from typing import Any

# Whether start() was called here, and stop() was not yet: start() and stop() say so.
has_collector = False


class _OfTheCollector:
    """Stands where a filter has its regular expression: only it can look at the process, too."""

    def match(self, text: str) -> bool:
        is_meant = has_collector and "is multi-threaded, use of" in text
        return is_meant and _threads() == 2


def _threads() -> int:
    try:
        return len(os.listdir("/proc/self/task"))
    except OSError:
        return 0


_FILTER = ("ignore", _OfTheCollector(), DeprecationWarning, None, 0)
_is_installed = False


def install() -> None:
    """With the first start(); the hook costs a comparison a fork."""
    global _is_installed
    if sys.version_info >= (3, 12) and not _is_installed:
        _is_installed = True
        os.register_at_fork(before=_put_first, after_in_child=_forget_collector)


def _forget_collector() -> None:
    """A forked child has none until it calls start() itself."""
    global has_collector
    has_collector = False


def _put_first() -> None:
    """Before those that a host, or a block with warnings of its own, has put in front meanwhile."""
    filters: Any = warnings.filters
    if not has_collector or (filters and filters[0] is _FILTER):
        return
    while _FILTER in filters:
        filters.remove(_FILTER)
    filters.insert(0, _FILTER)
    changed = getattr(warnings, "_filters_mutated", None) or getattr(
        warnings, "_filters_mutated_lock_held", None
    )
    if changed is not None:
        changed()
