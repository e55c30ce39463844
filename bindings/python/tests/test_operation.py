# SPDX-License-Identifier: Apache-2.0
"""Operations as context managers, decorators, and by begin() and end()."""

import copy
import functools
import inspect
import pickle
import threading
import types

import prognos
import pytest


def counts(operation):
    stats = operation.read()
    return stats.count, stats.failed, stats.abandoned


def test_a_with_block_is_a_call():
    parse = prognos.op("parse")
    with parse as same:
        assert same is parse
        assert parse.read().active == 1
    assert counts(parse) == (1, 0, 0)


def test_the_same_name_is_the_same_operation():
    one, other = prognos.op("one"), prognos.op("other")
    assert one == prognos.op("one") and hash(one) == hash(prognos.op("one"))
    assert one != other and one != "one"
    assert one.handle == prognos.op("one").handle != other.handle
    assert (one.name, repr(one)) == ("one", "<prognos.Operation 'one'>")
    assert pickle.loads(pickle.dumps(one)) == one == copy.deepcopy(one)


def test_begin_and_end():
    outer, inner = prognos.op("outer"), prognos.op("inner")
    outer.begin()
    inner.begin()
    outer.end()
    assert counts(outer) == (1, 0, 0)
    assert counts(inner) == (1, 0, 1)
    inner.end()
    assert prognos.diagnostics().unbalanced_ends == 1


def test_an_exception_is_a_failure_of_its_type_and_goes_on():
    class Refused(Exception):
        pass

    parse = prognos.op("parse")
    for error in (ValueError, Refused, Refused):
        with pytest.raises(error), parse:
            raise error
    assert counts(parse) == (3, 3, 0)
    assert operation_in_profile("parse")["failures"] == {"ValueError": 1, "Refused": 2}


def operation_in_profile(name):
    return next(each for each in prognos.profile()["operations"] if each["name"] == name)


def test_the_current_operation():
    outer, inner = prognos.op("outer"), prognos.op("inner")
    assert prognos.current() is None
    with outer:
        assert prognos.current() == "outer"
        with inner:
            assert prognos.current() == "inner"
        assert prognos.current() == "outer"
    assert prognos.current() is None


def test_work_and_failure_of_the_innermost_call():
    outer, inner = prognos.op("outer"), prognos.op("inner")
    with outer:
        with inner:
            prognos.work(3)
            inner.work(4)
            prognos.fail("late")
        outer.work(10)
    assert inner.read().work == 7 and outer.read().work == 10
    assert counts(inner) == (1, 1, 0) and counts(outer) == (1, 0, 0)


@pytest.mark.parametrize(
    "call, error, said",
    [
        (lambda: prognos.op(""), prognos.Error, "the name is empty"),
        (lambda: prognos.op(b"x"), TypeError, "must be str"),
        (lambda: prognos.op("x", work="many"), TypeError, "work is a str"),
        (lambda: prognos.op("x", work=-1), OverflowError, "negative"),
        (lambda: prognos.op("x", work=1 << 65), OverflowError, "too big"),
        (lambda: prognos.op("a\ud800"), UnicodeEncodeError, "surrogates"),
        (lambda: prognos.op("x")(3), TypeError, "not the value 3"),
        (lambda: prognos.op("x")(int), TypeError, "not the class"),
        (lambda: prognos.op("x")(), TypeError, "1 argument"),
        (lambda: prognos.work(-1), OverflowError, "negative"),
        (lambda: prognos.work(1.5), TypeError, "is a float; expected an int"),
        (lambda: prognos.fail(3), TypeError, "is a int; expected a str"),
        (lambda: prognos.fail("a", "b"), TypeError, "one kind"),
        (lambda: prognos.session(""), prognos.Error, "name"),
    ],
)
def test_bad_arguments_are_told(call, error, said):
    with pytest.raises(error, match=said):
        call()


def test_long_names_are_cut_and_repaired_names_told():
    long = prognos.op("é" * 300)
    assert long == prognos.op("é" * 127)
    assert prognos.diagnostics().repaired_names >= 1


# Decorated functions


def test_a_decorated_function_does_what_it_did():
    parse = prognos.op("parse")

    @parse
    def add(a, /, b=2, *rest, c, **more):
        """Adds."""
        return a, b, rest, c, more

    assert add(1, c=3) == (1, 2, (), 3, {})
    assert add(1, 5, 6, c=3, d=4) == (1, 5, (6,), 3, {"d": 4})
    with pytest.raises(TypeError, match="missing"):
        add(1)
    assert counts(parse)[0] >= 2
    assert add.__name__ == "add" and add.__doc__ == "Adds." and add.__module__ == __name__
    assert add.__qualname__.endswith("add") and add.__prognos__ == parse
    assert str(inspect.signature(add)) == "(a, /, b=2, *rest, c, **more)"
    assert inspect.isfunction(add) and isinstance(add, types.FunctionType)
    assert inspect.getsource(add).strip().startswith("@parse")


def test_attributes_are_kept_and_can_be_set():
    def original():
        pass

    original.tag = 1
    decorated = prognos.op("f")(original)
    assert decorated.tag == 1
    decorated.mark = 2
    assert decorated.mark == 2 and "mark" in vars(decorated)
    with pytest.raises(AttributeError, match="nothing"):
        decorated.nothing  # noqa: B018


def test_the_undecorated_function_is_left_alone():
    def original():
        pass

    parse = prognos.op("parse")
    parse(original)
    original()
    assert parse.read().count == 0


def test_decorated_functions_are_pickled_by_name():
    from decorated import at_module_level

    assert pickle.loads(pickle.dumps(at_module_level)) is at_module_level
    assert copy.deepcopy(at_module_level) is at_module_level


def test_closures_made_from_one_code_are_apart():
    def made(operation, value):
        @operation
        def give():
            return value

        return give

    one, other = prognos.op("one"), prognos.op("other")
    first, second = made(one, 1), made(other, 2)
    assert (first(), second(), second()) == (1, 2, 2)
    assert one.read().count == 1 and other.read().count == 2


def test_methods_of_all_kinds():
    from decorated import Worker

    class Derived(Worker):
        pass

    worker = Derived(1)
    bound = worker.method
    assert bound(2) == 3 and bound.__self__ is worker and Worker.method(worker, 4) == 5
    assert worker.static(3) == Worker.static(3) == worker.static_below(3) == 3
    assert worker.of_class() is Derived and Worker.of_class_below() is Worker
    assert worker.double == 2 and "Derived" in worker.call_super()
    assert pickle.loads(pickle.dumps(Worker(7).method))(1) == 8
    assert Worker.op.read().count == 10


def test_callables_that_are_no_functions():
    from decorated import Worker

    class Callable:
        def __call__(self, n):
            return n + 1

    called = prognos.op("called")
    assert called(functools.partial(max, 3))(2) == 3
    assert called(Callable())(1) == 2
    assert called(len)([1, 2]) == 2
    assert called(Worker(1).method)(2) == 3
    assert counts(called) == (4, 0, 0)


def test_a_decorated_function_that_raises_fails_with_the_type_and_keeps_the_traceback():
    parse = prognos.op("parse")

    @parse
    def broken():
        raise KeyError("x")

    with pytest.raises(KeyError) as caught:
        broken()
    assert caught.traceback[-1].name == "broken"
    assert counts(parse) == (1, 1, 0)
    assert operation_in_profile("parse")["failures"] == {"KeyError": 1}


def test_stop_iteration_is_no_failure():
    class Once:
        done = False

        def __iter__(self):
            return self

        @prognos.op("next")
        def __next__(self):
            if self.done:
                raise StopIteration
            self.done = True
            return 1

    assert list(Once()) == [1]
    assert counts(prognos.op("next")) == (2, 0, 0)


def test_work_of_a_decorated_function():
    fixed = prognos.op("fixed", work=5)(lambda: None)
    sized = prognos.op("sized", work=len)(lambda rows: None)
    own = prognos.op("own", work=lambda rows, *, factor=1: len(rows) * factor)
    scaled = own(lambda rows, *, factor=1: None)

    class Reader:
        @prognos.op("method", work=len)
        def read(self, rows):
            return self

    fixed()
    sized([1, 2, 3])
    scaled([1, 2], factor=10)
    Reader().read("abcd")
    assert [prognos.op(name).read().work for name in ("fixed", "sized", "own", "method")] == [
        5,
        3,
        20,
        4,
    ]


def test_work_that_cannot_be_told_does_not_break_the_call(monkeypatch):
    seen = []
    monkeypatch.setattr("sys.unraisablehook", seen.append)
    broken = prognos.op("broken", work=len)(lambda rows: rows)
    assert broken(3) == 3 and broken(rows=4) == 4
    negative = prognos.op("negative", work=lambda: -1)(lambda: "fine")
    assert negative() == "fine"
    assert [each.exc_type for each in seen] == [TypeError, OverflowError]
    assert prognos.op("broken").read().count == 2


def test_recursion_counts_each_call_and_goes_as_deep_as_undecorated():
    import sys

    operation = prognos.op("depth")

    def undecorated(n):
        return 0 if n == 0 else 1 + undecorated(n - 1)

    @operation
    def decorated(n):
        return 0 if n == 0 else 1 + decorated(n - 1)

    def deepest(function):
        low, high = 1, sys.getrecursionlimit() + 10
        while low < high:
            middle = (low + high + 1) // 2
            try:
                function(middle)
                low = middle
            except RecursionError:
                high = middle - 1
        return low

    assert abs(deepest(undecorated) - deepest(decorated)) <= 3
    before = operation.read().count
    decorated(500)
    assert operation.read().count == before + 501


def test_recursion_beyond_the_stack_is_an_exception_or_works():
    import sys

    @prognos.op("deep")
    def deep(n):
        return 0 if n == 0 else 1 + deep(n - 1)

    @prognos.op("mutual")
    def mutual(n):
        return 0 if n == 0 else 1 + other(n - 1)

    @prognos.op("other")
    def other(n):
        return 0 if n == 0 else 1 + mutual(n - 1)

    sys.setrecursionlimit(200_000)
    for function in (deep, mutual):
        try:
            assert function(100_000) == 100_000
        except RecursionError:
            pass
    assert deep(100) == 100


def test_threads_count_apart_and_together():
    parse = prognos.op("parse")

    @parse
    def work():
        pass

    def run():
        for _ in range(1000):
            with parse:
                work()

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts(parse) == (16000, 0, 0)


def test_the_feature_flag():
    parse = prognos.op("parse")

    @parse
    def work():
        pass

    prognos.set_enabled(False)
    assert not prognos.enabled()
    with parse:
        work()
    assert parse.read().count == 0
    prognos.set_enabled(True)
    with parse:
        work()
    assert parse.read().count == 2


def test_spans_move_between_threads():
    serve = prognos.op("serve")
    span = serve.span()
    span.enter()
    span.leave()

    def elsewhere():
        span.enter()
        span.work(5)
        span.fail("late")
        span.leave()

    other = threading.Thread(target=elsewhere)
    other.start()
    other.join()
    with pytest.raises(prognos.Error) as caught:
        span.leave()
    assert caught.value.status == "invalid_state"
    span.end()
    assert span.handle == 0
    stats = serve.read()
    assert (stats.count, stats.failed, stats.work) == (1, 1, 5)
    with pytest.raises(ValueError), serve.span() as again:
        assert again.__class__ is prognos.Span and again.operation == serve
        raise ValueError
    assert counts(serve) == (2, 2, 0)
    serve.span()  # dropped: it ends
    assert serve.read().active == 0 and counts(serve)[0] == 3


def test_sessions():
    user = prognos.session("ann")
    parse = prognos.op("parse")
    with user:
        with parse:
            pass
    user.enter()
    with parse:
        pass
    user.leave()
    with parse:
        pass
    stats = user.read()
    assert (user.name, stats.name, stats.count, stats.is_open) == ("ann", "ann", 2, True)
    with pytest.raises(prognos.Error):
        user.leave()
    user.close()
    assert not user.read().is_open
    with pytest.raises(prognos.Error) as caught:
        user.enter()
    assert caught.value.status == "invalid_state"
