# SPDX-License-Identifier: Apache-2.0
"""Prognos: what the operations of a program cost, and what will become of it.

parse = prognos.op("parse")

with parse: ...

@parse
def f(): ...
"""

from prognos._core import Error, NotEnoughData, Operation, Session, Span  # noqa: F401
from prognos._core import __version__, enabled, fail, set_enabled, work  # noqa: F401

op = Operation
session = Session
