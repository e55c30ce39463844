# SPDX-License-Identifier: Apache-2.0
"""Start, stop and everything that can be said to them."""

import json
import subprocess
import sys
import threading

import prognos
import pytest


def run(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=60
    )


def test_importing_loads_the_extension_and_nothing_else():
    before = "import sys; before = set(sys.modules); import prognos; "
    done = run(before + "print(sorted(set(sys.modules) - before))")
    assert done.stdout.strip() == "['prognos', 'prognos._core']", done.stderr


def test_everything_that_is_listed_is_there():
    for name in dir(prognos):
        assert getattr(prognos, name) is not None or name.startswith("__"), name
    with pytest.raises(AttributeError, match="has no attribute 'strat'"):
        prognos.strat  # noqa: B018


def test_another_interpreter_gets_a_clear_message():
    code = "import sys; sys.implementation.name = 'pypy'; import prognos"
    done = run(code)
    assert done.returncode == 1
    assert "ImportError: prognos needs CPython, and this is pypy" in done.stderr


def test_start_and_stop_tell_whether_they_did_something():
    assert prognos.stop() is False
    assert prognos.start() is True
    assert prognos.start(sample_hz=7) is False
    assert prognos.stop() is True
    assert prognos.stop() is False
    assert prognos.enabled() is False
    assert prognos.start() is True and prognos.enabled() is True


def test_started_runs_a_block_and_leaves_alone_what_ran_before():
    with prognos.started(track="cpu"):
        assert prognos.capabilities().track == ("cpu",)
        with prognos.started():
            pass
        assert prognos.enabled()
        prognos.assess()
    assert not prognos.enabled()
    with pytest.raises(ZeroDivisionError), prognos.started():
        1 / 0  # noqa: B018
    assert not prognos.enabled()


@pytest.mark.parametrize("track", ["cpu, memory", ("cpu", "memory"), iter(["memory", "cpu"]), 3])
def test_tracks_are_words_or_bits(track):
    prognos.start(track=track)
    assert prognos.capabilities().track == ("cpu", "memory")


EVERY_OPTION = """
import prognos, sys
prognos.start(
    recording_path=sys.argv[1],
    memory_limit_bytes=8 << 20,
    heap_sample_bytes=4096,
    collect_interval_ms=50,
    track=("cpu", "timeline"),
    sample_hz=10,
    stack_depth=16,
    max_ops=100,
    max_threads=20,
    timeline_events=1000,
    crash_notes=False,
    recording_flags=1,
    recording_copy_s=0,
    recording_keep=1,
    on_fork="quiet",
    recording_keep_bytes=1 << 24,
)
now = prognos.capabilities()
print(now.recording_path, now.memory_limit_bytes, now.max_ops, now.max_threads, now.track)
"""


def test_every_option_reaches_the_library(tmp_path):
    path = tmp_path / "of this.prognos"
    done = run(EVERY_OPTION, str(path))
    expected = f"{path} {8 << 20} 100 20 ('cpu', 'timeline')\n"
    assert (done.stdout, done.stderr) == (expected, "")
    assert path.exists()


def test_options_come_from_the_environment_unless_they_are_given():
    code = (
        "import os; os.environ.update(PROGNOS_SAMPLE_HZ='7', PROGNOS_TRACK='cpu,io');"
        "import prognos; o = prognos.options(); print(o.sample_hz, o.track, o.recording_path);"
        "prognos.start(track='memory'); print(prognos.capabilities().track)"
    )
    done = run(code)
    assert done.stdout.split("\n")[:2] == ["7 ('cpu', 'io') None", "('memory',)"], done.stderr


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"sample_hz": -1}, ValueError, "sample_hz is -1; expected 0 to 4294967295"),
        ({"max_ops": 2**32}, ValueError, "max_ops is 4294967296; expected"),
        ({"max_ops": 3}, prognos.Error, "max_ops is 3; expected 16 to 1000000"),
        ({"max_ops": "3"}, TypeError, "cannot be interpreted as an integer"),
        ({"track": "cpu,gpu"}, ValueError, "track is 'gpu'; expected one of 'cpu', 'memory'"),
        ({"track": 1 << 20}, prognos.Error, "track is 1048576; expected"),
        ({"on_fork": "loud"}, ValueError, "on_fork is 'loud'; expected one of 'fresh', 'quiet'"),
        ({"recording": "a", "recording_path": "b"}, TypeError, "are the same; give one"),
        ({"recording": "a\0b"}, ValueError, "recording_path has a NUL in it"),
        ({"recording": "/nowhere/at/all"}, prognos.Error, "No such file or directory"),
        ({"serve": ":80"}, prognos.Error, "serve is not available"),
        ({"log": 3}, TypeError, "log is int; expected a callable"),
    ],
)
def test_bad_options_are_named_and_nothing_is_started(options, error, text):
    with pytest.raises(error, match=text):
        prognos.start(**options)
    with pytest.raises(prognos.Error) as caught:
        prognos.assess()
    assert caught.value.status == "not_started"


def test_sizes_that_come_too_late_are_a_warning_and_it_runs():
    with prognos.op("earlier"):
        pass
    with pytest.warns(RuntimeWarning, match="recording began before with other sizes"):
        assert prognos.start(memory_limit=16 << 20) is True
    prognos.assess()


def test_the_log_says_what_runs():
    lines = []
    prognos.start(log=lines.append, track="cpu")
    assert lines[0].startswith("prognos ") and "recording up to" in lines[0]


def test_a_log_that_raises_harms_nobody():
    seen = []
    sys.unraisablehook = seen.append

    def log(line):
        raise KeyError(line)

    prognos.start(log=log)
    assert seen and seen[0].exc_type is KeyError and seen[0].object is log


def test_the_log_hears_of_names_that_are_refused():
    code = (
        "import prognos\n"
        "prognos.start(log=print, max_ops=16)\n"
        "for n in range(40):\n"
        "    with prognos.op(f'op {n}'): pass\n"
        "print(prognos.diagnostics().rejected_names > 0)\n"
    )
    done = run(code)
    assert done.stdout.count("table of operations is full") == 1, done
    assert done.stdout.endswith("True\n")


def test_a_log_survives_the_end_of_the_interpreter():
    code = (
        "import prognos, atexit\n"
        "atexit.register(lambda: [prognos.op(f'op {n}') for n in range(40)])\n"
        "prognos.start(log=print, max_ops=16)\n"
    )
    done = run(code)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_a_start_in_each_of_many_threads_is_one_start():
    results = []
    threads = [threading.Thread(target=lambda: results.append(prognos.start())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 7 + [True]


def test_profiles_in_every_form(tmp_path):
    prognos.start(track="cpu,timeline")
    with prognos.op("outer"), prognos.op("inner"):
        pass
    assert "outer" in prognos.render() and "outer" in prognos.render("text_ascii")
    assert "outer;inner " in prognos.render("folded")
    assert "outer" in [one["name"] for one in prognos.profile()["operations"]]
    for format in ("json", "chrome_trace"):
        prognos.dump(tmp_path / format, format)
        json.loads((tmp_path / format).read_text())
    with pytest.raises(ValueError, match="format is 'pprof'; expected one of 'json'"):
        prognos.dump(tmp_path / "x", "pprof")
    with pytest.raises(prognos.Error, match="/nowhere/x") as caught:
        prognos.dump("/nowhere/x")
    assert caught.value.status == "io_error"


def test_a_big_profile_is_rendered_whole():
    for number in range(3000):
        with prognos.op(f"operation number {number}"):
            pass
    assert len(prognos.profile()["operations"]) >= 3000


def test_standard_output_keeps_its_order():
    done = run(
        "import prognos\nwith prognos.op('parse'): pass\n"
        "print('before', end=' ')\nprognos.dump('-', 'folded')\nprint('after')"
    )
    assert done.stdout.startswith("before parse ") and done.stdout.endswith("after\n")


FORK = """
import os, sys, threading, warnings, prognos
{start}
before = len(os.listdir("/proc/self/task"))
def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
fork()
with warnings.catch_warnings():
    warnings.simplefilter("always")
    fork()
print("alone", flush=True)
gate = threading.Event()
thread = threading.Thread(target=gate.wait)
thread.start()
fork()
gate.set()
thread.join()
while len(os.listdir("/proc/self/task")) > before:
    pass  # join() returns a little before the thread is gone
child = os.fork()
if child == 0:  # it has no collector, and is warned of a thread of its own
    thread = threading.Thread(target=threading.Event().wait, daemon=True)
    thread.start()
    fork()
    sys.stderr.flush()
    os._exit(0)
os.waitpid(child, 0)
"""


def test_forks_are_warned_of_as_without_the_collector():
    """Python 3.12 and later warn of forks with threads: of those of the host, not of ours."""
    said = []
    for start in ("", "prognos.start(); prognos.assess()"):
        code = FORK.format(start=start)
        done = subprocess.run(
            [sys.executable, "-W", "always", "-c", code],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0 and done.stdout == "alone\n", done.stderr
        said.append(done.stderr.count("is multi-threaded"))
    assert said == ([2, 2] if sys.version_info >= (3, 12) else [0, 0])
