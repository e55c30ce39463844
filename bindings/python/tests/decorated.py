# SPDX-License-Identifier: Apache-2.0
"""What tests decorate at module level.

To be imported within a test: each has a process of its own, and names that were given before would
be in all of them.
"""

import asyncio

import prognos


@prognos.op("at module level")
def at_module_level(n):
    return n + 1


class Worker:
    op = prognos.op("worker")

    def __init__(self, value):
        self.value = value

    @op
    def method(self, more=0):
        return self.value + more

    @op
    @staticmethod
    def static(value):
        return value

    @op
    @classmethod
    def of_class(cls):
        return cls

    @staticmethod
    @op
    def static_below(value):
        return value

    @classmethod
    @op
    def of_class_below(cls):
        return cls

    @property
    @op
    def double(self):
        return self.value * 2

    @op
    def call_super(self):
        return super().__repr__()


@prognos.op("co")
async def co(n, wait=0.001):
    """Waits."""
    await asyncio.sleep(wait)
    return n


@prognos.op("gen")
def gen(n):
    for i in range(n):
        sent = yield i
        if sent:
            return sent


@prognos.op("agen")
async def agen(n):
    for i in range(n):
        await asyncio.sleep(0)
        yield i
