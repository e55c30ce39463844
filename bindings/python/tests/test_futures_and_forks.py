# SPDX-License-Identifier: Apache-2.0
"""Pools of threads and processes, forks: who is charged, and that nothing hangs."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import prognos
import pytest
from prognos.forks import Children
from prognos.futures import Traced, submit


def work(milliseconds):
    time.sleep(milliseconds / 1000)
    return milliseconds


def boom(*arguments, **keywords):
    raise KeyError("boom")


def keywords(**given):
    return given


def operations():
    return {operation["name"]: operation for operation in prognos.profile()["operations"]}


def paths():
    """The call tree as a set of names joined by "/"."""
    found, path = set(), []
    for node in prognos.profile()["call_tree"]:
        path[node["depth"] :] = [node["name"]]
        found.add("/".join(path))
    return found


def test_the_wait_in_the_queue_is_told_apart():
    with Traced(ThreadPoolExecutor(1), "work") as pool:
        futures = [pool.submit(work, 20) for _ in range(3)]
        assert [future.result() for future in futures] == [20] * 3
    found = operations()
    assert found["work"]["count"] == found["work (queued)"]["count"] == 3
    assert 60e6 <= found["work"]["wall_ns"]
    # The second waited for the first, the third for both, less what submitting took.
    assert 40e6 <= found["work (queued)"]["wall_ns"]
    assert found["work"]["wall_max_ns"] < found["work"]["wall_ns"] / 2
    assert found["work"]["active"] == found["work (queued)"]["active"] == 0


def test_the_call_tree_leads_from_the_submitter_to_the_call():
    inner = prognos.op("inner")

    @inner
    def call():
        return 7

    with ThreadPoolExecutor(2) as pool:
        with prognos.op("request"):
            futures = [submit(pool, call, operation="call") for _ in range(5)]
        assert [future.result() for future in futures] == [7] * 5
    assert paths() == {
        "request",
        "request/call (queued)",
        "request/call (queued)/call",
        "request/call (queued)/call/inner",
    }


def test_sessions_travel():
    user = prognos.session("ann")
    with Traced(ThreadPoolExecutor(2), "work", session=user) as pool:
        list(pool.map(work, [1] * 10))
    assert user.read().count == 10


def test_exceptions_and_cancelled_calls():
    with Traced(ThreadPoolExecutor(1)) as pool:
        blocked = pool.submit(time.sleep, 0.1)
        cancelled = [pool.submit(work, 1) for _ in range(3)]
        assert [future.cancel() for future in cancelled] == [True] * 3
        failed = pool.submit(boom, 1, x=2)
        with pytest.raises(KeyError):
            failed.result()
        assert blocked.done()
    found = operations()
    name = f"{__name__}.work (queued)"
    assert found[name]["failures"] == {"cancelled": 3}
    assert found[f"{__name__}.boom"]["failures"] == {"KeyError": 1}
    assert found["time.sleep"]["count"] == 1
    assert all(operation["active"] == 0 for operation in found.values())
    with pytest.raises(RuntimeError):
        pool.submit(work, 1)
    assert operations()[name]["failures"]["rejected"] == 1


def test_arguments_and_keywords_are_the_functions():
    with Traced(ThreadPoolExecutor(1)) as pool:
        given = pool.submit(keywords, operation=1, session=2, function=3).result()
    assert given == {"operation": 1, "session": 2, "function": 3}


def test_with_asyncio():
    async def main():
        loop = asyncio.get_running_loop()
        with Traced(ThreadPoolExecutor(2), "work") as pool:
            return await asyncio.gather(*(loop.run_in_executor(pool, work, 5) for _ in range(6)))

    assert asyncio.run(main()) == [5] * 6
    assert operations()["work"]["count"] == 6


def test_bad_arguments():
    with pytest.raises(TypeError, match="executor must have submit"):
        Traced(3)
    with pytest.raises(TypeError, match="operation must be an Operation or a name, not int"):
        submit(ThreadPoolExecutor(1), work, 1, operation=3)
    with pytest.raises(TypeError, match="start must be a dict"):
        Children(start=3)


METHODS = multiprocessing.get_all_start_methods()


@pytest.mark.parametrize("method", METHODS)
def test_process_pools_hand_their_profiles_back(method):
    mine = prognos.op("mine")
    with mine:
        context = multiprocessing.get_context(method)
        with Children() as children:
            pool = ProcessPoolExecutor(2, mp_context=context, initializer=children.report)
            with Traced(pool, "work") as pool:
                assert list(pool.map(work, [2] * 20)) == [2] * 20
                with pytest.raises(KeyError):
                    pool.submit(boom).result()
    found = children.operations()
    assert found["work"]["count"] == 21 and found["work"]["failed"] == 1
    assert found["work"]["wall_ns"] >= 40e6
    assert 1 <= len(children.profiles()) <= 2
    assert operations()["mine"]["count"] == 1
    # The parent's numbers are its own.
    assert operations().get("work", {"count": 0})["count"] == 0
    assert "mine" not in found or found["mine"]["count"] == 0


def _process(children, number):
    children.report()
    with prognos.op(f"process {number}"):
        pass


@pytest.mark.parametrize("method", METHODS)
def test_processes_of_multiprocessing(method, tmp_path):
    context = multiprocessing.get_context(method)
    with Children(tmp_path) as children:
        processes = [
            context.Process(target=_process, args=(children, number)) for number in range(3)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join(60)
            assert process.exitcode == 0
    assert {f"process {number}" for number in range(3)} <= set(children.operations())
    assert len(list(tmp_path.glob("*.json"))) == 3


def test_forks_report_by_themselves_and_so_do_theirs():
    script = """
import os, sys, prognos
from prognos.forks import Children
with Children(sys.argv[1]) as children:
    outer = prognos.op("outer")
    with outer:
        if os.fork() == 0:
            with prognos.op("child"):
                pass
            if os.fork() == 0:
                with prognos.op("grandchild"):
                    pass
                sys.exit()
            os.wait()
            sys.exit()
        os.wait()
print(sorted((n, o["count"]) for n, o in children.operations().items() if o["count"]))
print(outer.read().count)
"""
    with tempfile.TemporaryDirectory() as directory:
        result = _run(script, directory)
    assert result.stderr == ""
    assert result.stdout.split("\n")[:2] == ["[('child', 1), ('grandchild', 1)]", "1"]


def test_forks_under_load():
    """Threads begin and end all the time, while the process forks: as servers do."""
    prognos.start(track="cpu,memory,io")
    busy = prognos.op("busy")
    stop = threading.Event()

    def load():
        while not stop.is_set():
            with busy:
                bytearray(1000)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    statuses = []
    for number in range(60):
        child = os.fork()
        if child == 0:
            operation = prognos.op("in a child")
            for _ in range(100):
                with operation:
                    bytearray(100)
            right = operation.read().count == 100 and busy.read().count == 0
            os._exit(0 if right and prognos.profile()["operations"] else 1)
        deadline = time.monotonic() + 30
        while True:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                break
            assert time.monotonic() < deadline, f"child {number} hangs"
            time.sleep(0.001)
        statuses.append(status)
    before = busy.read().count
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 60
    after = busy.read()
    assert after.count >= before > 0 and after.active == 0 and after.abandoned == 0
    assert operations().get("in a child", {"count": 0})["count"] == 0
    prognos.stop()


def test_recordings_in_files_survive_children_that_are_killed():
    script = """
import os, signal, sys, prognos
prognos.start(recording=sys.argv[1] + "/%p.prognos", track="cpu")
with prognos.op("parent"): pass
child = os.fork()
if child == 0:
    with prognos.op("child"): pass
    os.kill(os.getpid(), signal.SIGKILL)
os.wait()
print(os.getpid(), child)
os._exit(0)
"""
    if not os.access("/dev/shm", os.W_OK):
        pytest.skip("there is no /dev/shm for recordings in memory")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as directory:
        result = _run(script, directory)
        assert result.returncode == 0, result.stderr
        found = set(os.listdir(directory))
    assert {f"{pid}.prognos" for pid in result.stdout.split()} == found


def _run(script, *arguments):
    return subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=dict(os.environ, PYTHONPATH=os.pathsep.join(sys.path)),
    )
