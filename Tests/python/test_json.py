# SPDX-License-Identifier: Apache-2.0
"""The JSON profile: it agrees with the ABI, with itself, and loads whatever was recorded."""

import ctypes
import json

import prognos as p
import pytest

OPERATION_KEYS = (
    "id name count active failed abandoned wall_ns wall_min_ns wall_max_ns wall_p50_ns "
    "wall_p95_ns wall_p99_ns self_wall_ns cpu_ns self_cpu_ns blocked_ns allocated_bytes "
    "allocations freed_bytes live_bytes read_bytes written_bytes io_calls io_wait_ns "
    "sequential_ratio voluntary_switches involuntary_switches page_faults work rate_per_s "
    "errors_per_min frees self_allocated_bytes self_live_bytes lock_waits lock_wait_ns "
    "signal_wait_ns failures wall_histogram_ns"
).split()


def record():
    outer, inner = p.op("outer"), p.op("inner")
    for index in range(100):
        p.begin(outer)
        p.work(index)
        p.call(inner, 2)
        if index % 10 == 0:
            p.fail(b"timeout" if index else b"refused")
        p.end(outer)
    p.call(inner, 5)


def test_the_shape_is_fixed():
    record()
    found = p.profile()
    sections = (
        "format format_version library process capabilities diagnostics operations durations "
        "call_tree outside_memory modules frames call_sites sessions"
    )
    assert list(found) == sections.split()
    assert found["format"] == "prognos-profile"
    assert found["format_version"] == 1
    assert list(found["operations"][0]) == OPERATION_KEYS
    path = ["caller", "depth", "operation", *OPERATION_KEYS[1:-1]]
    assert list(found["call_tree"][0]) == path


def test_windows_come_with_a_start():
    record()
    assert "windows" not in p.profile()
    assert p.lib.prognos_start(None, 0) == p.OK
    record()
    found = p.profile()
    assert list(found).index("windows") == list(found).index("operations") + 1
    assert list(found["windows"]) == ["last_minute", "last_5_minutes", "last_hour"]
    for window in found["windows"].values():
        assert list(window) == ["window_ns", "process", "trends", "operations"]
        assert list(window["process"]) == list(found["process"])[5:]
        assert [one["name"] for one in window["operations"]] == ["outer", "inner"]
        for one, all_of_it in zip(window["operations"], found["operations"], strict=True):
            assert list(one)[:5] == ["id", "name", "count", "failed", "abandoned"]
            assert one["count"] == all_of_it["count"]
            assert one["wall_ns"] == pytest.approx(all_of_it["wall_ns"], abs=2)


def test_what_was_concluded_comes_with_a_start():
    record()
    assert "assessment" not in p.profile()
    assert p.lib.prognos_start(None, 0) == p.OK
    record()
    assert p.lib.prognos_assess() == p.OK
    found = p.profile()
    assert list(found).index("assessment") == list(found).index("operations") - 1
    concluded = found["assessment"]
    sections = "health crash peak scalability productivity resources leaks anomalies alerts"
    sections += " bottlenecks operations"
    assert list(concluded) == sections.split()
    parts = "score latency errors saturation memory stability confidence samples"
    assert list(concluded["health"]) == [*parts.split(), "operation", "name", "reason"]
    assert 0 <= concluded["health"]["score"] <= 100
    assert concluded["health"]["reason"]


def test_it_says_what_the_abi_says():
    record()
    for one in p.profile()["operations"]:
        stats = p.stats(one["id"])
        for key in (
            "count",
            "active",
            "failed",
            "abandoned",
            "work",
            "voluntary_switches",
        ):
            assert one[key] == getattr(stats, key), key
        for key in ("wall_ns", "wall_max_ns", "self_wall_ns", "cpu_ns", "self_cpu_ns"):
            assert one[key] == pytest.approx(getattr(stats, key), rel=1e-2, abs=10), key


def test_the_call_tree_adds_up_to_the_operations():
    record()
    found = p.profile()
    tree = found["call_tree"]
    for one in found["operations"]:
        paths = [path for path in tree if path["operation"] == one["id"]]
        for key in ("count", "failed", "work", "active"):
            assert sum(path[key] for path in paths) == one[key]
        for key in ("wall_ns", "self_wall_ns", "cpu_ns"):
            assert sum(path[key] for path in paths) == pytest.approx(one[key], abs=len(paths) + 1)
    assert [(path["caller"], path["depth"], path["name"]) for path in tree] == [
        (None, 0, "outer"),
        (0, 1, "inner"),
        (None, 0, "inner"),
    ]
    for path in tree:
        inside = sum(each["wall_ns"] for each in tree if each["caller"] == tree.index(path))
        assert path["self_wall_ns"] == pytest.approx(path["wall_ns"] - inside, abs=2)


def test_failures_are_counted_by_kind():
    record()
    assert p.operation("outer")["failures"] == {"timeout": 9, "refused": 1}
    assert p.operation("inner")["failures"] == {}


def test_histograms_hold_every_call():
    record()
    for one in p.profile()["operations"]:
        buckets = one["wall_histogram_ns"]
        assert sum(count for _, _, count in buckets) == one["count"]
        for (_, end, _), (start, _, _) in zip(buckets, buckets[1:]):
            assert end <= start
        assert buckets[0][0] <= one["wall_min_ns"] + 1
        assert buckets[-1][1] + 1 >= one["wall_max_ns"]


def test_kinds_beyond_the_table_do_not_meet_a_kind_called_other():
    handle = p.op("op")
    for kind in [b"other", b"", *(b"kind-%d" % i for i in range(300)), b"other"]:
        p.begin(handle)
        p.fail(kind)
        p.end(handle)
    failures = p.operation("op")["failures"]  # refuses a key that comes twice
    assert sum(failures.values()) == 303


def test_deep_recursion_loads():
    handle = p.op("recursion")
    for _ in range(10_000):
        p.begin(handle)
    p.profile()
    for _ in range(10_000):
        p.end(handle)
    found = p.profile()
    deepest = found["capabilities"]["max_depth"]
    assert found["operations"][0]["count"] == deepest
    assert found["diagnostics"]["too_deep"] == 10_000 - deepest
    assert max(path["depth"] for path in found["call_tree"]) == deepest - 1


def test_nothing_recorded_is_a_profile():
    found = p.profile()
    assert found["operations"] == []
    assert found["call_tree"] == []


def test_many_operations_are_a_profile():
    for index in range(3000):
        p.call(p.op(f"op {index}"))
    found = p.profile()
    assert [one["name"] for one in found["operations"]] == [f"op {index}" for index in range(3000)]
    assert all(one["count"] == 1 for one in found["operations"])


def set_program_name(name):
    """The name that the kernel keeps: 15 bytes, wherever that cuts."""
    pr_set_name = 15
    assert ctypes.CDLL(None).prctl(pr_set_name, name, 0, 0, 0) == 0


@pytest.mark.parametrize("name", ['a "b" \\c', "ééééééééé", "\x1b[31m", "\ud800"])
def test_a_program_of_any_name_is_described(name):
    set_program_name(name.encode("utf-8", "surrogatepass"))
    p.call(p.op("op"))
    assert p.profile()["process"]["command"]


def test_large_numbers_come_back():
    handle = p.op("op")
    p.begin(handle)
    p.work(2**64 - 1)
    p.end(handle)
    assert p.operation("op")["work"] == 2**64 - 1


def test_open_calls_are_active():
    handle = p.op("op")
    p.begin(handle)
    found = p.operation("op")
    assert (found["count"], found["active"], found["wall_ns"]) == (0, 1, 0)
    assert json.loads(p.render(p.JSON))["call_tree"][0]["active"] == 1


SESSION_KEYS = (
    "session count active failed wall_ns wall_min_ns wall_max_ns wall_p50_ns wall_p95_ns "
    "wall_p99_ns cpu_ns work threads_now opened_unix_ns last_unix_ns rate_per_s errors_per_min "
    "is_open name"
).split()


def test_sessions_are_listed_by_the_time_they_took():
    handle = p.op("op")
    names = ["ada", 'grace "\\" größer', "idle"]
    sessions = [p.lib.prognos_session_open(name.encode()) for name in names]
    for session, calls in zip(sessions, (1, 1000, 0)):
        assert p.lib.prognos_session_enter(session) == p.OK
        p.call(handle, calls)
        assert p.lib.prognos_session_leave(session) == p.OK
    assert p.lib.prognos_session_close(sessions[2]) == p.OK
    found = p.profile()["sessions"]
    keys = (
        "open opened forgotten forgotten_count forgotten_failed forgotten_wall_ns "
        "forgotten_cpu_ns most_time"
    )
    assert list(found) == keys.split()
    assert (found["open"], found["opened"], found["forgotten"]) == (2, 3, 0)
    assert [each["name"] for each in found["most_time"]] == [names[1], names[0], names[2]]
    assert [each["count"] for each in found["most_time"]] == [1000, 1, 0]
    assert [each["is_open"] for each in found["most_time"]] == [1, 1, 0]
    assert list(found["most_time"][0]) == SESSION_KEYS
    assert found["most_time"][0]["session"] == sessions[1]


def test_open_spans_are_active_operations():
    handle = p.op("request")
    spans = [p.lib.prognos_span_begin(handle) for _ in range(3)]
    assert p.lib.prognos_span_end(spans[0]) == p.OK
    found = p.profile()
    assert found["process"]["open_spans"] == 2
    assert found["process"]["active_operations"] == 2
    assert p.operation("request", found)["active"] == 2
    assert p.operation("request", found)["count"] == 1
