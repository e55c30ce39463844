# SPDX-License-Identifier: Apache-2.0
"""docs/profile.schema.json describes what is rendered."""

import json
import signal
import time

import prognos as p
import pytest

jsonschema = pytest.importorskip("jsonschema")

SCHEMA = p.ROOT / "docs" / "profile.schema.json"


@pytest.fixture(scope="module")
def validator():
    assert SCHEMA.exists(), f"{SCHEMA} is missing"
    schema = json.loads(SCHEMA.read_text())
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def errors(validator, profile):
    return [f"{list(e.absolute_path)}: {e.message}" for e in validator.iter_errors(profile)]


def record():
    outer, inner = p.op("outer"), p.op("größer")
    for index in range(50):
        p.begin(outer)
        p.call(inner, 2)
        p.work(index)
        p.fail(b"kind" if index % 2 else None)
        p.end(outer)
    p.end(inner)
    p.begin(outer)


def test_an_empty_profile_is_valid(validator):
    assert errors(validator, p.profile()) == []


def test_a_profile_is_valid(validator):
    record()
    assert errors(validator, p.profile()) == []


def test_what_was_concluded_is_valid(validator):
    assert p.lib.prognos_start(None, 0) == p.OK
    record()
    assert p.lib.prognos_assess() == p.OK
    found = p.profile()
    assert found["assessment"]["health"] is not None
    assert errors(validator, found) == []


def test_a_profile_with_a_crash_is_valid(validator, monkeypatch):
    monkeypatch.setenv("PROGNOS_CRASH_NOTES", "1")
    signal.signal(signal.SIGTRAP, lambda *_: None)
    assert p.lib.prognos_start(None, 0) == p.OK
    p.begin(p.op("crashes"))
    signal.raise_signal(signal.SIGTRAP)
    found = p.profile()
    assert len(found["crash"]["notes"]) == 1
    assert errors(validator, found) == []


def test_a_profile_with_io_is_valid(validator, monkeypatch, tmp_path):
    monkeypatch.setenv("PROGNOS_TRACK", "io")
    assert p.lib.prognos_start(None, 0) == p.OK
    p.begin(p.op("writes"))
    (tmp_path / "file").write_bytes(b"x" * 5000)
    p.end(p.op("writes"))
    (tmp_path / "file").read_bytes()
    found = p.profile()
    assert found["operations"][0]["io"]["kinds"]["file"]["written_bytes"] == 5000
    assert found["outside_io"]["kinds"]["file"]["read_bytes"] == 5000
    assert errors(validator, found) == []


def test_a_profile_with_an_experiment_is_valid(validator):
    assert p.lib.prognos_start(None, 0) == p.OK
    cycle, part = p.op("cycle"), p.op("part")
    assert p.lib.prognos_experiment_start(cycle, 2) == p.OK
    end = time.monotonic() + 2.2
    while time.monotonic() < end:
        p.begin(cycle)
        p.begin(part)
        time.sleep(0.001)
        p.end(part)
        p.end(cycle)
    found = p.profile()
    assert found["experiment"]["progress"] == "cycle"
    assert found["experiment"]["rounds"] > 0
    assert [one["operation"] for one in found["experiment"]["gains"]].count("part") == 1
    assert errors(validator, found) == []


def test_a_full_recording_is_valid(validator, monkeypatch):
    monkeypatch.setenv("PROGNOS_MEMORY_LIMIT_BYTES", "1048576")
    handles = [p.op(f"op {index}") for index in range(100)]
    for outer in handles:
        p.begin(outer)
        for inner in handles:
            p.call(inner)
        p.end(outer)
    found = p.profile()
    assert found["diagnostics"]["untracked_paths"] > 0
    assert errors(validator, found) == []


def without(profile, *path):
    changed = json.loads(json.dumps(profile))
    at = changed
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return changed


def test_what_is_missing_is_noticed(validator):
    record()
    found = p.profile()
    for key in found:
        assert errors(validator, without(found, key)), key
    for path in [
        ("operations", 0, "count"),
        ("call_tree", 0, "caller"),
        ("process", "pid"),
    ]:
        assert errors(validator, without(found, *path)), path


def test_every_field_is_described(validator):
    """The schema names each field that is rendered, so that none is added in passing."""
    record()
    found = p.profile()
    text = SCHEMA.read_text()
    sections = [found, found["process"], found["capabilities"], found["diagnostics"]]
    for section in [*sections, found["operations"][0], found["call_tree"][0]]:
        for key in section:
            assert f'"{key}"' in text, key


def test_a_profile_with_sessions_and_spans_is_valid(validator):
    for name in (b"one", b"other"):
        session = p.lib.prognos_session_open(name)
        assert p.lib.prognos_session_enter(session) == p.OK
        record()
    span = p.lib.prognos_span_begin(p.op("request"))
    assert p.lib.prognos_span_enter(span) == p.OK
    assert errors(validator, p.profile()) == []
