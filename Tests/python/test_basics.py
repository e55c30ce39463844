# SPDX-License-Identifier: Apache-2.0
"""The library from Python: operations, errors, threads, processes."""

import multiprocessing
import os
import re
import threading

import prognos as p
import pytest


def test_the_version_is_the_headers():
    header = (p.ROOT / "include" / "prognos" / "status.h").read_text()
    parts = re.findall(r"^#define PROGNOS_VERSION_\w+ (\d+)$", header, flags=re.M)
    assert p.lib.prognos_version().decode() == ".".join(parts)


def test_calls_are_counted():
    outer, inner = p.op("outer"), p.op("inner")
    for _ in range(10):
        p.begin(outer)
        p.call(inner, 3)
        p.work(5)
        p.end(outer)
    assert p.stats(outer).count == 10
    assert p.stats(inner).count == 30
    assert p.stats(outer).work == 50
    assert p.stats(outer).self_wall_ns + p.stats(inner).wall_ns == pytest.approx(
        p.stats(outer).wall_ns, rel=1e-3
    )


def test_names_are_unicode():
    names = ["größe", "解析", "🚀 start", "a\tb\nc", 'quote " and \\', "\x01\x1f\x7f"]
    handles = [p.op(name) for name in names]
    assert [p.lib.prognos_op_name(handle).decode() for handle in handles] == names
    for handle in handles:
        p.call(handle)
    assert [one["name"] for one in p.profile()["operations"]] == names


def test_invalid_utf8_comes_out_as_python_decodes_it():
    for raw in [
        b"\xff",
        b"a\xc3",
        b"\xe2\x82",
        b"\xed\xa0\x80",
        b"\xf0\x9f\x98x",
        b"\xc0\xaf",
    ]:
        assert p.lib.prognos_op_name(p.op(raw)).decode() == raw.decode("utf-8", "replace")


def test_errors_are_sentences():
    assert p.lib.prognos_op_named(b"") == 0
    assert "prognos_op_named" in p.last_error()
    assert p.lib.prognos_op_read(77, p.TOTAL, None, 8) == p.UNKNOWN_HANDLE
    assert "77" in p.last_error()


def test_threads_are_counted_together():
    handle = p.op("op")
    threads = [threading.Thread(target=p.call, args=(handle, 5000)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert p.stats(handle).count == 40000
    assert p.profile()["diagnostics"]["threads"] == 8


def record_in_worker(times):
    """What a worker process counted, and its number."""
    before = p.stats(p.op("op")).count
    p.call(p.op("op"), times)
    found = p.profile()
    return before, p.stats(p.op("op")).count, found["process"]["pid"] == os.getpid()


def test_forked_workers_have_numbers_of_their_own():
    p.call(p.op("op"), 7)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        for before, after, has_own_pid in pool.map(record_in_worker, [100] * 20, chunksize=1):
            assert before % 100 == 0
            assert after == before + 100
            assert has_own_pid
    assert p.stats(p.op("op")).count == 7


def test_a_forked_child_may_dump(tmp_path):
    p.call(p.op("op"), 3)
    path = tmp_path / "child.json"
    worker = multiprocessing.get_context("fork").Process(
        target=lambda: (p.call(p.op("op"), 2), p.lib.prognos_dump(bytes(path), p.JSON))
    )
    worker.start()
    worker.join()
    assert worker.exitcode == 0
    assert path.exists()
    assert p.stats(p.op("op")).count == 3


def test_a_dump_is_a_file_that_everyone_can_read(tmp_path):
    path = tmp_path / "profile.json"
    p.call(p.op("op"))
    mask = os.umask(0o022)
    assert p.lib.prognos_dump(bytes(path), p.JSON) == p.OK
    os.umask(mask)
    assert path.stat().st_mode & 0o777 == 0o644
    assert os.listdir(tmp_path) == ["profile.json"]
