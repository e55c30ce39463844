# SPDX-License-Identifier: Apache-2.0
"""Programs that know nothing of Prognos do the same with the preload library as without."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIBRARY_DIR = Path(os.environ.get("PROGNOS_LIBRARY_DIR", ROOT / "build" / "lib"))


@pytest.fixture(scope="session")
def preload():
    return LIBRARY_DIR / "libprognos_preload.so"


def program(name):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: run scripts/setup")
    return path


def run(command, directory, environment, given=b""):
    done = subprocess.run(
        [str(word) for word in command],
        cwd=directory,
        env={**os.environ, "LC_ALL": "C", **environment},
        input=given,
        capture_output=True,
        timeout=200,
    )
    # What differs between any two runs.
    said = re.sub(rb"in \d+\.\d+s|0x[0-9a-f]{6,}", b"...", done.stderr)
    return done.returncode, done.stdout, said


def same_with_and_without(preload, tmp_path, command, given=b""):
    """Runs a program twice, each time in a fresh directory; returns the directory of the profiled
    run and the profiles of its processes."""
    plain, profiled, dumps = tmp_path / "run", tmp_path / "profiled", tmp_path / "dumps"
    plain.mkdir()
    dumps.mkdir()
    expected = run(command, plain, {}, given)
    plain.rename(profiled)  # so that messages name the same path
    plain.mkdir()
    found = run(
        command,
        plain,
        {
            "LD_PRELOAD": str(preload),
            "PROGNOS_DUMP": str(dumps / "%p.json"),
            "PROGNOS_SAMPLE_HZ": "1000",
            "PROGNOS_HEAP_SAMPLE_BYTES": "16384",
        },
        given,
    )
    assert found == expected
    profiles = [json.loads(path.read_text("utf-8")) for path in dumps.iterdir()]
    assert profiles
    return plain, profiles


@pytest.mark.parametrize(
    "modules",
    [
        "test.test_json test.test_struct test.test_zlib test.test_bytes",
        "test.test_sqlite3",
        "test.test_threading.ThreadTests test.test_threading.ThreadJoinOnShutdown",
        "test.test_subprocess.ProcessTestCase.test_communicate"
        " test.test_subprocess.POSIXProcessTestCase.test_preexec",
        "test.test_signal.ItimerTest test.test_signal.PendingSignalsTests test.test_mmap",
    ],
)
def test_cpython_passes_its_own_tests(preload, tmp_path, modules):
    found = subprocess.run([sys.executable, "-c", "import test.support"], capture_output=True)
    if found.returncode != 0:
        pytest.skip(f"{sys.executable} has no test package")
    same_with_and_without(
        preload, tmp_path, [sys.executable, "-m", "unittest", "-q", "-b", *modules.split()]
    )


def test_sqlite(preload, tmp_path):
    statements = b"""
        CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000)
          INSERT INTO t SELECT i, printf('row %d', i * 7919 % 100003) FROM n;
        CREATE INDEX i ON t(b);
        SELECT count(*), sum(length(b)), min(b), max(b) FROM t;
        SELECT no_such_column FROM t;
        PRAGMA integrity_check;
    """
    same_with_and_without(preload, tmp_path, [program("sqlite3"), "data.db"], statements)


def test_xz_with_threads(preload, tmp_path):
    given = b"".join(b"%d " % (n * n * 7919 % 1000003) for n in range(300000))
    command = [program("xz"), "-6", "-T2", "--block-size=256KiB", "-c"]
    same_with_and_without(preload, tmp_path, command, given)


def test_git(preload, tmp_path):
    program("git")
    script = """
        export HOME=$PWD GIT_CONFIG_NOSYSTEM=1
        export GIT_AUTHOR_DATE=2020-01-01T00:00:00Z GIT_COMMITTER_DATE=2020-01-01T00:00:00Z
        git -c init.defaultBranch=main init -q .
        git config user.name n && git config user.email e@x
        for n in 1 2 3 4 5; do echo "$n" >> file; git add file; git commit -q -m "commit $n"; done
        git log --stat | cat; git gc -q; git fsck --strict; git checkout -q no-such-branch; echo $?
    """
    same_with_and_without(preload, tmp_path, [program("bash"), "-c", script])


def test_compiler(preload, tmp_path):
    source = b"""#include <map>
#include <string>
int main() { std::map<std::string, int> m; m["x"] = 1; return m["x"] - 1 + undeclared; }
"""
    script = """
        g++ --version; cat > source.cpp; g++ -O1 source.cpp -o program; echo $?
        g++ -O1 -Dundeclared=0 source.cpp -o program && ./program; echo $?; cksum program
    """
    program("g++")
    directory, _ = same_with_and_without(preload, tmp_path, [program("bash"), "-c", script], source)
    assert (directory / "program").exists()


def test_shell_pipelines_and_failures(preload, tmp_path):
    script = """
        set -o pipefail
        seq 1 20000 | sort -rn | awk '{ s += $1 } END { print s }'
        (exit 7); echo $?
        bash -c 'kill -TERM $$'; echo $?
        cat no-such-file; ls /proc/self/fd | wc -l
        trap 'echo trapped' PROF; kill -PROF $$; sleep 0.1; exit 5
    """
    same_with_and_without(preload, tmp_path, [program("bash"), "-c", script])


def test_a_profile_of_an_unchanged_program_says_where_memory_went(preload, tmp_path):
    command = [sys.executable, "-c", "x = [bytes(1000) for _ in range(100000)]; print(len(x))"]
    _, profiles = same_with_and_without(preload, tmp_path, command)
    assert len(profiles) == 1
