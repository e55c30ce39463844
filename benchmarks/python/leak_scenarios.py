# SPDX-License-Identifier: Apache-2.0
"""Python programs that leak, and some that only look like it.

A scenario returns {operation: function}; the one that leaks is called "leaky". "Lost" is what a
native extension forgets to give back, so that nothing refers to it any more. "Held" is what the
program itself keeps and never drops, in a list or a dict that only grows.
"""

import collections
import ctypes
import functools
import itertools
import json

_lose = ctypes.pythonapi.Py_IncRef
_lose.argtypes, _lose.restype = [ctypes.py_object], None


def _small_churn():
    recent = collections.deque(maxlen=20)
    return lambda: recent.append(bytes(200))


def _heavy_churn():
    """About a hundred times what leaks, in objects of many sizes and lives."""
    recent = collections.deque(maxlen=300)
    rows = [{"id": n, "name": "row " * 8, "x": [1, 2, 3]} for n in range(20)]
    message = json.dumps({"rows": rows})

    def churn():
        recent.append(json.loads(message)["rows"][::7])
        sorted(bytes(n) for n in range(0, 600, 30))

    return churn


def _loser():
    number = itertools.count()
    return lambda: _lose(b"lost %0120d" % next(number))


def _keeper():
    kept, number = [], itertools.count()
    return lambda: kept.append(b"kept %0120d" % next(number))


def pure_leak():
    return {"leaky": _loser()}


def leak_and_small_churn():
    return {"leaky": _loser(), "churn": _small_churn()}


def leak_and_heavy_churn():
    return {"leaky": _loser(), "churn": _heavy_churn()}


def lost_at_first():
    """While it is set up; then it does what it does without losing anything."""
    lose, number = _loser(), itertools.count()

    def work():
        if next(number) < 400:
            lose()

    return {"leaky": work, "churn": _heavy_churn()}


def pure_growth():
    return {"leaky": _keeper()}


def growth_and_small_churn():
    return {"leaky": _keeper(), "churn": _small_churn()}


def growth_and_heavy_churn():
    return {"leaky": _keeper(), "churn": _heavy_churn()}


def growing_dict():
    """Up to some 97 MB with 20,000 calls, and other work beside it."""
    known, number = {}, itertools.count()

    def remember():
        key = next(number)
        known[f"user {key}"] = {"id": key, "visits": [key] * 8, "page": "x" * (4000 + key % 7)}

    return {"leaky": remember, "churn": _heavy_churn()}


# The bound is reached within the calls of the benchmark, and not yet with the first looks.


def bounded_cache():
    @functools.lru_cache(5_000)
    def compute(key):
        return f"result {key:0120}"

    number = itertools.count()
    return {"cache": lambda: compute(next(number)), "churn": _small_churn()}


def bounded_dict():
    cache, number = collections.OrderedDict(), itertools.count()

    def look_up():
        key = next(number)
        cache[key] = bytes(1000)
        if len(cache) > 5_000:
            cache.popitem(last=False)

    return {"cache": look_up, "churn": _heavy_churn()}


def bounded_pages():
    """The growing dict with a bound, which it reaches when half of the calls are done."""
    cache, number = collections.OrderedDict(), itertools.count()

    def look_up():
        key = next(number)
        cache[key] = "x" * (4000 + key % 7)
        if len(cache) > 10_000:
            cache.popitem(last=False)

    return {"cache": look_up, "churn": _small_churn()}


def big_cache():
    """It never gets full here."""
    cache, number = {}, itertools.count()

    def look_up():
        key = next(number) % 200_000
        if key not in cache:
            cache[key] = f"result {key:0120}"
        return cache[key]

    return {"cache": look_up, "churn": _small_churn()}


def only_churn():
    return {"churn": _heavy_churn(), "more churn": _small_churn()}


def handed_over():
    """One operation makes what the next one drops."""
    queue = collections.deque()

    def consume():
        if len(queue) > 400:
            queue.clear()

    return {"produce": lambda: queue.append(bytes(700)), "consume": consume}


ENDED = [lost_at_first]
LOST = [pure_leak, leak_and_small_churn, leak_and_heavy_churn]
HELD = [pure_growth, growth_and_small_churn, growth_and_heavy_churn, growing_dict]
LOOK_ALIKES = [bounded_cache, bounded_dict, bounded_pages, big_cache, only_churn, handed_over]
