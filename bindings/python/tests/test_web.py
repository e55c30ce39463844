# SPDX-License-Identifier: Apache-2.0
"""The middlewares under real servers: answers unchanged to the byte, a profile by route."""

import asyncio
import contextlib
import importlib.util
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

HERE = pathlib.Path(__file__).parent
SERVERS = {
    "flask": ["gunicorn", "--workers=2"],
    "flask-threads": ["gunicorn", "--workers=1", "--worker-class=gthread", "--threads=4"],
    "flask-gevent": ["gunicorn", "--workers=1", "--worker-class=gevent"],
    "django": ["gunicorn", "--workers=1"],
    "starlette": ["uvicorn"],
    "aiohttp": ["aiohttp"],
}


def _command(kind, fd):
    app = kind.split("-")[0]
    server, *options = SERVERS[kind]
    needed = {app, server} | ({"gevent"} if kind.endswith("gevent") else set())
    for module in sorted(needed):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed (tests/requirements.txt)")
    if server == "gunicorn":
        options += [f"--bind=fd://{fd}", "--log-level=warning", "--graceful-timeout=2"]
        return [sys.executable, "-m", "gunicorn", *options, f"web_apps:{app}"]
    if server == "uvicorn":
        options = ["--fd", str(fd), "--log-level=warning", "--timeout-graceful-shutdown=2"]
        return [sys.executable, "-m", "uvicorn", *options, f"web_apps:{app}"]
    return [sys.executable, str(HERE / "web_apps.py"), str(fd)]


class Server:
    def __init__(self, port, profiles):
        self.port = port
        self._profiles = profiles

    def request(self, method, path, body=b"", read=True):
        """The whole answer, as it came; None when it is not waited for."""
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", self.port), timeout=30) as connection:
            connection.sendall(head.encode() + body)
            if not read:
                time.sleep(0.2)  # the server begins to answer, or to wait
                return None
            pieces = []
            while piece := connection.recv(65536):
                pieces.append(piece)
        return b"".join(pieces)

    def profiles(self):
        return [json.loads(path.read_text()) for path in sorted(self._profiles.glob("*.json"))]

    def operations(self):
        """Operations of all workers together: name -> sums."""
        sums = {}
        for profile in self.profiles():
            for operation in profile["operations"]:
                known = sums.setdefault(operation["name"], {"failures": {}})
                for key in ("count", "active", "failed", "abandoned", "work", "wall_ns", "cpu_ns"):
                    known[key] = known.get(key, 0) + operation[key]
                for kind, count in operation["failures"].items():
                    known["failures"][kind] = known["failures"].get(kind, 0) + count
        return sums


@contextlib.contextmanager
def serving(kind, wrapped, directory):
    directory.mkdir(exist_ok=True)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        command = _command(kind, listener.fileno())
        environment = dict(os.environ, WRAPPED=str(int(wrapped)), PROFILES=str(directory))
        environment["PYTHONPATH"] = os.pathsep.join([str(HERE), *filter(None, sys.path)])
        with open(directory / "log", "wb") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
                cwd=HERE,
            )
        port = listener.getsockname()[1]
    try:
        yield Server(port, directory)
    finally:
        # uvicorn and aiohttp end normally, with what is registered for the exit, on an interrupt.
        process.send_signal(signal.SIGTERM if "gunicorn" in command else signal.SIGINT)
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise AssertionError((directory / "log").read_text()) from None


REQUESTS = [
    ("GET", "/users/7", b""),
    ("GET", "/users/8", b""),
    ("HEAD", "/users/8", b""),
    ("GET", "/stream", b""),
    ("GET", "/file", b""),
    ("POST", "/echo", b"0123456789" * 10_000),
    ("GET", "/boom", b""),
    ("GET", "/busy", b""),
    ("GET", "/nowhere/1", b""),
    ("GET", "/nowhere/2", b""),
]


def _comparable(answer):
    answer = re.sub(rb"(?im)^date: [^\r]*", b"date: -", answer)
    return re.sub(rb"(?im)^last-modified: [^\r]*", b"last-modified: -", answer)


@pytest.mark.parametrize("kind", SERVERS)
def test_answers_are_unchanged_and_the_profile_is_by_route(kind, tmp_path):
    answers = []
    for wrapped in (False, True):
        with serving(kind, wrapped, tmp_path / str(wrapped)) as server:
            answers.append([_comparable(server.request(*request)) for request in REQUESTS])
    for request, plain, wrapped in zip(REQUESTS, *answers, strict=True):
        assert wrapped == plain, request[:2]
    assert all(answers[0]), answers[0]

    operations = server.operations()
    user = {
        "flask": "/users/<int:user>",
        "django": "/users/<int:user>",
        "starlette": "/users/{user:int}",
        "aiohttp": "/users/{user}",
    }[kind.split("-")[0]]
    assert operations[f"GET {user}"]["count"] == 2
    assert operations[f"HEAD {user}"]["count"] == 1
    assert operations["GET /stream"]["count"] == 1
    assert operations["POST /echo"]["work"] == (200_000)
    assert operations["GET /busy"]["failures"] == {"http_503": 1}
    failure = {"flask": "http_500", "django": "http_500"}.get(kind.split("-")[0], "KeyError")
    assert operations["GET /boom"]["failures"] == {failure: 1}
    assert operations["(no route)"]["count"] == 2
    assert not [name for name in operations if "nowhere" in name or "/7" in name]
    for name, operation in operations.items():
        assert operation["active"] == 0 and operation["abandoned"] == 0, name
    sessions = {}
    for profile in server.profiles():
        for session in profile["sessions"]["most_time"]:
            sessions[session["name"]] = sessions.get(session["name"], 0) + session["count"]
    assert sessions == {"user 0": 2, "user 1": 1}


@pytest.mark.parametrize("kind", ["flask", "django", "starlette"])
def test_an_exception_after_the_start_fails_by_its_type(kind, tmp_path):
    with serving(kind, True, tmp_path) as server:
        assert b"begun" in server.request("GET", "/late")
    operation = server.operations()["GET /late"]
    assert operation["failures"] == {"ValueError": 1} and operation["active"] == 0


def test_each_worker_has_a_recording_of_its_own(tmp_path):
    with serving("flask", True, tmp_path) as server:
        threads = [
            threading.Thread(target=lambda: [server.request("GET", "/stream") for _ in range(20)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    profiles = server.profiles()
    assert len({profile["process"]["pid"] for profile in profiles}) == len(profiles) >= 1
    assert server.operations()["GET /stream"]["count"] == 80


@pytest.mark.parametrize("kind", ["starlette", "flask-gevent", "flask-threads"])
def test_interleaved_requests_each_have_their_own_time(kind, tmp_path):
    with serving(kind, True, tmp_path) as server:
        threads = [
            threading.Thread(target=server.request, args=("GET", "/stream")) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    stream = server.operations()["GET /stream"]
    assert stream["count"] == 20 and stream["failed"] == 0
    for profile in server.profiles():
        assert profile["diagnostics"]["forced_leaves"] == 0
        assert profile["diagnostics"]["misplaced_calls"] == 0
    assert stream["wall_ns"] >= 20 * 5 * 2_000_000  # each waited for its five pieces
    assert stream["cpu_ns"] < stream["wall_ns"] / 2


def test_with_blocks_in_interleaved_handlers(tmp_path):
    with serving("starlette", True, tmp_path) as server:
        threads = [
            threading.Thread(target=server.request, args=("GET", "/query")) for _ in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    operations = server.operations()
    for name, milliseconds in (("GET /query", 20), ("query", 20), ("rows", 10)):
        assert operations[name]["count"] == 20 and operations[name]["abandoned"] == 0
        assert operations[name]["wall_ns"] >= 20 * milliseconds * 1_000_000
    (profile,) = server.profiles()
    path = [(node["name"], node["depth"]) for node in profile["call_tree"]]
    request = path.index(("GET /query", 0))
    assert path[request + 1 : request + 3] == [("query", 1), ("rows", 2)]


@pytest.mark.parametrize(
    ("path", "route", "inside"),
    [
        ("/shop/items/7", "GET /shop/items/{item}", "compute"),  # in a worker thread
        ("/behind", "GET /behind", "behind"),  # in another task
    ],
)
def test_what_others_do_for_a_request_counts_in_it(path, route, inside, tmp_path):
    with serving("starlette", True, tmp_path) as server:
        threads = [threading.Thread(target=server.request, args=("GET", path)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    operations = server.operations()
    assert operations[route]["count"] == operations[inside]["count"] == 5
    assert operations[route]["cpu_ns"] >= 5 * 20_000_000
    assert operations[inside]["cpu_ns"] >= 5 * 20_000_000
    (profile,) = server.profiles()
    tree = [(node["name"], node["depth"]) for node in profile["call_tree"]]
    assert tree[tree.index((route, 0)) + 1] == (inside, 1)


def test_clients_that_go_away(tmp_path):
    with serving("starlette", True, tmp_path) as server:
        server.request("GET", "/endless", read=False)
        server.request("GET", "/users/1")
    operations = server.operations()
    assert operations["GET /endless"]["failures"] == {"client_disconnect": 1}
    assert operations["GET /endless"]["active"] == 0


def test_background_tasks_do_not_count_as_the_answer(tmp_path):
    with serving("starlette", True, tmp_path) as server:
        assert b"answered" in server.request("GET", "/later")
    operations = server.operations()
    assert operations["background"]["wall_ns"] >= 50_000_000
    assert operations["GET /later"]["wall_ns"] < operations["background"]["wall_ns"]


def test_websockets(tmp_path):
    websockets = pytest.importorskip("websockets")

    async def talk(port):
        async with websockets.connect(f"ws://127.0.0.1:{port}/chat/7") as connection:
            await connection.send("abc")
            assert await connection.recv() == "ABC"
            await connection.send("end")
            with contextlib.suppress(websockets.ConnectionClosed):
                await connection.recv()

    with serving("starlette", True, tmp_path) as server:
        asyncio.run(talk(server.port))
    chat = server.operations()["WS /chat/{room}"]
    assert chat["count"] == 1 and chat["failures"] == {"ws_1011": 1} and chat["work"] == 9
