# SPDX-License-Identifier: Apache-2.0
"""Whether anything breaks: CPython's own tests, and those of packages, with Prognos and without.

    python3 benchmarks/python/nothing_breaks.py                       every CPython that pyenv
    has; an hour python3 benchmarks/python/nothing_breaks.py --versions 3.12 --tests
    test_threading test_contextlib python3 benchmarks/python/nothing_breaks.py --packages
    test suites from PyPI, under pytest --prognos

CPython's tests run three times: plain; "started", with everything that prognos.start() can turn
on; and "instrumented", where besides every function of asyncio, threading, concurrent.futures,
multiprocessing, queue, sched, selectors and socketserver is an operation. Each test case that
does not fail without Prognos has to not fail with it. What fails is run again with and without,
twice: what then passes depends on the machine, and is listed as such.

A version whose installation has no tests is listed as left out. Nothing outside of --scratch is
written, but for --json, and what CPython's tests themselves use.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parents[2]
TESTS = [
    "test_asyncgen",
    "test_asyncio",
    "test_concurrent_futures",
    "test_context",
    "test_contextlib",
    "test_contextlib_async",
    "test_coroutines",
    "test_decorators",
    "test_fork1",
    "test_functools",
    "test_gc",
    "test_generators",
    "test_inspect",
    "test_multiprocessing_fork",
    "test_queue",
    "test_sched",
    "test_selectors",
    "test_signal",
    "test_socketserver",
    "test_subprocess",
    "test_sys_setprofile",
    "test_sys_settrace",
    "test_thread",
    "test_threadedtempfile",
    "test_threading",
    "test_threading_local",
    "test_tracemalloc",
    "test_weakref",
    "test_with",
]
INSTRUMENTED = [
    "asyncio",
    "concurrent",
    "multiprocessing",
    "queue",
    "sched",
    "selectors",
    "socketserver",
    "threading",
]
MODES = ("plain", "started", "instrumented")
PACKAGES = ["more-itertools", "click", "attrs"]

# What every process of a run imports first. It says where a process that cannot start it ends up.
SITE = """
import os as _os
if _os.environ.get("NOTHING_BREAKS_MODE") in ("started", "instrumented"):
    import sys as _sys
    import prognos as _prognos
    _prognos.start(track="cpu,memory,io,stacks,samples,timeline", crash_notes=True)
    if _os.environ["NOTHING_BREAKS_MODE"] == "instrumented":
        from prognos._instrument import Finder as _Finder
        _meant = frozenset(_os.environ["NOTHING_BREAKS_MODULES"].split(","))
        _sys.meta_path.insert(0, _Finder(lambda name: name.partition(".")[0] in _meant))
    _path = _os.environ["NOTHING_BREAKS_SEEN"]
    _os.close(_os.open(_os.path.join(_path, str(_os.getpid())), _os.O_CREAT | _os.O_WRONLY))
"""


def interpreters(wanted):
    """Version -> the interpreter, for each CPython from 3.10 on that pyenv has with its tests."""
    root = pathlib.Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    found, left_out = {}, []
    for version in ("3.10", "3.11", "3.12", "3.13", "3.14"):
        if wanted and version not in wanted:
            continue
        homes = sorted(root.glob(f"{version}.*"))
        tests = [home / "lib" / f"python{version}" / "test" for home in homes]
        if not homes:
            left_out.append(f"CPython {version} is not here")
        elif not (tests[-1] / "test_threading.py").exists():
            left_out.append(f"CPython {version} has no tests here")
        else:
            found[version] = homes[-1] / "bin" / "python3"
    return found, left_out


def build(python, library, out):
    subprocess.run(
        [ROOT / "scripts" / "build-python", python, out, library],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (out / "sitecustomize.py").write_text(SITE)


def environment(mode, out, scratch):
    seen = scratch / "seen"
    seen.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith("PROGNOS_")}
    kept.update(
        PYTHONPATH=str(out),
        TMPDIR=str(scratch),
        NOTHING_BREAKS_MODE=mode,
        NOTHING_BREAKS_SEEN=str(seen),
        NOTHING_BREAKS_MODULES=",".join(INSTRUMENTED),
    )
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONHASHSEED"):
        kept.pop(name, None)  # some tests look at flags
    return kept


class Outcome:
    """What one run of a test file came to: its cases, and those that failed."""

    def __init__(self, cases, failed, ended):
        self.cases = cases
        self.failed = failed
        self.ended = ended  # how the process did: 0, or what it said last


def read_report(path, ended):
    cases, failed = 0, set()
    try:
        root = xml.etree.ElementTree.parse(path).getroot()
    except (OSError, xml.etree.ElementTree.ParseError):
        return Outcome(0, {"(no report)"}, ended)
    for case in root.iter("testcase"):
        if case.get("status") == "notrun":
            continue
        cases += 1
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(f"{case.get('classname') or ''}.{case.get('name')}".lstrip("."))
    return Outcome(cases, failed, ended)


def run_test(python, test, mode, out, scratch, timeout, only=()):
    report = scratch / "report.xml"
    report.unlink(missing_ok=True)
    command = [python, "-m", "test", "--junit-xml", report, "--timeout", str(timeout)]
    command += ["-u", "network"] if test == "test_socketserver" else []  # on 127.0.0.1
    command += [test]
    for pattern in only:
        command += ["-m", pattern]
    output = scratch / f"{test}.{mode}.log"
    with open(output, "ab") as log:  # of all runs: what happens rarely is not written over
        try:
            status = subprocess.run(
                command,
                env=environment(mode, out, scratch),
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=timeout * 3,
            ).returncode
        except subprocess.TimeoutExpired:
            status = "timeout"
    outcome = read_report(report, status)
    if status not in (0, 2, 3, 4):  # regrtest's own: failures, environment changed, nothing run
        outcome.failed.add(f"(the process ended with {status})")
    return outcome


def fails_again(python, test, mode, out, scratch, timeout, names):
    """Those of the failed cases that fail in each of two more runs."""
    left = set(names)
    for _ in range(2):
        if left:
            patterns = sorted({re.sub(r".* \(([\w.]+)\)$|^.*\.", "", name) for name in left})
            known = [pattern for pattern in patterns if re.fullmatch(r"\w+", pattern)]
            outcome = run_test(python, test, mode, out, scratch, timeout, known)
            left &= outcome.failed
    return left


def compare(python, test, out, scratch, timeout, modes):
    """Runs one test file in each mode; returns a row of the table."""
    row = {"test": test}
    tests = subprocess.run(
        [python, "-c", "import test; print(test.__path__[0])"], capture_output=True, text=True
    ).stdout.strip()
    if not any(os.path.exists(os.path.join(tests, name)) for name in (test, f"{test}.py")):
        return {**row, "left out": "not installed"}
    plain = None
    for mode in modes:
        outcome = run_test(python, test, mode, out, scratch, timeout)
        row[mode] = {"cases": outcome.cases, "failed": sorted(outcome.failed)}
        if mode == "plain":
            plain = outcome
            continue
        new = outcome.failed - plain.failed
        row[mode]["broken"] = sorted(
            fails_again(python, test, mode, out, scratch, timeout, new) if new else ()
        )
        row[mode]["by_chance"] = sorted(new - set(row[mode]["broken"]))
        if row[mode]["broken"]:
            # The machine has changed since the plain run, perhaps.
            again = fails_again(python, test, "plain", out, scratch, timeout, row[mode]["broken"])
            row[mode]["broken"] = sorted(set(row[mode]["broken"]) - again)
    return row


def test_packages(python, library, scratch, names):
    """Runs the tests of packages from PyPI with and without --prognos, and with all that starts."""
    venv = scratch / "venv"
    subprocess.run([python, "-m", "venv", venv], check=True)
    pip = [venv / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "pytest", "hypothesis"], check=True)
    out = scratch / "package"
    build(venv / "bin" / "python", library, out)
    rows = []
    for name in names:
        sources = scratch / "sources" / name
        download = [venv / "bin" / "pip", "download", "--quiet", "--disable-pip-version-check"]
        download += ["--no-deps", "--no-binary", name, "--no-build-isolation", "-d", sources, name]
        subprocess.run([*pip, "setuptools", "wheel", "flit-core", "hatchling"], check=True)
        subprocess.run([*pip, "hatch-vcs", "hatch-fancy-pypi-readme"], check=True)
        subprocess.run(download, check=True)
        (archive,) = sources.glob("*.tar.gz")
        shutil.unpack_archive(archive, sources)
        (tree,) = [path for path in sources.iterdir() if path.is_dir()]
        subprocess.run([*pip, "--no-build-isolation", tree], check=True)
        row = {"package": tree.name}
        for mode in ("plain", "--prognos", "--prognos, all on"):
            report = scratch / "report.xml"
            report.unlink(missing_ok=True)
            command = [venv / "bin" / "python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]
            command += [f"--junit-xml={report}", "tests"]
            if mode != "plain":
                command += ["-p", "prognos.pytest_plugin", "--prognos"]
            started = "started" if mode.endswith("on") else "plain"
            with open(scratch / f"{name}.{started}.log", "wb") as log:
                status = subprocess.run(
                    command,
                    cwd=tree,
                    env=environment(started, out, scratch),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=1800,
                ).returncode
            outcome = read_report(report, status)
            row[mode] = {"cases": outcome.cases, "failed": sorted(outcome.failed)}
        for mode in ("--prognos", "--prognos, all on"):
            row[mode]["broken"] = sorted(set(row[mode]["failed"]) - set(row["plain"]["failed"]))
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def tables(results):
    """The results as Markdown."""
    lines = [
        "| CPython | tests | cases | fail without | broken: started | broken: instrumented "
        "| by chance |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for version, rows in results.get("cpython", {}).items():
        rows = [row for row in rows if "plain" in row]

        def count(mode, key, rows=rows):
            known = [row[mode] for row in rows if mode in row]
            return sum(len(row.get(key, ())) for row in known) if known else "-"

        chance = [count(mode, "by_chance") for mode in MODES[1:]]
        cells = [
            version,
            len(rows),
            f"{sum(row['plain']['cases'] for row in rows):,}",
            count("plain", "failed"),
            *(count(mode, "broken") for mode in MODES[1:]),
            sum(number for number in chance if number != "-"),
        ]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    if results.get("packages"):
        lines += ["", "| package | cases | fail without | broken: `--prognos` | broken: all on |"]
        lines.append("| --- | --- | --- | --- | --- |")
        for row in results["packages"]:
            cells = [row["package"], f"{row['plain']['cases']:,}", len(row["plain"]["failed"])]
            cells += [len(row[mode]["broken"]) for mode in ("--prognos", "--prognos, all on")]
            lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--library", type=pathlib.Path, default=ROOT / "build" / "lib")
    parser.add_argument("--versions", nargs="+", metavar="3.x")
    parser.add_argument("--tests", nargs="+", default=TESTS, metavar="test_name")
    parser.add_argument("--modes", nargs="+", choices=MODES[1:], default=MODES[1:])
    parser.add_argument(
        "--packages", nargs="*", metavar="NAME", help="these instead of CPython's tests"
    )
    parser.add_argument("--timeout", type=int, default=600, help="seconds for a test file")
    parser.add_argument("--scratch", type=pathlib.Path, help="where logs stay (default: deleted)")
    parser.add_argument("--json", type=pathlib.Path, help="where the results are added to")
    options = parser.parse_args()

    found, left_out = interpreters(options.versions)
    for sentence in left_out:
        print("left out:", sentence)
    if not found:
        sys.exit("no CPython with its tests was found")
    scratch = options.scratch or pathlib.Path(tempfile.mkdtemp(prefix="nothing-breaks-"))
    scratch = scratch.resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    results = {}
    if options.json and options.json.exists():
        results = json.loads(options.json.read_text())

    def keep():
        if options.json:
            options.json.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")

    try:
        if options.packages is not None:
            python = found[sorted(found)[-1]]
            names = options.packages or PACKAGES
            results["packages"] = test_packages(python, options.library, scratch, names)
            keep()
        else:
            for version, python in found.items():
                place = scratch / version
                place.mkdir(exist_ok=True)
                out = place / "package"
                build(python, options.library, out)
                rows = results.setdefault("cpython", {}).setdefault(version, [])
                for test in options.tests:
                    row = compare(
                        python, test, out, place, options.timeout, ("plain", *options.modes)
                    )
                    known = [old for old in rows if old["test"] == test]
                    row = {**known[0], **row} if known else row  # the modes that were not run
                    rows[:] = [old for old in rows if old["test"] != test] + [row]
                    print(version, json.dumps(row), flush=True)
                    keep()
                absent = [row["test"] for row in rows if "left out" in row]
                if absent:
                    print(f"{version}: not installed: {', '.join(absent)}")
                processes = len(list((place / "seen").glob("*")))
                print(f"{version}: Prognos was started in {processes} processes", flush=True)
    finally:
        if options.scratch is None:
            shutil.rmtree(scratch, ignore_errors=True)
    print(tables(results))


if __name__ == "__main__":
    main()
