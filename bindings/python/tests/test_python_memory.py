# SPDX-License-Identifier: Apache-2.0
"""Memory of Python's own allocator, and Python frames in call stacks."""

import ctypes
import sys
import threading
import time

import prognos
import pytest


def test_small_objects_count_exactly_and_arenas_do_not():
    prognos.start(track="cpu,memory", heap_sample_bytes=4096)
    with prognos.op("warm up"):
        [object() for _ in range(200_000)]
    make = prognos.op("make")
    count = 50_000
    kept = [None] * count
    with make:
        for i in range(count):
            kept[i] = bytes(100)
    # bytes of 100: a header of 33, in steps of 16; and an int of the loop, 28
    truth = count * 144
    stats = make.read()
    assert truth <= stats.allocated_bytes <= truth + count * 32 + 5000
    assert count <= stats.allocations <= 2 * count + 100
    assert 0.7 * truth <= stats.live_bytes <= 1.4 * truth
    freed = prognos.op("free")
    with freed:
        del kept
    assert 0.7 * truth <= freed.read().freed_bytes <= 1.4 * truth
    assert make.read().live_bytes < 0.2 * truth


def test_nothing_is_counted_twice_where_blocks_are_large():
    prognos.start(track="cpu,memory", heap_sample_bytes=4096)
    large = prognos.op("large")
    with large:
        for _ in range(1000):
            bytearray(20_000)
    stats = large.read()
    assert 20_000_000 <= stats.allocated_bytes <= 20_500_000
    assert abs(stats.allocated_bytes - stats.freed_bytes) < 300_000


def test_nothing_is_suggested_for_the_objects_that_a_language_makes_by_itself():
    prognos.start()
    work = prognos.op("work")

    @work
    def squares():
        bytes(100_000)
        return sum(i * i for i in range(100_000)), [bytes(2000) for _ in range(10_000)]

    for _ in range(20):
        squares()
    assert work.read().allocations > 1_000_000
    assert prognos.suggestions() == []


def test_python_and_native_frames_stand_in_one_stack():
    prognos.start(sample_hz=997)
    outer = prognos.op("outer")
    callback_type = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)

    def spin():
        end = time.thread_time() + 0.4
        while time.thread_time() < end:
            sum(range(100))
        return 0

    done = []

    def compare(_a, _b):
        if not done:
            done.append(1)
            spin()
        return 0

    numbers = (ctypes.c_int * 8)(*range(8, 0, -1))
    with outer:
        ctypes.CDLL(None).qsort(numbers, 8, 4, callback_type(compare))
    stacks = [
        line.rpartition(" ")[0].split(";")
        for line in prognos.render("folded").splitlines()
        if line.startswith("outer;")
    ]
    names = [[frame.rpartition(".")[2] for frame in stack] for stack in stacks]
    found = [each for each in names if "spin" in each]
    assert found, stacks
    order = [found[0].index(name) for name in ("qsort", "compare", "spin") if name in found[0]]
    assert order == sorted(order) and len(order) >= 2
    assert not any("_PyEval_EvalFrameDefault" in each for each in found[0])


def test_names_that_are_no_ascii_and_code_that_is_gone():
    prognos.start(sample_hz=997)
    source = "def {0}():\n    end = t() + 0.2\n    while t() < end: sum(range(100))\n"
    for name in ("größe", "数える", "plain"):
        names = {"t": time.thread_time}
        exec(compile(source.format(name), "made.py", "exec"), names)
        with prognos.op("made"):
            names[name]()
    folded = prognos.render("folded")
    for name in ("größe", "数える", "plain"):
        assert name in folded


def test_samples_of_threads_that_come_and_go():
    prognos.start(sample_hz=997)
    work = prognos.op("work")

    @work
    def busy():
        end = time.thread_time() + 0.01
        while time.thread_time() < end:
            sum(range(1000))

    for _ in range(10):
        threads = [threading.Thread(target=busy) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert work.read().count == 80
    assert "busy" in prognos.render("folded")


@pytest.mark.skipif(
    sys.version_info >= (3, 14), reason="the sizes of objects are those of 3.10 to 3.13"
)
def test_memory_is_the_operations_that_allocate_it():
    prognos.start(track="cpu,memory")
    one, other = prognos.op("one"), prognos.op("other")

    @one
    def grow(n):
        return [bytes(100) for _ in range(n)]

    @other
    def nothing():
        pass

    grow(1000)
    nothing()
    assert one.read().allocated_bytes >= 1000 * 144
    assert other.read().allocated_bytes < 5000
