# SPDX-License-Identifier: Apache-2.0
"""The types are complete and true: mypy reads the package and a program that uses it, strictly."""

import os
import subprocess
import sys
from pathlib import Path

import prognos
import pytest

EXAMPLE = Path(__file__).with_name("typed_example.py")
PACKAGE = Path(prognos.__file__).parent


def mypy(folder, *arguments):
    pytest.importorskip("mypy", reason="mypy is not installed (tests/requirements.txt)")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", folder / "cache", *arguments],
        cwd=folder,
        env=os.environ | {"MYPYPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
    )
    return done.stdout + done.stderr


def test_a_typed_host_and_the_package_itself(tmp_path):
    files = ["__init__.pyi", "_core.pyi", "answers/__init__.py"]
    files += "_layout _names _library _reads _alerts _lifecycle _series _experiments".split()
    files += "_profiles _tasks _instrument _run _fork_warning".split()
    paths = [PACKAGE / (name if "." in name else name + ".py") for name in files]
    assert "Success" in mypy(tmp_path, EXAMPLE, *paths)


def test_mistakes_are_found(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "import prognos\n"
        "op = prognos.op('parse')\n"
        "op.read('week')\n"
        "op.read().wall_p95\n"
        "prognos.start(tracks='cpu')\n"
        "leak: prognos.Leak = prognos.leaks()\n"
        "@op\n"
        "def double(x: int) -> int: return 2 * x\n"
        "double('x')\n"
    )
    said = mypy(tmp_path, wrong)
    lines = {line.split(":")[1] for line in said.split("\n") if ": error:" in line}
    assert lines == {"3", "4", "5", "6", "9"}, said


def test_the_stubs_name_what_is_there():
    stub = (PACKAGE / "__init__.pyi").read_text()
    named = {line.split(" as ")[1] for line in stub.split("\n") if " as " in line}
    named |= {"Operation", "Session", "op", "session"}
    public = {name for name in dir(prognos) if not name.startswith("_")} - set(MODULES)
    assert public | {"__version__"} == named


MODULES = [path.stem for path in PACKAGE.iterdir()]


def test_the_typed_host_runs():
    done = subprocess.run([sys.executable, EXAMPLE], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_what_servers_and_pools_use_has_types(tmp_path):
    example = tmp_path / "example.py"
    example.write_text(
        "import logging\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "import prognos\n"
        "import prognos.forks, prognos.greenlets, prognos.logging\n"
        "from prognos import aiohttp, asgi, wsgi\n"
        "from prognos.futures import Traced, submit\n"
        "async def app(scope: object, receive: object, send: object) -> None: ...\n"
        "wrapped = asgi.Middleware(app, work='both', route=lambda scope: 'GET /')\n"
        "middleware = aiohttp.middleware(session=lambda request: None)\n"
        "pool = Traced(ThreadPoolExecutor(1), 'work')\n"
        "number: int = submit(pool, len, 'abc', operation='len').result()\n"
        "with prognos.forks.Children() as children:\n"
        "    count: int = children.operations()['work']['count']\n"
        "logging.getLogger().addFilter(prognos.logging.OperationFilter())\n"
    )
    assert "Success" in mypy(tmp_path, example)
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from prognos.wsgi import Middleware\n"
        "def app(environ: object, start: object) -> list[bytes]: return []\n"
        "Middleware(app, work='all')\n"
    )
    assert ":3: error:" in mypy(tmp_path, wrong)
