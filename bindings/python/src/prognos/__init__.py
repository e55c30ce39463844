# SPDX-License-Identifier: Apache-2.0
"""Prognos: what the operations of a program cost, and what will become of it.

    parse = prognos.op("parse")

    with parse: ...                 # a call of the operation, with its time and failure

    @parse                          # or each call of a function, generator or coroutine
    def f(): ...

    prognos.start()                 # memory, I/O, call stacks, predictions
    parse.read().wall_p95_ns        # what it cost
    prognos.leaks()                 # what is wrong with it
    prognos.dump("profile.json")

Importing this loads a small extension module and nothing else: the rest is loaded when it is
first asked for.
"""

from sys import implementation as _implementation

if _implementation.name != "cpython":
    raise ImportError(
        f"prognos needs CPython, and this is {_implementation.name}: its extension module reads "
        "CPython's own frames. On PyPy and others, libprognos.so can be called through cffi."
    )

from prognos import _core
from prognos._core import (  # noqa: F401
    Error,
    NotEnoughData,
    Span,
    __version__,
    current,
    enabled,
    fail,
    set_enabled,
    work,
)


class Operation(_core.Operation):
    """Something that is done again and again, under one name: `prognos.op("parse")`.

    Made once; the same name gives an equal one. A context manager, a decorator, or begin() and
    end(). `work`: how much each decorated call has to do, a number or a function of its arguments.
    """

    __slots__ = ()

    def read(self, window="total"):
        """What it cost, as OperationStats; over "total", the last "minute", "5 minutes", "hour".

        NotEnoughData for a window before start().
        """
        from ._reads import operation_stats

        return operation_stats(self, window)

    def quantile(self, q, window="total"):
        """The wall time in ns in which this share of calls (0 to 1) ended, 0.8 % off at most."""
        from ._reads import operation_quantile

        return operation_quantile(self, q, window)

    def health(self):
        """How well it is, 100 down to 0, as Health. NotEnoughData when too few calls have ended."""
        from ._reads import operation_health

        return operation_health(self)

    def predict(self, work=0):  # noqa: F811
        """How long a call will take that has this work to do (0: not known), as Duration.

        NotEnoughData below 8 calls.
        """
        from ._reads import operation_predict

        return operation_predict(self, work)

    def time_left(self):
        """How much longer its open call that began first will take, as TimeLeft.

        Error "invalid_state" when none is open; NotEnoughData below 8 finished calls.
        """
        from ._reads import operation_time_left

        return operation_time_left(self)

    def objective(self, latency=None, success=0.99):
        """What is good enough: this share of calls within `latency` seconds and without failing.

        latency None: any. success 0 takes the objective back.
        """
        from ._reads import operation_objective

        operation_objective(self, latency, success)

    def trend(self, metric, window="total"):
        """Whether a metric of it moves ("rate", "wall_p95", "memory", ...), as Trend."""
        from ._reads import trend

        return trend(metric, window, self)


class Session(_core.Session):
    """A user, a connection, a job: whom operations are for. `with prognos.session("ann"): ...`"""

    __slots__ = ()

    def read(self):
        """What its calls cost, as SessionStats; also for a while after close()."""
        from ._reads import session_stats

        return session_stats(self)

    def health(self):
        """How well it is, 100 down to 0, as Health."""
        from ._reads import session_health

        return session_health(self)


op = Operation
session = Session

# Where the rest is, which is loaded when it is first asked for.
_WHERE = {
    "_lifecycle": "options start started stop",
    "_reads": "alerts anomalies assess bottlenecks capabilities crash diagnostics health leaks "
    "limit operations peak process productivity resources scalability suggestions trend",
    "_alerts": "on_alert",
    "_series": "Series series",
    "_experiments": "experiment experiment_read experiment_stop",
    "_profiles": "dump profile render",
    "_tasks": "trace_tasks",
    "jupyter": "load_ipython_extension unload_ipython_extension",
    "answers": "Alert Anomaly Bottleneck Capabilities Crash Diagnostics Duration Experiment "
    "Forecast Health Leak OperationStats Options Peak ProcessStats Productivity Resource "
    "Scalability SessionStats Suggestion TimeLeft Trend Verdict",
}


def __getattr__(name):
    for module, names in _WHERE.items():
        if name in names.split():
            value = getattr(__import__("prognos." + module, None, None, ("*",)), name)
            globals()[name] = value
            return value
    raise AttributeError(f"module 'prognos' has no attribute {name!r}")


def __dir__():
    # What IPython looks for needs IPython: it is there for whoever asks, and not listed.
    listed = [names for module, names in _WHERE.items() if module != "jupyter"]
    return sorted({*globals(), *" ".join(listed).split()})
