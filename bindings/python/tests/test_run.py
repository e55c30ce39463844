# SPDX-License-Identifier: Apache-2.0
"""`python -m prognos run`: the program runs as without, and its functions are operations."""

import json
import re
import signal
import subprocess
import sys
import textwrap
import zipfile

import pytest


def python(folder, *arguments, **keywords):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        **keywords,
    )


def write(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))
    return path


def calls(profile, modules=("job", "pkg", "__main__", "everything", "mine", "theirs")):
    """{operation: calls} of a profile, of these modules."""
    operations = json.loads(profile.read_text())["operations"]
    return {
        one["name"]: one["count"]
        for one in operations
        if one["count"] and one["name"].split(".")[0] in modules
    }


def same(folder, *program, flags=()):
    """Runs it plainly and under Prognos, with all of Python's own library as operations, too."""
    plain = python(folder, *flags, *program)
    profile = folder / "profile.json"
    under = python(
        folder, *flags, "-m", "prognos", "run", "--ops", "*", "--output", profile, *program
    )
    assert under.stdout == plain.stdout
    assert without_counts(under.stderr) == without_counts(plain.stderr)
    assert under.returncode == plain.returncode
    return under, profile


def without_counts(text):
    """What recursion took before the program does not matter."""
    return re.sub(r"repeated \d+ more times", "repeated", text)


WHO_AM_I = """
    '''A script.'''
    import sys
    def main(): pass
    main()
    print(__name__, __file__, __doc__, __package__, getattr(__spec__, "name", 0), sys.argv)
    print(type(__loader__))
    print(sorted(globals()), sys.path[0], sys.modules["__main__"].__dict__ is globals())
    print(__builtins__, __cached__ if "__cached__" in globals() else "", __annotations__)
"""


@pytest.mark.parametrize("flags", [(), ("-I",), ("-O",), ("-W", "error"), ("-B", "-X", "dev")])
def test_a_script_sees_itself_as_it_does_without(tmp_path, flags):
    if "-I" in flags:
        pytest.skip("-I leaves PYTHONPATH out, where the package is")
    write(tmp_path, "sub/job.py", WHO_AM_I)
    arguments = ["--ops", "x", "-m", "y", "--", "-h", "ä b"]
    under, profile = same(tmp_path, "sub/job.py", *arguments, flags=flags)
    assert under.returncode == 0
    assert calls(profile) == {"job.main": 1}


def test_a_script_behind_a_link_has_its_own_folder_first(tmp_path):
    write(tmp_path, "real/job.py", "import helper, sys; print(sys.path[0], __file__)")
    write(tmp_path, "real/helper.py", "")
    (tmp_path / "link.py").symlink_to("real/job.py")
    assert same(tmp_path, "link.py")[0].returncode == 0


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("sys.exit()", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('a message')", 1),
        ("raise SystemExit(None)", 0),
        ("deep(3)", 1),
        ("raise KeyboardInterrupt", -signal.SIGINT),
        ("chained()", 1),
        ("os._exit(5)", 5),
        ("sys.excepthook = lambda *a: print('hook', a[0], a[1]); deep(1)", 1),
        ("raise ExceptionGroup('g', [ValueError(1)])", 1),
        ("import atexit; atexit.register(print, 'last'); deep(1)", 1),
        ("threading.Thread(target=deep, args=(1,)).start()", 0),
        ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
        ("sys.stderr.close()", 0),
        ("del sys.stdout; os.close(2)", 0),
        ("sys.setrecursionlimit(60); deep(10000)", 1),
    ],
)
def test_it_ends_as_it_does_without(tmp_path, body, status):
    if "ExceptionGroup" in body and sys.version_info < (3, 11):
        pytest.skip("Python before 3.11 has no exception groups")
    script = f"""
        import os, signal, sys, threading
        def deep(n):
            if n:
                deep(n - 1)
            raise ValueError("too deep")
        def chained():
            try:
                deep(1)
            except ValueError as error:
                raise KeyError("chained") from error
        def work():
            {body}
        work()
        """
    write(tmp_path, "job.py", script)
    under, profile = same(tmp_path, "job.py")
    assert under.returncode == status
    if "SIGTERM" not in body:
        counted = calls(profile)
        assert counted.get("job.work") == (None if "os._exit" in body else 1)


def test_what_is_wrong_with_the_program_is_told_as_without(tmp_path):
    write(tmp_path, "wrong.py", "def f(:\n  pass\n")
    write(tmp_path, "pkg/__init__.py", "")
    assert same(tmp_path, "wrong.py")[0].returncode == 1
    assert same(tmp_path, "-m", "wrong")[0].returncode == 1
    assert same(tmp_path, "missing.py")[0].returncode == 2
    assert same(tmp_path, "-m", "missing.module")[0].returncode == 1
    assert same(tmp_path, "-m", "pkg")[0].returncode == 1


def test_modules_packages_folders_and_archives(tmp_path):
    write(tmp_path, "pkg/__init__.py", "")
    write(tmp_path, "pkg/helper.py", "def help(): return __name__")
    write(tmp_path, "pkg/tool.py", WHO_AM_I + "    from .helper import help; print(help())\n")
    write(tmp_path, "pkg/__main__.py", WHO_AM_I)
    under, profile = same(tmp_path, "-m", "pkg.tool", "-x", "1")
    assert under.returncode == 0
    assert calls(profile) == {"pkg.tool.main": 1, "pkg.helper.help": 1}
    _, profile = same(tmp_path, "-m", "pkg", "a")
    assert calls(profile) == {"pkg.__main__.main": 1}
    _, profile = same(tmp_path, "pkg", "a")
    assert calls(profile) == {"__main__.main": 1}
    with zipfile.ZipFile(tmp_path / "app.pyz", "w") as archive:
        archive.write(tmp_path / "pkg" / "__main__.py", "__main__.py")
    _, profile = same(tmp_path, "app.pyz", "a")
    assert calls(profile) == {"__main__.main": 1}
    import py_compile

    py_compile.compile(str(tmp_path / "pkg/helper.py"), cfile=str(tmp_path / "compiled.pyc"))
    assert same(tmp_path, "compiled.pyc")[0].returncode == 0


def test_processes_of_its_own_work_and_report_nothing(tmp_path):
    write(
        tmp_path,
        "job.py",
        """
        import multiprocessing, os, sys
        def square(x): return x * x
        def main():
            for method in ("fork", "spawn"):
                with multiprocessing.get_context(method).Pool(2) as pool:
                    print(pool.map(square, range(5)))
        if __name__ == "__main__":
            main()
        """,
    )
    _, profile = same(tmp_path, "job.py")
    assert calls(profile) == {"job.main": 1}
    write(
        tmp_path,
        "job.py",
        """
        import os, sys
        def main():
            print("before", flush=True)
            if os.fork() == 0:
                sys.exit(0)
            os.wait()
            print("after")
        main()
        """,
    )
    _, profile = same(tmp_path, "job.py")
    assert calls(profile) == {"job.main": 1}


EVERYTHING = """
    import abc, asyncio, contextlib, dataclasses, enum, functools, inspect, pickle, typing

    registry = {}
    def register(function):
        registry[function.__name__] = function
        return function

    @register
    def route(x: int = 3, *rest, key="k", **others) -> str:
        "Documented."
        return f"{x} {rest} {key} {others}"

    async def fetch(n):
        await asyncio.sleep(0)
        return n

    def numbers(n):
        got = yield from range(n)
        return "done"

    async def ticks(n):
        for i in range(n):
            yield i

    @contextlib.contextmanager
    def opened():
        yield "inside"

    @functools.lru_cache
    def cached(x): return x + 1

    @functools.singledispatch
    def shown(value): return "any"
    @shown.register
    def _(value: int): return "int"

    class Base(abc.ABC):
        def __init__(self, x): self.x = x
        def __call__(self): return self.x
        def __repr__(self): return f"Base({self.x})"
        def __eq__(self, other): return self.x == other.x
        @abc.abstractmethod
        def must(self): ...
        @property
        def twice(self): return 2 * self.x
        @twice.setter
        def twice(self, value): self.x = value / 2
        @staticmethod
        def fixed(x): return x
        @classmethod
        def make(cls, x): return cls(x)
        @functools.cached_property
        def once(self): return [self.x]
        class Inner:
            def deep(self): return "deep"

    class Derived(Base):
        def __init__(self, x): super().__init__(x)
        def must(self): return super().must.__name__

    @dataclasses.dataclass
    class Point:
        x: int
        def norm(self): return abs(self.x)

    class Colour(enum.Enum):
        RED = 1
        def lower(self): return self.name.lower()

    if True:
        def conditional(): return "yes"
    try:
        def tried(): return "tried"
    finally:
        pass

    def outer():
        def inner(): return 1
        return inner() + (lambda: 1)()

    def main():
        print(route(1, 2, z=3), registry["route"](), inspect.signature(route), route.__doc__)
        print(asyncio.run(fetch(4)), list(numbers(3)), inspect.iscoroutinefunction(fetch))
        async def collect(): return [i async for i in ticks(3)]
        print(asyncio.run(collect()), inspect.isasyncgenfunction(ticks))
        with opened() as what: print(what)
        print(cached(1), cached(1), cached.cache_info(), shown("x"), shown(3))
        d = Derived.make(5); d.twice = 8
        print(d, d(), d.twice, Derived.fixed(7), d.once, d.must(), Base.Inner().deep(), d == d)
        try: Base(1)
        except TypeError: print("abstract")
        print(Point(-3).norm(), Colour.RED.lower(), list(Colour), conditional(), tried(), outer())
        print(pickle.loads(pickle.dumps(route)) is route, typing.get_type_hints(route))
        print(inspect.getsource(cached), route.__name__, route.__module__, Base.make.__qualname__)
        print(inspect.isfunction(route), inspect.ismethod(d.must), callable(Base.fixed))
        print(route.__code__.co_firstlineno, route.__code__.co_name, route.__defaults__)
    if __name__ == "__main__":
        main()
    """


def test_every_kind_of_function_is_an_operation_and_works_as_before(tmp_path):
    write(tmp_path, "everything.py", EVERYTHING)
    under, profile = same(tmp_path, "everything.py")
    assert under.returncode == 0, under.stderr
    counted = calls(profile)
    names = {name.removeprefix("everything.") for name in counted}
    assert names == {
        *"register route fetch numbers ticks opened cached shown _ main conditional tried".split(),
        *"outer Base.__init__ Base.__call__ Base.twice Base.fixed Base.make Base.once".split(),
        *"Base.Inner.deep Derived.__init__ Derived.must Point.norm Colour.lower".split(),
    }
    assert counted["everything.route"] == 2 and counted["everything.cached"] == 1
    assert counted["everything.Base.twice"] == 2  # the getter and the setter


def test_only_chosen_modules_are_operations_and_only_their_own_functions(tmp_path):
    write(tmp_path, "mine/__init__.py", "from .core import compute\nimport theirs\n")
    write(tmp_path, "mine/core.py", "def compute(): return helper()\ndef helper(): return 1")
    write(tmp_path, "mine/deep/__init__.py", "def dive(): return 2")
    write(tmp_path, "theirs.py", "from mine.core import helper\ndef other(): return 3")
    script = """
        import mine, mine.deep, theirs
        def main(): return mine.compute() + mine.deep.dive() + theirs.other() + theirs.helper()
        print(main())
        """
    write(tmp_path, "job.py", script)
    profile = tmp_path / "profile.json"
    for patterns, expected in (
        (["--ops", "mine.*"], {"mine.core.compute": 1, "mine.core.helper": 2, "mine.deep.dive": 1}),
        (["--ops", "mine.deep"], {"mine.deep.dive": 1}),
        (["--ops", "theirs, mine.deep"], {"theirs.other": 1, "mine.deep.dive": 1}),
        (["--ops", "theirs", "--ops", "job"], {"theirs.other": 1, "job.main": 1}),
        ([], {"job.main": 1}),
    ):
        done = python(tmp_path, "-m", "prognos", "run", *patterns, "--output", profile, "job.py")
        assert done.stdout == "7\n", done.stderr
        assert calls(profile) == expected, patterns


def test_the_report_goes_to_standard_error_and_says_when_there_is_nothing(tmp_path):
    write(tmp_path, "job.py", "def main(): print('hello')\nmain()")
    done = python(tmp_path, "-m", "prognos", "run", "job.py")
    assert done.stdout == "hello\n"
    assert re.search(r"^job\.main +1 ", done.stderr, re.M), done.stderr
    done = python(tmp_path, "-m", "prognos", "run", "--ops", "other.*", "job.py")
    assert "no operation was called, and no function of other.*; see --ops" in done.stderr
    done = python(tmp_path, "-m", "prognos", "run", "--output", "-", "--format", "folded", "job.py")
    assert done.stdout.startswith("hello\njob.main"), done.stdout


def test_options_of_start_and_what_is_wrong_with_them(tmp_path):
    write(tmp_path, "job.py", "import prognos\ndef f(): print(prognos.capabilities().track)\nf()")
    run = ("-m", "prognos", "run")
    done = python(tmp_path, *run, "--track", "cpu,memory", "--sample-hz", "7", "job.py")
    assert done.stdout == "('cpu', 'memory')\n", done.stderr
    trace = tmp_path / "trace.json"
    done = python(tmp_path, *run, "--format", "chrome_trace", "--output", trace, "job.py")
    assert "job.f" in trace.read_text()
    for wrong, text in (
        (["--track", "gpu", "job.py"], "track is 'gpu'; expected one of"),
        (["--sample-hz", "x", "job.py"], "invalid"),
        (["--max-ops", "1", "job.py"], "max_ops is 1; expected 16 to"),
        (["--tracks", "cpu", "job.py"], "unrecognized arguments: --tracks"),
        ([], "which program?"),
    ):
        done = python(tmp_path, *run, *wrong)
        assert done.returncode == 2 and text in done.stderr, (wrong, done.stderr)
        assert done.stdout == ""


def test_a_recording_outlives_whatever_kills_the_program(tmp_path):
    write(tmp_path, "job.py", "import os, signal\ndef f(): os.kill(os.getpid(), 9)\nf()")
    recording = tmp_path / "r.prognos"
    done = python(
        tmp_path,
        "-m",
        "prognos",
        "run",
        "--recording",
        recording,
        "--recording-flags",
        "1",
        "job.py",
    )
    assert done.returncode == -9
    assert b"job.f" in recording.read_bytes()
