# SPDX-License-Identifier: Apache-2.0
"""A recording that is read by docs/recording.md alone says what the library says of it."""

import json
import struct
import subprocess
from pathlib import Path

import pytest
from conftest import compiled
from recording_layout import Recording


@pytest.fixture(scope="module")
def left(tmp_path_factory, library):
    """The recording, and what the library made of it."""
    place = tmp_path_factory.mktemp("layout")
    host = compiled("Tests/abi/layout_host.c", place)
    live = Path(f"/dev/shm/prognos-test-layout-{place.stat().st_ino}.prognos")
    try:
        subprocess.run([host, live, place / "profile", place / "trace"], check=True, timeout=120)
        recording = Recording(live)
    finally:
        live.unlink(missing_ok=True)
    return (
        recording,
        json.loads((place / "profile").read_text(encoding="utf-8")),
        json.loads((place / "trace").read_text(encoding="utf-8")),
    )


def test_operations(left):
    recording, profile, _ = left
    assert recording.state == 2
    assert recording.process_id == profile["process"]["pid"]
    operations = {one["name"]: one for one in profile["operations"]}
    assert set(recording.operation_names().values()) == set(operations)
    counts, failed, ticks = recording.counts(), recording.failed(), recording.wall_ticks()
    for name, one in operations.items():
        assert counts.get(name, 0) == one["count"], name
        assert failed.get(name, 0) == one["failed"], name
    assert operations["request"]["count"] == 200 and operations["parse"]["failed"] == 66
    # The library may have measured the counter's rate more exactly meanwhile.
    rate = recording.f64(128)
    assert ticks["request"] * rate == pytest.approx(operations["request"]["wall_ns"], rel=0.01)


def test_memory_and_io(left):
    recording, profile, _ = left
    operations = {one["name"]: one for one in profile["operations"]}
    memory, io = recording.allocations(), recording.transfers()
    for name in ("parse", "task"):  # call nothing: their own is all
        one = operations[name]
        assert memory[name] == (one["allocated_bytes"], one["allocations"]), name
    assert memory["parse"][1] == 200
    store = operations["store größe"]
    assert io["store größe"] == (200, 200 * 64, 200, 200 * 64)
    assert (store["read_bytes"], store["written_bytes"]) == (200 * 64, 200 * 64)


def test_paths(left):
    recording, profile, _ = left
    found, paths = {}, []
    for node in profile["call_tree"]:
        caller = node["caller"]
        name = next(o["name"] for o in profile["operations"] if o["id"] == node["operation"])
        paths.append(name if caller is None else f"{paths[caller]}>{name}")
        found[paths[-1]] = node["count"]
    ours = {path: count for path, count in recording.paths().items() if count}
    assert ours == {path: count for path, count in found.items() if count}
    assert ours[">".join(["deep"] * 100)] == 1


def test_spans_and_sessions(left):
    recording, profile, _ = left
    assert recording.open_spans() == ["task"] * 350
    assert profile["process"]["open_spans"] == 350
    told = {
        one["name"]: (one["is_open"] == 1, one["count"], one["failed"])
        for one in profile["sessions"]["most_time"]
    }
    assert {name: row[:3] for name, row in recording.sessions().items()} == told
    assert told["first user"][:2] == (True, 100) and told["second größe"][:2] == (False, 100)


def test_the_assessment(left):
    recording, profile, _ = left
    (health,) = recording.answers(0, 312)
    told = profile["assessment"]["health"]
    names = ("score", "latency", "errors", "saturation", "memory", "stability", "confidence")
    assert struct.unpack_from("<7d", health) == pytest.approx([told[name] for name in names])
    reason = health[72:].split(b"\0")[0].decode()
    assert reason == told["reason"]
    resources = recording.answers(2, 144)
    assert len(resources) == len(profile["assessment"]["resources"])


def test_the_timeline(left):
    recording, _, trace = left
    begins, spans = 0, 0
    for lane in recording.lanes():
        events = recording.events(lane)
        assert [time for _, time, _ in events] == sorted(time for _, time, _ in events)
        begins += sum(kind == 1 for kind, _, _ in events)
        spans += sum(kind == 4 for kind, _, _ in events)
    calls = [one["cat"] for one in trace["traceEvents"] if one["ph"] == "X" and "cat" in one]
    assert calls.count("operation") == begins == 200 * 3 + 100
    assert calls.count("span") == spans == 700
