# SPDX-License-Identifier: Apache-2.0
"""Pasts of resources that never were: shares of the limit, ten times a second. Some reach it."""

import numpy as np


def wander(random, count, memory, deviation):
    noise = random.normal(0, deviation, count)
    level, levels = 0.0, np.empty(count)
    for i in range(count):
        level = memory * level + noise[i]
        levels[i] = level
    return levels


def overlay(random, x):
    """What comes on top of any growth: noise, and use by turns."""
    count, y = len(x), np.zeros(len(x))
    if random.random() < 0.35:
        y += random.normal(0, 10 ** random.uniform(-3.5, -1.6), count)
    if random.random() < 0.3:
        memory = random.choice([0.9, 0.97, 0.99, 0.995])
        size = 10 ** random.uniform(-3, -1.7) * np.sqrt(1 - memory * memory)
        y += wander(random, count, memory, size * random.choice([1, 2]))
    kind, height = random.random(), 10 ** random.uniform(-2, -0.5)
    phase = x / 10 ** random.uniform(-1.8, 0) + random.random()
    if kind < 0.10:
        y += height * (phase % 1)
    elif kind < 0.18:
        y += height * 0.5 * (1 + np.sin(2 * np.pi * phase))
    elif kind < 0.26:
        y += height * ((phase % 1) < random.uniform(0.1, 0.6))
    elif kind < 0.33:
        for _ in range(random.poisson(6)):
            middle, width = random.random(), 10 ** random.uniform(-2.5, -1.3)
            y += height * random.random() * np.exp(-(((x - middle) / width) ** 2))
    return y


def jumps(random, x, count, even):
    at = np.arange(1, count + 1) / count if even else np.sort(random.random(count))
    return np.searchsorted(at, x) / count


def growth(random, x):
    """From 0 to 1 or so."""
    kind = random.random()
    if kind < 0.30:
        return x
    if kind < 0.45:
        return x ** random.uniform(1.3, 3.5)
    if kind < 0.52:
        k = random.uniform(1, 5)
        return np.expm1(k * x) / np.expm1(k)
    if kind < 0.60:
        return x ** random.uniform(0.6, 0.95)
    if kind < 0.70:
        return jumps(random, x, random.integers(4, 20), random.random() > 0.5) * 1.05
    if kind < 0.82:
        count = random.integers(15, 120)
        at = np.sort(random.random(count))
        sums = np.cumsum(random.exponential(1, count) ** random.uniform(0.5, 1.6))
        return np.concatenate([[0], sums])[np.searchsorted(at, x)] / sums[-1] * 1.02
    if kind < 0.92:
        count = random.integers(2, 5)
        at = np.concatenate([[0], np.sort(random.random(count - 1)), [1]])
        sums = np.cumsum((random.exponential(1, count) + 0.15) * np.diff(at))
        return np.interp(x, at, np.concatenate([[0], sums]) / sums[-1])
    path = np.cumsum(np.maximum(random.normal(1, random.uniform(0.5, 4), len(x)), -5))
    path -= path.min()
    return path / max(path.max(), 1e-9)


def warm_up(random, x):
    kind, height = random.random(), random.uniform(0.05, 0.4)
    if kind < 0.6:
        return np.zeros_like(x)
    if kind < 0.85:
        return height * (1 - np.exp(-x / 10 ** random.uniform(-2, -0.7)))
    return height * np.minimum(x / random.uniform(0.02, 0.3), 1)


def whole_units(random, share):
    kind = random.random()
    if kind < 0.35:
        limit = random.integers(50, 1500)
        return np.round(share * limit) / limit
    if kind < 0.45:
        step = random.uniform(0.03, 0.15)
        return np.ceil(share / step) * step
    return share


def span_of(random):
    seconds = 15 * 10 ** random.uniform(0, 1)
    return seconds, 0.1 if seconds < 130 else seconds / 1200


def failing(random):
    seconds, step = span_of(random)
    x = np.arange(step, seconds * 1.6, step) / seconds
    start = 0.0 if random.random() < 0.55 else random.uniform(0.02, 0.75)
    level = random.uniform(0.01, 0.6) if random.random() < 0.7 else random.uniform(0, 0.05)
    since = np.clip((x - start) / (1 - start), 0, None)
    grown = np.where(since > 1, since, growth(random, np.clip(since, 0, 1)))
    used = level + warm_up(random, x) * (1 - level) * 0.8
    used = used + np.where(x > start, grown, 0) * (1 - used[-1])
    used += overlay(random, x) * (random.random() > 0.35)
    used = np.maximum(whole_units(random, used), 0)
    hit = int(np.argmax(used >= 1))
    if used[hit] < 1 or hit < 60:
        return None
    times = x[:hit] * seconds
    return times, used[:hit], times[-1] + step, start * seconds


def healthy(random):
    seconds, step = span_of(random)
    x = np.arange(step, seconds, step) / seconds
    count, kind = len(x), random.random()
    level = random.uniform(0, 0.6) if random.random() < 0.6 else random.uniform(0, 0.05)
    # What stops, mostly does so with room left.
    top = level + (1 - level) * random.beta(2, 1.8) * 0.92
    phase = x / 10 ** random.uniform(-1.7, 0.1) + random.random()
    if kind < 0.08:
        shape = np.zeros(count)
    elif kind < 0.22:
        shape = 1 - np.exp(-x / 10 ** random.uniform(-1.6, 0.1))
    elif kind < 0.34:
        shape = np.minimum(x / random.uniform(0.05, 0.9), 1)
    elif kind < 0.44:
        k = 10 ** random.uniform(0.3, 2.5)
        shape = np.log1p(k * x) / np.log1p(k)
    elif kind < 0.50:
        shape = x ** random.uniform(0.2, 0.5)
    elif kind < 0.58:
        shape = phase % 1
    elif kind < 0.66:
        shape = 0.5 + 0.5 * np.sin(2 * np.pi * phase)
    elif kind < 0.73:
        shape = ((phase % 1) < random.uniform(0.1, 0.7)) * 1.0
    elif kind < 0.81:
        steps = random.integers(1, 5)
        sums = np.concatenate([[0], np.cumsum(random.random(steps) + 0.2)])
        shape = sums[np.searchsorted(np.sort(random.random(steps)), x)] / sums[-1]
    elif kind < 0.88:
        noise = random.normal(0, 10 ** random.uniform(-2.5, -1.3), count)
        level_now, shape = random.random(), np.empty(count)
        for i in range(count):
            level_now = abs(level_now + noise[i])
            level_now = 2 - level_now if level_now > 1 else level_now
            shape[i] = level_now
    elif kind < 0.93:
        shape = np.exp(-(((x - random.random()) / 10 ** random.uniform(-1.7, -0.3)) ** 2))
    elif kind < 0.97:
        turns = random.integers(2, 5)
        at = np.concatenate([[0], np.sort(random.random(turns)), [1.2]])
        shape = np.interp(x, at, random.random(turns + 2))
    else:
        end = random.uniform(0.1, 0.7)
        shape = np.where(x < end, (x / end) ** random.uniform(1, 3), 1.0)
    if random.random() > 0.75:
        late = int(random.uniform(0, 0.5) * count)
        shape = np.concatenate([np.full(late, shape[0]), shape[: count - late]])
    used = level + shape * max(top - level, 0.02)
    used += overlay(random, x) * (0.6 if random.random() > 0.35 else 0)
    used = np.clip(whole_units(random, used), 0, None)
    if used.max() >= 0.97:
        used *= random.uniform(0.4, 0.95) / used.max()
    return x * seconds, used, np.inf, 0.0


def pasts(seed, count):
    """(times, shares, time of death or infinity, begin of the fault, the longest block) of each."""
    random, found = np.random.default_rng(seed), []
    while len(found) < count:
        past = failing(random) if random.random() < 0.42 else healthy(random)
        if past is not None:
            longest = np.inf if random.random() < 0.7 else random.choice([0.25, 0.5, 1, 2])
            found.append((*past, float(longest)))
    return found
