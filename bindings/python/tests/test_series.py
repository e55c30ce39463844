# SPDX-License-Identifier: Apache-2.0
"""A host's own numbers: what is unusual, where they go, what comes next."""

import gc
import math

import prognos
import pytest


def test_a_spike_among_usual_values_is_an_anomaly():
    latency = prognos.series("latency", period=1)
    verdicts = [
        latency.add(100 + 10 * math.sin(step) + step % 7, at=1e9 + step) for step in range(400)
    ]
    assert verdicts[0].score == 0 and verdicts[0].kind is None
    assert sum(verdict.is_anomaly for verdict in verdicts) <= 2
    spike = latency.add(500, at=1e9 + 400)
    assert spike.is_anomaly and spike.kind == "unusual" and spike.high < 500
    assert 60 < spike.expected < 140


def test_what_rises_has_a_trend_and_a_forecast():
    disk = prognos.series("disk", period=60)
    with pytest.raises(prognos.NotEnoughData):
        disk.trend()
    with pytest.raises(prognos.NotEnoughData):
        disk.forecast(3)
    for step in range(200):
        disk.add(step * 60.0 + step % 3, at=1e9 + 60 * step)
    trend = disk.trend()
    assert trend.direction == 1 and abs(trend.slope_per_s - 1) < 0.05
    forecast = disk.forecast(4)
    assert len(forecast) == 4
    for number, step in enumerate(forecast, 200):
        assert step.low <= step.value <= step.high
        assert abs(step.value - number * 60) < 120


def test_missing_values_and_the_clocks_own_time():
    series = prognos.Series("temperature")
    assert series.add(math.nan).score == 0
    assert series.add(20.5).samples >= 0


def test_a_closed_series_says_so():
    with prognos.series("latency") as series:
        series.add(1.0)
    series.close()
    for use in (lambda: series.add(1.0), series.trend, lambda: series.forecast(1)):
        with pytest.raises(prognos.Error) as caught:
            use()
        assert caught.value.status == "unknown_handle"
    assert repr(series) == "<prognos.Series 'latency' closed>"


def test_bad_arguments_are_named():
    for name, error in (("", prognos.Error), ("a\0b", ValueError), (None, AttributeError)):
        with pytest.raises(error):
            prognos.series(name)
    with pytest.raises(ValueError, match="period is -1"):
        prognos.series("x", period=-1)
    with pytest.raises(ValueError, match="steps is 0; expected 1 to 1024"):
        prognos.series("x").forecast(0)


def test_what_is_forgotten_is_closed():
    for number in range(1000):  # 16 KiB each, of an eighth of 48 MiB
        prognos.series(f"series {number}").add(1.0)
    gc.collect()
    kept = []
    with pytest.raises(prognos.Error) as caught:
        for number in range(1000):
            kept.append(prognos.series(f"series {number}"))
    assert caught.value.status == "limit_reached" and len(kept) > 50
