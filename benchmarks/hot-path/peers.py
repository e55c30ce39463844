# SPDX-License-Identifier: Apache-2.0
"""The same empty pair with other tools, as Debian packages them.

A peer that is not installed or does not work here is reported with the reason, never left out.
"""

import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import time
from collections.abc import Iterator

PEERS = pathlib.Path(__file__).resolve().parent / "peers"
ROUNDS = "50"
UFTRACE_FLAGS = [
    "-finstrument-functions",
    "-finstrument-functions-exclude-function-list=main,bench_,pair",  # all but the operation itself
]


class Skipped(Exception):
    """Why a peer was not measured."""


def _complaint(text: str) -> str:
    """The line that says what is wrong, without the file it is about."""
    lines = [line for line in text.splitlines() if line.strip()]
    for line in lines:
        wrong = re.search(r"error: (.*)|(cannot find .*)", line, re.IGNORECASE)
        if wrong:
            return wrong[1] or wrong[2]
    return lines[0] if lines else ""


def _run(command: list, **options) -> str:
    """The command's output; what it complains of becomes the reason."""
    if not shutil.which(str(command[0])):
        raise Skipped(f"{command[0]} is not installed")
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=60, **options
        )
    except subprocess.TimeoutExpired:
        raise Skipped(f"{pathlib.Path(command[0]).name} took more than 60 s") from None
    if done.returncode != 0:
        said = _complaint(done.stderr or done.stdout)
        name = pathlib.Path(command[0]).name
        raise Skipped(f"{name}: {said or f'exit status {done.returncode}'}")
    return done.stdout


def _build(compile_: list, name: str, into: pathlib.Path, *flags: str) -> pathlib.Path:
    program = into / f"peer_{name}"
    if not program.exists():
        try:
            _run([*compile_, f"-I{PEERS}", PEERS / f"{name}.c", "-o", program, *flags])
        except Skipped as reason:
            raise Skipped(f"does not compile: {reason}") from None
    return program


def _sdt(compile_: list, into: pathlib.Path) -> str:
    return _run([_build(compile_, "sdt", into), ROUNDS])


def _coz(compile_: list, into: pathlib.Path) -> str:
    return _run([_build(compile_, "coz", into, "-ldl"), ROUNDS])


def _papi(compile_: list, into: pathlib.Path) -> str:
    program = _build(compile_, "papi", into, "-lpapi")
    events = "perf::TASK-CLOCK,perf::CONTEXT-SWITCHES"
    settings = {"PAPI_EVENTS": events, "PAPI_OUTPUT_DIRECTORY": str(into)}
    return _run([program, ROUNDS], env={**os.environ, **settings})


def _uftrace(compile_: list, into: pathlib.Path) -> str:
    return _run([_build(compile_, "uftrace", into, *UFTRACE_FLAGS), ROUNDS])


def _uftrace_record(compile_: list, into: pathlib.Path) -> str:
    program = _build(compile_, "uftrace", into, *UFTRACE_FLAGS)
    return _run(["uftrace", "record", "--no-libcall", "-d", into / "uftrace", program, ROUNDS])


def _lttng(compile_: list, into: pathlib.Path) -> str:
    return _run([_build(compile_, "lttng", into, "-llttng-ust", "-ldl"), ROUNDS])


def _lttng_recording(compile_: list, into: pathlib.Path) -> str:
    program = _build(compile_, "lttng", into, "-llttng-ust", "-ldl")
    with _lttng_daemon(into) as environment, _lttng_session(into, environment):
        return _run([program, ROUNDS], env=environment)


@contextlib.contextmanager
def _lttng_daemon(home: pathlib.Path) -> Iterator[dict]:
    """A session daemon of our own, unless one already serves this user."""
    environment = {**os.environ, "LTTNG_HOME": str(home)}
    daemon = None
    if not shutil.which("lttng-sessiond"):
        raise Skipped("lttng-sessiond is not installed")
    try:
        _run(["lttng", "--no-sessiond", "list"], env=environment)
    except Skipped:
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        daemon = subprocess.Popen(["lttng-sessiond", "--no-kernel"], env=environment, **quiet)
    try:
        for _ in range(50):
            with contextlib.suppress(Skipped):
                _run(["lttng", "--no-sessiond", "list"], env=environment)
                break
            time.sleep(0.1)
        else:
            raise Skipped("the session daemon does not answer")
        yield environment
    finally:
        if daemon:
            daemon.terminate()
            daemon.wait()


@contextlib.contextmanager
def _lttng_session(output: pathlib.Path, environment: dict) -> Iterator[None]:
    """A flight recorder: buffers in memory that are overwritten, written out only on demand."""
    session = f"prognos-peer-{os.getpid()}"

    def lttng(*words: str) -> None:
        _run(["lttng", "--no-sessiond", *words], env=environment)

    lttng("create", session, "--snapshot", f"--output={output / 'lttng'}")
    try:
        overwriting = ["--overwrite", "--subbuf-size=256K", "--num-subbuf=4"]
        lttng(
            "enable-channel",
            f"--session={session}",
            "--userspace",
            *overwriting,
            "ring",
        )
        lttng(
            "enable-event",
            f"--session={session}",
            "--userspace",
            "--channel=ring",
            "peer:*",
        )
        lttng("start", session)
        yield
    finally:
        lttng("destroy", session)


CASES = [
    ("LTTng-UST, flight recorder", _lttng_recording, True),
    ("LTTng-UST, no session", _lttng, False),
    ("uftrace record", _uftrace_record, True),
    ("uftrace, not recording", _uftrace, False),
    ("PAPI, 2 software events", _papi, True),
    ("Coz, without its profiler", _coz, False),
    ("SystemTap SDT (USDT), no tracer", _sdt, False),
]


def measure(compile_: list, into: pathlib.Path) -> list[dict]:
    results = []
    for name, case, expected in CASES:
        try:
            result = json.loads(case(compile_, into))
            if "skipped" in result:
                raise Skipped(result["skipped"])
            if result["recording"] != expected:
                raise Skipped(f"recording is {result['recording']}, it was to be {expected}")
            results.append({"name": name, **result})
        except (Skipped, OSError, ValueError) as reason:
            results.append({"name": name, "skipped": str(reason)})
    return results
