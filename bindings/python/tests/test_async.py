# SPDX-License-Identifier: Apache-2.0
"""Coroutines and generators of all kinds: each run is one call, however it ends."""

import asyncio
import collections.abc
import gc
import inspect
import sys
import types
import warnings

import prognos
import pytest


def counts(name):
    stats = prognos.op(name).read()
    return stats.count, stats.failed, stats.abandoned, stats.active


def failures(name):
    return next(e for e in prognos.profile()["operations"] if e["name"] == name)["failures"]


def test_kinds_are_told_by_inspect_and_asyncio():
    from decorated import agen, co, gen

    assert inspect.iscoroutinefunction(co) and not inspect.iscoroutinefunction(gen)
    assert inspect.isgeneratorfunction(gen) and inspect.isasyncgenfunction(agen)
    if sys.version_info < (3, 14):
        assert asyncio.iscoroutinefunction(co)
    assert co.__doc__ == "Waits." and str(inspect.signature(co)) == "(n, wait=0.001)"
    coroutine, generator, asynchronous = co(1), gen(1), agen(1)
    assert inspect.iscoroutine(coroutine) and asyncio.iscoroutine(coroutine)
    assert inspect.isawaitable(coroutine) and isinstance(coroutine, collections.abc.Coroutine)
    assert coroutine.cr_code.co_name == coroutine.__name__ == "co"
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    assert inspect.isgenerator(generator) and isinstance(generator, collections.abc.Generator)
    assert inspect.getgeneratorstate(generator) == inspect.GEN_CREATED
    assert inspect.isasyncgen(asynchronous)
    assert isinstance(asynchronous, collections.abc.AsyncGenerator)
    coroutine.close()
    assert counts("co") == (0, 0, 0, 0)  # what never ran is no call


def test_a_coroutine_is_one_call_with_its_result():
    from decorated import co

    async def main():
        assert await co(7) == 7
        assert await asyncio.gather(*(co(i) for i in range(10))) == list(range(10))
        assert await asyncio.create_task(co(8)) == 8
        assert await asyncio.wait_for(co(9), 5) == 9
        return await co((1, 2))

    assert asyncio.run(main()) == (1, 2)
    assert counts("co") == (14, 0, 0, 0)
    assert prognos.op("co").read().wall_min_ns >= 1_000_000
    assert asyncio.run(co(3)) == 3


def test_exceptions_and_cancellation_are_told_apart():
    from decorated import co

    @prognos.op("fails")
    async def fails():
        await asyncio.sleep(0)
        raise LookupError("x")

    async def main():
        with pytest.raises(LookupError):
            await fails()
        task = asyncio.create_task(co(1, wait=60))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        with pytest.raises((asyncio.TimeoutError, TimeoutError)):
            await asyncio.wait_for(co(1, wait=60), 0.01)

    asyncio.run(main())
    assert failures("fails") == {"LookupError": 1}
    assert failures("co") == {"cancelled": 2}


def test_a_coroutine_that_is_never_awaited_warns_as_ever():
    from decorated import co

    with pytest.warns(RuntimeWarning, match="coroutine 'co' was never awaited"):
        co(1)
        gc.collect()
    assert counts("co") == (0, 0, 0, 0)


def test_a_coroutine_that_is_dropped_while_suspended():
    @types.coroutine
    def ask():
        yield

    @prognos.op("dropped")
    async def dropped():
        await ask()

    coroutine = dropped()
    coroutine.send(None)
    assert counts("dropped") == (0, 0, 0, 1)
    del coroutine
    gc.collect()
    assert counts("dropped") == (1, 1, 0, 0) and failures("dropped") == {"abandoned": 1}


def test_coroutines_driven_by_hand():
    @types.coroutine
    def ask():
        return (yield "question")

    @prognos.op("driven")
    async def driven():
        return await ask()

    one = driven()
    assert one.send(None) == "question"
    with pytest.raises(StopIteration) as stopped:
        one.send(("a", "tuple"))
    assert stopped.value.value == ("a", "tuple")
    with pytest.raises(RuntimeError, match="cannot reuse"):
        one.send(None)
    other = driven()
    other.send(None)
    with pytest.raises(OSError, match="thrown"):
        other.throw(OSError("thrown"))
    closed = driven()
    closed.send(None)
    closed.close()
    assert counts("driven") == (3, 1, 0, 0)
    assert failures("driven") == {"OSError": 1}


def test_a_generator_is_one_call_from_its_first_to_its_last_item():
    from decorated import gen

    assert list(gen(3)) == [0, 1, 2]
    assert counts("gen") == (1, 0, 0, 0)

    def around():
        return (yield from gen(3))

    driven = around()
    assert next(driven) == 0
    with pytest.raises(StopIteration) as stopped:
        driven.send("sent")
    assert stopped.value.value == "sent"
    assert counts("gen") == (2, 0, 0, 0)
    for i in gen(10):
        if i == 3:
            break
    gc.collect()
    assert counts("gen") == (3, 0, 0, 0)  # nobody asked for more: no failure
    thrown = gen(3)
    next(thrown)
    with pytest.raises(ValueError):
        thrown.throw(ValueError)
    assert counts("gen") == (4, 1, 0, 0)
    with pytest.raises(TypeError, match="can't be used in 'await'|not awaitable"):

        async def wrong():
            await gen(1)

        asyncio.run(wrong())


def test_generator_based_coroutines_can_be_awaited():
    @prognos.op("old")
    @types.coroutine
    def old():
        yield from asyncio.sleep(0.001).__await__()
        return 5

    async def main():
        return await old()

    assert asyncio.run(main()) == 5
    assert counts("old") == (1, 0, 0, 0)


def test_asynchronous_generators():
    from decorated import agen

    @prognos.op("breaks")
    async def breaks():
        yield 1
        raise LookupError

    async def main():
        assert [i async for i in agen(3)] == [0, 1, 2]
        assert counts("agen") == (1, 0, 0, 0)
        half = agen(10)
        assert await half.__anext__() == 0 and await half.asend(None) == 1
        assert counts("agen")[3] == 1
        await half.aclose()
        assert counts("agen") == (2, 0, 0, 0)
        with pytest.raises(StopAsyncIteration):
            await half.__anext__()
        thrown = agen(2)
        await thrown.__anext__()
        with pytest.raises(OSError):
            await thrown.athrow(OSError())
        assert counts("agen") == (3, 1, 0, 0)
        with pytest.raises(LookupError):
            async for _ in breaks():
                pass
        never = agen(1)
        await never.aclose()
        async for i in agen(5):
            if i == 2:
                break

    asyncio.run(main())
    gc.collect()
    assert failures("breaks") == {"LookupError": 1}
    assert counts("agen") == (4, 1, 0, 0)


def test_a_with_block_over_an_await_is_its_own_however_tasks_interleave():
    block, quick = prognos.op("block"), prognos.op("quick")

    async def task(wait, error=None):
        with block:
            prognos.work(1)
            await asyncio.sleep(wait)
            block.work(10)
            with quick:
                pass
            if error:
                raise error
        async with block:
            await asyncio.sleep(wait)

    async def main():
        waits = [0.03, 0.01, 0.02]
        tasks = [task(wait) for wait in waits] + [task(0.005, ValueError())]
        return await asyncio.gather(*tasks, return_exceptions=True)

    assert isinstance(asyncio.run(main())[3], ValueError)
    stats = block.read()
    assert (stats.count, stats.failed, stats.abandoned, stats.active) == (7, 1, 0, 0)
    assert stats.wall_ns >= 2 * 60_000_000 and stats.work == 44
    assert counts("quick") == (4, 0, 0, 0)
    assert prognos.diagnostics().unbalanced_ends == 0


def test_a_with_block_without_an_await_has_its_memory_wherever_it_is():
    """In a plain coroutine nobody tells when it is suspended: such a block need not know."""
    names = ("simple", "nested", "handled", "in_loop", "in_generator")
    simple, nested, handled, in_loop, in_generator = (prognos.op(name) for name in names)

    async def plain():
        for _ in range(2):  # the first time in each block, prognos looks at it
            with simple:
                bytes(500_000)
        await asyncio.sleep(0)
        try:
            for _ in range(2):
                with in_loop:
                    bytes(1_000_000)
                with nested:
                    with nested:
                        bytes(500_000)
                await asyncio.sleep(0)
        finally:
            with handled:
                try:
                    bytes(1_000_000)
                except ValueError:
                    pass
            await asyncio.sleep(0)

    def generator():
        for _ in range(2):
            with in_generator:
                bytes(1_000_000)
            yield

    prognos.start(track="cpu,memory")
    asyncio.run(plain())
    list(generator())
    for name, calls, size in zip(names, (2, 4, 1, 2, 2), (2, 2, 2, 4, 4), strict=True):
        stats = prognos.op(name).read()
        assert stats.count == calls, name
        # Half a megabyte each, and what the look at a block takes.
        assert size * 500_000 <= stats.allocated_bytes <= size * 500_000 + 900_000, name


def test_with_blocks_in_decorated_coroutines_are_suspended_with_them():
    block = prognos.op("block")

    async def inner(wait):
        with block:
            bytes(1_000_000)
            await asyncio.sleep(wait)

    @prognos.op("outer")
    async def outer(wait):
        await inner(wait)

    async def noise():
        for _ in range(50):
            bytes(10_000_000)
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(*(outer(0.01) for _ in range(5)), noise())

    prognos.start(track="cpu,memory")
    asyncio.run(main())
    allocated = block.read().allocated_bytes
    assert 5_000_000 <= allocated < 6_000_000
    assert 5_000_000 <= prognos.op("outer").read().allocated_bytes < 6_000_000
    assert counts("block") == (5, 0, 0, 0)


def test_generators_in_with_blocks_and_with_blocks_in_generators():
    block, after = prognos.op("block"), prognos.op("after")

    def items():
        with block:
            yield 1
            yield 2
        with after:
            pass

    first, second = items(), items()
    assert next(first) == next(second) == 1
    assert list(first) == [2]
    second.close()
    assert counts("block") == (2, 0, 0, 0) and counts("after") == (1, 0, 0, 0)


def test_every_task_of_a_loop_can_be_an_operation():
    from decorated import co

    async def child(n):
        await asyncio.sleep(0.001)
        return n

    async def main():
        prognos.trace_tasks(name=lambda coroutine: f"task {coroutine.__name__}")
        tasks = [asyncio.create_task(child(i)) for i in range(5)]
        tasks.append(asyncio.create_task(co(6), name="named"))
        assert tasks[-1].get_name() == "named"
        assert tasks[0].get_coro().__name__ == "child"
        return [await task for task in tasks]

    assert asyncio.run(main()) == [0, 1, 2, 3, 4, 6]
    assert counts("task child") == (5, 0, 0, 0) and counts("co") == (1, 0, 0, 0)


def test_a_thousand_tasks_each_have_their_own_memory_and_wall_time():
    """Interleaved: each allocates its own amount, piece by piece between awaits."""
    operations = [prognos.op(f"task {i}") for i in range(1000)]

    def made(operation, i):
        @operation
        async def run():
            for _ in range(5):
                bytes(100_000 + 500 * i)
                await asyncio.sleep(0.001 * (i % 7))

        return run()

    async def main():
        await asyncio.gather(*(made(operation, i) for i, operation in enumerate(operations)))

    prognos.start(track="cpu,memory,io")
    asyncio.run(main())
    for i, operation in enumerate(operations):
        stats = operation.read()
        truth = 5 * (100_000 + 500 * i)
        assert (stats.count, stats.abandoned) == (1, 0)
        # What asyncio makes for five sleeps is the task's, too.
        assert truth <= stats.allocated_bytes <= truth * 1.02 + 10_000
        assert stats.wall_ns >= 5 * (i % 7) * 1_000_000
        assert stats.cpu_ns <= stats.wall_ns


def test_recursion_through_await_and_yield_from():
    @prognos.op("down")
    async def down(n):
        return 0 if n == 0 else 1 + await down(n - 1)

    @prognos.op("tree")
    def tree(n):
        yield n
        if n:
            yield from tree(n - 1)

    assert asyncio.run(down(100)) == 100
    assert list(tree(50)) == list(range(50, -1, -1))
    assert counts("down") == (101, 0, 0, 0) and counts("tree") == (51, 0, 0, 0)


def test_a_generator_that_is_running_says_so():
    @prognos.op("self")
    def inside():
        yield next(me)

    me = inside()
    with pytest.raises(ValueError, match="already executing"):
        next(me)
    assert counts("self") == (1, 1, 0, 0)


def test_nothing_is_left_behind():
    import weakref

    class Kept:
        pass

    @prognos.op("keeps")
    async def keeps(kept):
        with prognos.op("inner"):
            await asyncio.sleep(0)
        return kept

    kept = Kept()
    gone = weakref.ref(kept)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(keeps(kept))
        del kept
        gc.collect()
    assert gone() is None


def test_coroutines_of_the_old_kind_await_decorated_ones():
    @prognos.op("new")
    async def new():
        await asyncio.sleep(0.001)
        return 7

    @types.coroutine
    def old():
        return (yield from new())

    def generator():
        yield from waiting

    async def main():
        return await old()

    assert asyncio.run(main()) == 7
    waiting = new()
    for iterate in (iter, list, lambda coroutine: next(generator())):
        with pytest.raises(TypeError, match="coroutine"):
            iterate(waiting)
    assert not isinstance(waiting, collections.abc.Iterable) and not hasattr(waiting, "__iter__")
    waiting.close()
