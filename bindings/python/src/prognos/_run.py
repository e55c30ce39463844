# SPDX-License-Identifier: Apache-2.0
"""Runs a program as plain Python does, with its functions as operations, and reports at its end."""

import argparse
import atexit
import builtins
import functools
import inspect
import io
import os
import sys
import types
from typing import Any, NoReturn

import prognos

from . import _instrument, _lifecycle
from ._names import FORMATS

DESCRIPTION = """\
Runs a Python program under Prognos: every function of the chosen modules becomes an operation. The
program runs as it does without: its arguments, output, exceptions and exit status are its own. At
its end, however it ends but by a signal, a report goes to standard error or into a file.
"""
EXAMPLES = """\
examples:
  python -m prognos run script.py --its-own arguments
  python -m prognos run --ops 'mypkg.*' --output profile.json -m mypkg.tool
  python -m prognos run --ops 'mypkg.*,__main__' --track cpu,memory script.py
  python -m prognos run --recording auto server.py
      for the command prognos: top while it runs, report after whatever killed it
"""
_NUMBERS = ("int | None", "bool | None")


def parser() -> argparse.ArgumentParser:
    """The command line of `python -m prognos`."""
    top = argparse.ArgumentParser(prog="python -m prognos")
    top.add_argument("--version", action="version", version=f"prognos {prognos.__version__}")
    commands = top.add_subparsers(dest="command", metavar="run", required=True)
    run = commands.add_parser(
        "run",
        help="run a program, and report what its functions cost",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    run.add_argument(
        "--ops",
        action="append",
        metavar="PATTERNS",
        help="modules whose functions become operations, such as 'mypkg.*'; several are joined by "
        "commas. __main__ is the program itself. Default: __main__",
    )
    run.add_argument("--output", metavar="FILE", help="where to report: default standard error")
    run.add_argument(
        "--format",
        choices=list(FORMATS),
        help="default: json for a FILE that ends with .json, else text",
    )
    options = run.add_argument_group("options of prognos.start()")
    for name, parameter in inspect.signature(_lifecycle.start).parameters.items():
        if name in ("log", "recording_path", "memory_limit"):
            continue
        options.add_argument(
            "--" + name.replace("_", "-"),
            metavar="N" if parameter.annotation in _NUMBERS else "TEXT",
            type=_number if parameter.annotation in _NUMBERS else str,
            default=None,
        )
    run.add_argument("-m", dest="module", nargs=argparse.REMAINDER, help=argparse.SUPPRESS)
    run.add_argument(
        "program", nargs=argparse.REMAINDER, metavar="script.py | -m module  [arguments]"
    )
    return top


def _number(text: str) -> int:
    return int(text, 0)


def main(arguments: "list[str] | None" = None) -> None:
    top = parser()
    given = top.parse_args(arguments)
    if not given.module and not given.program:
        top.error("run: which program? Give a script, or -m and a module")
    patterns = [
        pattern.strip()
        for patterns in given.ops or ["__main__"]
        for pattern in patterns.split(",")
        if pattern.strip()
    ]
    options = {
        name: getattr(given, name)
        for name in inspect.signature(_lifecycle.start).parameters
        if getattr(given, name, None) is not None
    }
    form = given.format or ("json" if (given.output or "").endswith(".json") else "text")
    if form == "chrome_trace" and "track" not in options:
        options["track"] = ",".join((*prognos.options().track, "timeline"))
    try:
        prognos.start(**options)
    except (prognos.Error, ValueError) as error:
        top.error(str(error))
    report = Report(given.output, form, patterns)
    atexit.register(report)
    os._exit = report.before(os._exit)
    if given.module:
        _run_module(given.module, patterns)
    else:
        _run_script(given.program, patterns)


class Report:
    """Written once, by the process that ran the program and by none that it forked."""

    def __init__(self, output: "str | None", form: Any, patterns: "list[str]") -> None:
        self.process = os.getpid()
        # The program may change its directory.
        self.output = os.path.abspath(output) if output and output != "-" else output
        self.form, self.patterns = form, patterns

    def __call__(self) -> None:
        if self.process != os.getpid():
            return
        self.process = 0
        try:
            self.write()
        except Exception as error:
            self.say(f"prognos: no report: {error}\n")

    def write(self) -> None:
        try:
            prognos.assess()
        except prognos.Error:
            pass  # the program stopped it
        if self.output:
            prognos.dump(self.output, self.form)
        else:
            self.say(prognos.render(self.form))
        if not any(op.read().count for op in prognos.operations()):
            modules = ", ".join(self.patterns)
            self.say(f"prognos: no operation was called, and no function of {modules}; see --ops\n")

    def say(self, text: str) -> None:
        """To standard error, wherever the program left sys.stderr."""
        try:
            if sys.stderr is not None:
                sys.stderr.flush()
        except (ValueError, OSError):
            pass
        raw = text.encode("utf-8", "replace")
        try:
            while raw:
                raw = raw[os.write(2, raw) :]
        except OSError:
            pass  # closed by the program

    def before(self, function: Any) -> Any:
        """os._exit, with the report before it."""

        @functools.wraps(function)
        def exit(status: int) -> NoReturn:
            self()
            function(status)
            raise AssertionError  # it does not return

        return exit


def _new_main() -> types.ModuleType:
    """A fresh __main__ for the program. The one of this package must live on: it is running."""
    main = types.ModuleType("__main__")
    main.__builtins__ = builtins  # type: ignore[attr-defined]
    ours = sys.modules["prognos.__main__"] = sys.modules["__main__"]
    if "__annotations__" in vars(ours):  # not from Python 3.14 on
        main.__annotations__ = {}
    sys.modules["__main__"] = main
    return main


def _run_module(argv: "list[str]", patterns: "list[str]") -> None:
    import runpy

    sys.argv = ["-m", *argv[1:]]
    _new_main()
    _instrument.install(patterns, main=_main_of(argv[0]))
    # What `python -m` itself calls.
    _as_plain(lambda: runpy._run_module_as_main(argv[0]))  # type: ignore[attr-defined]


def _main_of(module: str) -> str:
    """The module that is run for -m: that of a package is its __main__."""
    import importlib.util

    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError, AttributeError):
        return module
    is_package = spec is not None and spec.submodule_search_locations is not None
    return module + ".__main__" if is_package else module


def _run_script(argv: "list[str]", patterns: "list[str]") -> None:
    path = argv[0]
    sys.argv = list(argv)
    is_isolated = getattr(sys.flags, "safe_path", False) or sys.flags.isolated
    if os.path.isdir(path) or _is_archive(path):
        import runpy

        folder = os.path.abspath(path)
        _set_first_path(folder, is_isolated)
        if is_isolated:
            sys.path.insert(0, folder)
        _new_main()
        _instrument.install(patterns)
        _as_plain(lambda: runpy._run_module_as_main("__main__", False))  # type: ignore[attr-defined]
        return
    _set_first_path(os.path.dirname(os.path.realpath(path)), is_isolated)
    name = os.path.splitext(os.path.basename(path))[0]
    _instrument.install(patterns)
    is_meant = _instrument.matches("__main__", patterns) or _instrument.matches(name, patterns)
    absolute = os.path.abspath(path)
    try:
        with io.open_code(absolute) as file:
            data = file.read()
    except OSError as error:
        print(
            f"{sys.executable}: can't open file {absolute!r}: [Errno {error.errno}] "
            f"{error.strerror}",
            file=sys.stderr,
        )
        sys.exit(2)
    main = _new_main()
    main.__file__ = absolute
    main.__cached__ = None  # type: ignore[attr-defined]

    def execute() -> None:
        code, loader = _compiled(data, absolute, name if is_meant else None)
        main.__loader__ = loader("__main__", absolute)
        exec(code, main.__dict__)

    _as_plain(execute)


def _compiled(data: bytes, path: str, name: "str | None") -> Any:
    """The code of a script, and the class that plain Python names as its loader."""
    import pkgutil
    from importlib.machinery import SourceFileLoader, SourcelessFileLoader

    if path.endswith(".pyc"):
        code = pkgutil.read_code(io.BytesIO(data))
        if code is not None:
            return code, SourcelessFileLoader
    if name is not None:
        try:
            return _instrument.instrumented(data, path, name), SourceFileLoader
        except (SyntaxError, ValueError, RecursionError):
            pass  # told as plain Python does
    return compile(data, path, "exec", dont_inherit=True), SourceFileLoader


def _is_archive(path: str) -> bool:
    import zipfile

    return os.path.isfile(path) and not path.endswith(".py") and zipfile.is_zipfile(path)


def _set_first_path(path: str, is_isolated: Any) -> None:
    """`python -m` puts the working directory first; a script has its own folder there."""
    if not is_isolated:
        sys.path[0] = path


def _as_plain(run: Any) -> None:
    """Runs the program; what it raises is told without the frames of this package."""
    try:
        run()
    except SystemExit:
        raise
    except BaseException as error:
        trace = _without_ours(error.__traceback__)
        error.__traceback__ = trace
        sys.excepthook(type(error), error, trace)
        # It is told. The interpreter still has to see it, for the exit status.
        sys.excepthook = lambda *error: None
        raise


def _without_ours(trace: "types.TracebackType | None") -> "types.TracebackType | None":
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    return trace
