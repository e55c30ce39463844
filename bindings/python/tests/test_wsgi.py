# SPDX-License-Identifier: Apache-2.0
"""The WSGI middleware by itself: what it hands on, and when an operation ends."""

import gc
import logging

import prognos
import pytest
from prognos.wsgi import Middleware


def call(app, environ=None, **options):
    """Calls a wrapped application as a server does; returns its answer."""
    started = []
    options.setdefault("route", lambda environ: environ.get("name", "GET /"))
    answer = Middleware(app, **options)(
        environ or {"REQUEST_METHOD": "GET"}, lambda *arguments: started.append(arguments)
    )
    return answer, started


def read(name="GET /"):
    return prognos.op(name).read()


def failures(name="GET /"):
    (found,) = [one for one in prognos.profile()["operations"] if one["name"] == name]
    return found["failures"]


def ok(environ, start_response):
    start_response("200 OK", [])
    return environ["answer"]


class FileWrapper:
    def __iter__(self):
        return iter([b"file"])


@pytest.mark.parametrize("answer", [[b"a", b"b"], (b"a",), [], FileWrapper(), object()])
def test_what_servers_look_at_is_handed_on_as_it_is(answer):
    environ = {"answer": answer, "wsgi.file_wrapper": FileWrapper}
    got, started = call(ok, environ)
    assert got is answer and started == [("200 OK", [])]
    assert read().count == 1 and read().active == 0


def test_an_answer_ends_when_it_is_closed():
    closed = []

    class Answer:
        def __init__(self, length):
            self.length = length

        def __iter__(self):
            yield b"one"
            yield b"two"

        def close(self):
            closed.append(self.length)

    class Sized(Answer):
        def __len__(self):
            return self.length

    for number, answer in enumerate((Answer(2), Sized(2))):
        got, _ = call(ok, {"answer": answer}, work="responses")
        assert hasattr(got, "__len__") == hasattr(answer, "__len__")
        assert list(got) == [b"one", b"two"]
        assert read().count == number and read().active == 1
        got.close()
        got.close()
        assert read().count == number + 1 and read().active == 0
    assert closed == [2] * 4  # as often as the server closed it
    assert read().work == 12


def test_an_answer_that_nobody_closes_ends_when_it_is_gone():
    got, _ = call(ok, {"answer": iter([b"x"])})
    assert next(got) == b"x" and read().active == 1
    del got
    gc.collect()
    assert read().count == 1 and read().active == 0


def test_failures():
    def raises(environ, start_response):
        raise KeyError

    with pytest.raises(KeyError):
        call(raises)

    def late():
        yield b"begun"
        raise ValueError

    got, _ = call(ok, {"answer": late()})
    with pytest.raises(ValueError):
        list(got)
    got.close()

    def twice(environ, start_response):
        start_response("200 OK", [])
        start_response("502 Bad Gateway", [], (None, None, None))
        return [b""]

    _, started = call(twice)
    assert len(started) == 2 and len(started[1]) == 3
    assert failures() == {"KeyError": 1, "ValueError": 1, "http_502": 1}


def test_the_write_function_of_old_applications():
    written = []

    def app(environ, start_response):
        start_response("200 OK", [])(b"12345")
        return [b"678"]

    middleware = Middleware(app, route=lambda environ: "GET /", work="both")
    environ = {"REQUEST_METHOD": "POST", "CONTENT_LENGTH": "10"}
    assert middleware(environ, lambda *arguments: written.append) == [b"678"]
    assert written == [b"12345"] and read().work == 18


def test_names_are_bounded(caplog):
    app = Middleware(ok, route=lambda environ: environ["name"], max_routes=3)
    for number in range(10):
        app({"answer": [], "name": f"GET /{number}"}, lambda *arguments: None)
    for name in ("", None, 7, "bad \udcff"):
        app({"answer": [], "name": name}, lambda *arguments: None)
    names = {operation.name: operation.read().count for operation in prognos.operations()}
    assert names.pop("(no route)", 3) == 3
    assert names == {"GET /0": 1, "GET /1": 1, "GET /2": 1, "(other routes)": 11}


def test_callables_of_the_host_that_fail_are_said_once(caplog):
    def fails(environ):
        raise RuntimeError("its own")

    app = Middleware(ok, route=fails, session=fails)
    with caplog.at_level(logging.WARNING, logger="prognos"):
        for _ in range(5):
            assert app({"answer": [b"x"]}, lambda *arguments: None) == [b"x"]
    assert [record.args[0] for record in caplog.records] == ["route", "session"]
    assert read("(no route)").count == 5


def test_sessions_are_bounded_and_the_one_used_last_stays():
    app = Middleware(
        ok, route=lambda _: "GET /", session=lambda environ: environ["user"], max_sessions=2
    )
    for user in ("ann", "bob", "ann", "eve", "ann", None, ""):
        app({"answer": [], "user": user}, lambda *arguments: None)
    counts = {}
    for session in prognos.profile()["sessions"]["most_time"]:
        counts[session["name"]] = (session["count"], session["is_open"])
    assert counts == {"ann": (3, 1), "bob": (1, 0), "eve": (1, 1)}


def test_bad_arguments():
    for options, words in (
        ({"app": 3}, "app must be a WSGI application, not int"),
        ({"app": ok, "route": 3}, "route must be callable or None, not int"),
        ({"app": ok, "session": 3}, "session must be callable or None"),
        ({"app": ok, "work": "all"}, "work must be one of"),
        ({"app": ok, "max_routes": 0}, "max_routes must be a whole number of at least 1, not 0"),
    ):
        with pytest.raises((TypeError, ValueError), match=words):
            Middleware(**options)
