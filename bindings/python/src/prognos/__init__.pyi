# SPDX-License-Identifier: Apache-2.0
# What `import prognos` gives. What is loaded later has the types of the modules it comes from.
from . import _core
from ._alerts import on_alert as on_alert
from ._core import Error as Error
from ._core import NotEnoughData as NotEnoughData
from ._core import Span as Span
from ._core import __version__ as __version__
from ._core import current as current
from ._core import enabled as enabled
from ._core import fail as fail
from ._core import set_enabled as set_enabled
from ._core import work as work
from ._experiments import experiment as experiment
from ._experiments import experiment_read as experiment_read
from ._experiments import experiment_stop as experiment_stop
from ._lifecycle import options as options
from ._lifecycle import start as start
from ._lifecycle import started as started
from ._lifecycle import stop as stop
from ._names import Metric, Window
from ._profiles import dump as dump
from ._profiles import profile as profile
from ._profiles import render as render
from ._reads import alerts as alerts
from ._reads import anomalies as anomalies
from ._reads import assess as assess
from ._reads import bottlenecks as bottlenecks
from ._reads import capabilities as capabilities
from ._reads import crash as crash
from ._reads import diagnostics as diagnostics
from ._reads import health as health
from ._reads import leaks as leaks
from ._reads import limit as limit
from ._reads import operations as operations
from ._reads import peak as peak
from ._reads import process as process
from ._reads import productivity as productivity
from ._reads import resources as resources
from ._reads import scalability as scalability
from ._reads import suggestions as suggestions
from ._reads import trend as trend
from ._series import Series as Series
from ._series import series as series
from ._tasks import trace_tasks as trace_tasks
from .answers import Alert as Alert
from .answers import Anomaly as Anomaly
from .answers import Bottleneck as Bottleneck
from .answers import Capabilities as Capabilities
from .answers import Crash as Crash
from .answers import Diagnostics as Diagnostics
from .answers import Duration as Duration
from .answers import Experiment as Experiment
from .answers import Forecast as Forecast
from .answers import Health as Health
from .answers import Leak as Leak
from .answers import OperationStats as OperationStats
from .answers import Options as Options
from .answers import Peak as Peak
from .answers import ProcessStats as ProcessStats
from .answers import Productivity as Productivity
from .answers import Resource as Resource
from .answers import Scalability as Scalability
from .answers import SessionStats as SessionStats
from .answers import Suggestion as Suggestion
from .answers import TimeLeft as TimeLeft
from .answers import Trend as Trend
from .answers import Verdict as Verdict

class Operation(_core.Operation):
    def read(self, window: Window = "total") -> OperationStats: ...
    def quantile(self, q: float, window: Window = "total") -> int: ...
    def health(self) -> Health: ...
    def predict(self, work: int = 0) -> Duration: ...
    def time_left(self) -> TimeLeft: ...
    def objective(self, latency: float | None = None, success: float = 0.99) -> None: ...
    def trend(self, metric: Metric, window: Window = "total") -> Trend: ...

class Session(_core.Session):
    def read(self) -> SessionStats: ...
    def health(self) -> Health: ...

op = Operation
session = Session

def load_ipython_extension(shell: object) -> None: ...
def unload_ipython_extension(shell: object) -> None: ...
