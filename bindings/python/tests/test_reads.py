# SPDX-License-Identifier: Apache-2.0
"""Numbers and predictions, read as Python values."""

import copy
import dataclasses
import json
import math
import pickle

import prognos
import pytest


def call(op, times=1):
    for _ in range(times):
        with op:
            pass


def after(work_on, ask, is_it=lambda answer: True):
    """The first answer that is so, while the work goes on and the collector looks at it."""
    while True:  # until the watchdog
        work_on()
        prognos.assess()
        try:
            answer = ask()
        except prognos.NotEnoughData:
            continue
        if is_it(answer):
            return answer


def fails_with(status, function, *arguments, **keywords):
    with pytest.raises(prognos.Error) as caught:
        function(*arguments, **keywords)
    assert caught.value.status == status
    assert str(caught.value)
    return str(caught.value)


def test_an_operation_tells_what_its_calls_cost():
    parse = prognos.op("parse")
    for number in range(10):
        with parse:
            prognos.work(number)
            if number == 3:
                prognos.fail("bad_header")
    stats = parse.read()
    assert (stats.count, stats.failed, stats.work, stats.active) == (10, 1, 45, 0)
    assert 0 < stats.wall_min_ns <= stats.wall_p50_ns <= stats.wall_p99_ns <= stats.wall_max_ns
    assert parse.quantile(1.0) >= parse.quantile(0.5) > 0
    with parse:
        assert parse.read("total").active == 1


def test_answers_are_values():
    parse = prognos.op("parse")
    call(parse, 3)
    stats = parse.read()
    assert stats == copy.deepcopy(stats) == pickle.loads(pickle.dumps(stats))
    with pytest.raises(dataclasses.FrozenInstanceError):
        stats.count = 4
    assert not hasattr(stats, "__dict__")
    assert stats.to_dict()["count"] == 3
    json.loads(json.dumps(stats.to_dict(), allow_nan=False))


def test_windows_need_a_start_and_then_have_the_newest_calls():
    parse = prognos.op("parse")
    call(parse, 3)
    with pytest.raises(prognos.NotEnoughData):
        parse.read("minute")
    prognos.start(collect_interval_ms=20)
    call(parse, 2)
    prognos.assess()
    assert parse.read("minute").count >= 2
    assert parse.read("5 minutes").window_ns > 0
    assert prognos.process("hour").rss_bytes > 1 << 20


def test_bad_windows_and_metrics_are_named_with_what_is_accepted():
    parse = prognos.op("parse")
    with pytest.raises(ValueError, match="'week'; expected one of 'total', 'minute'"):
        parse.read("week")
    with pytest.raises(TypeError, match="window is int"):
        parse.read(1)
    with pytest.raises(ValueError, match="'speed'; expected one of 'rate', 'wall_p50'"):
        prognos.trend("speed")
    fails_with("invalid_argument", parse.quantile, 1.5)
    with pytest.raises(prognos.NotEnoughData):
        parse.quantile(0.5)


def test_operations_are_listed_and_come_back_in_answers():
    names = [f"op {number}" for number in range(40)] + ["zürich/日本"]
    made = [prognos.op(name) for name in names]
    listed = prognos.operations()
    listed = listed[-len(made) :]
    assert listed == made and [op.name for op in listed] == names
    assert all(type(op) is prognos.Operation for op in listed)
    assert prognos.op("op 7") == listed[7] and prognos.op("op 7").handle == listed[7].handle


def test_the_process_and_the_library_tell_of_themselves():
    prognos.start(track="cpu,memory")
    call(prognos.op("parse"))
    process = prognos.process()
    assert process.threads >= 1 and process.open_fds > 0 and process.uptime_ns > 0
    capabilities = prognos.capabilities()
    assert capabilities.track == ("cpu", "memory") and capabilities.track_unavailable == ()
    assert capabilities.recording_path is None and capabilities.time_source_reason
    assert prognos.diagnostics().recording_bytes > 0
    prognos.op("parse").end()
    assert prognos.diagnostics().unbalanced_ends == 1


def test_health_names_the_operation_to_blame():
    prognos.start(collect_interval_ms=10)
    pay, browse = prognos.op("pay"), prognos.op("browse")
    pay.objective(success=0.999)

    def work_on():
        for number in range(50):
            with pay:
                if number % 2:
                    pay.fail("timeout")
            call(browse)

    health = after(work_on, prognos.health, lambda health: health.op is not None)
    assert health.op == pay and health.score < 80 and health.reason
    assert health.to_dict()["op"] == "pay"
    assert pay.health().errors < 80 and browse.health().errors == 100


def test_no_crash_in_sight_is_infinity_and_null_in_json():
    prognos.start(collect_interval_ms=10)
    crash = after(lambda: call(prognos.op("parse"), 100), prognos.crash)
    assert crash.kind == "none" and crash.op is None
    assert math.isinf(crash.minutes_to_failure)
    assert crash.to_dict()["minutes_to_failure"] is None
    assert all(resource.resource for resource in prognos.resources())


def test_durations_follow_the_work():
    sort = prognos.op("sort")
    with pytest.raises(prognos.NotEnoughData):
        sort.predict(5)
    for size in [1000, 2000, 4000, 8000, 16000] * 6:
        with sort:
            prognos.work(size)
            sum(range(size * 10))
    small, big = sort.predict(1000), sort.predict(16000)
    assert 0 < small.low_ns <= small.estimate_ns <= small.high_ns
    assert big.estimate_ns > 2 * small.estimate_ns
    assert small.complexity != "unknown" and small.work == 1000
    fails_with("invalid_state", sort.time_left)
    with sort:
        assert sort.time_left().elapsed_ns > 0
    for bad in (-1, 2**64):
        with pytest.raises(ValueError, match="expected 0 to"):
            sort.predict(bad)


def test_a_session_tells_what_was_done_for_it():
    parse, ann = prognos.op("parse"), prognos.session("ann")
    with ann:
        call(parse, 4)
    call(parse, 3)
    stats = ann.read()
    assert (stats.count, stats.name, stats.is_open) == (4, "ann", True)
    ann.close()
    assert ann.read().is_open is False
    with pytest.raises(prognos.NotEnoughData):
        ann.health()


def test_limits_and_objectives_refuse_nonsense():
    parse = prognos.op("parse")
    for bad in (-0.1, math.nan, math.inf, 1e12):
        with pytest.raises(ValueError, match="latency is"):
            parse.objective(latency=bad)
    fails_with("invalid_argument", parse.objective, 0.1, 1.0)
    parse.objective(latency=0.05, success=0.99)
    parse.objective(success=0)
    prognos.limit("fds", warn=800, critical=950)
    prognos.limit("fds")
    with pytest.raises(ValueError, match="expected one of"):
        prognos.limit("descriptors", 1)


def test_trends_and_load_say_when_there_is_too_little():
    prognos.start()
    parse = prognos.op("parse")
    call(parse, 10)
    too_little = (
        lambda: parse.trend("wall_p95", "minute"),
        lambda: prognos.trend("memory"),
        prognos.peak,
        prognos.scalability,
        prognos.productivity,
        prognos.experiment_read,
    )
    for ask in too_little:
        text = fails_with("not_enough_data", ask)
        assert len(text) > 20, text
    assert prognos.anomalies() == [] and prognos.suggestions() == []


def test_suggestions_tell_what_to_change(tmp_path):
    prognos.start(track=["cpu", "io"])
    path = tmp_path / "data"
    path.write_bytes(b"x" * 200_000)
    read_all = prognos.op("read_all")
    with read_all, open(path, "rb", buffering=0) as file:
        while file.read(10):
            pass
    found = prognos.suggestions()
    assert found and found[0].op == read_all and found[0].kind == "buffer_reads"
    assert found[0].text and found[0].reason and found[0].impact in ("low", "medium", "high")


def test_bottlenecks_name_what_limits_progress():
    prognos.start(collect_interval_ms=10)
    request, heavy, light = (prognos.op(name) for name in ("request", "heavy", "light"))

    def work_on():
        with request:
            with heavy:
                sum(range(20_000))
            with light:
                pass

    found = after(work_on, prognos.bottlenecks, bool)
    assert found[0].op == heavy and found[0].progress == request
    assert found[0].method == "model" and found[0].to_dict()["op"] == "heavy"


def test_more_answers_than_there_is_room_for_are_all_read():
    from prognos import _library

    prognos.start()
    for metric in ("threads", "fds", "memory"):
        prognos.limit(metric, warn=0.5)
    prognos.assess()
    alerts = prognos.alerts()
    assert {alert.metric for alert in alerts} == {"threads", "fds", "memory"}
    assert {(alert.severity, alert.previous) for alert in alerts} == {("warn", "ok")}
    read_alerts = _library.library.prognos_alerts_read
    assert _library.read_all(prognos.Alert, read_alerts, capacity=1) == alerts


def test_experiments_run_and_end():
    request = prognos.op("request")
    fails_with("not_started", prognos.experiment, request, 1)
    fails_with("not_started", prognos.experiment_stop)
    with pytest.raises(TypeError, match="'request'; expected an operation"):
        prognos.experiment("request")
    with pytest.raises(ValueError, match="seconds is 0; expected 1 to 3600"):
        prognos.experiment(request, 0)
    prognos.start()
    prognos.experiment(request, 0.5)
    fails_with("already_started", prognos.experiment, request)
    running = prognos.experiment_read()
    assert running.state == "running" and running.progress == request
    prognos.experiment_stop()
    assert prognos.experiment_read().state == "stopped"
