# SPDX-License-Identifier: Apache-2.0
"""Real programs that know nothing of Prognos, with its starter preloaded and without, in turn."""

import math
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import time

JSON_SCRIPT = """
import json
text = json.dumps([{"id": i, "name": str(i) * 3, "tags": ["a", "b", str(i)]} for i in range(20000)])
for _ in range(12):
    json.loads(text)
"""
DICT_SCRIPT = """
for turn in range(8):
    table = {}
    for i in range(120000):
        table[f"key {i}"] = [i, str(i)]
"""
SQL = """
create table item (id integer primary key, name text, price real);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 300000)
  insert into item select i, 'item ' || (i * 7919 % 300007), i * 0.25 from n;
create index by_name on item (name);
select count(*), sum(length(name)) from item where name like 'item 1%';
select substr(name, 1, 7) as start, sum(price) from item group by start order by 2 desc limit 3;
"""
CXX_SOURCE = """
#include <algorithm>
#include <map>
#include <regex>
#include <string>
#include <vector>
int main() {
    std::map<std::string, std::vector<int>> table;
    std::regex word("([a-z]+)[0-9]*");
    for (int i = 0; i < 10; i++)
        if (std::regex_match(std::to_string(i), word)) table[std::to_string(i)].push_back(i);
    return (int)table.size();
}
"""


class Missing(Exception):
    """Why a program is left out."""


def _need(name: str) -> str:
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed")
    return found


def _json(_into: pathlib.Path) -> list:
    return [sys.executable, "-c", JSON_SCRIPT]


def _dicts(_into: pathlib.Path) -> list:
    return [sys.executable, "-c", DICT_SCRIPT]


def _sqlite(into: pathlib.Path) -> list:
    script = into / "inserts.sql"
    script.write_text(SQL, encoding="utf-8")
    return [_need("sqlite3"), ":memory:", f".read {script}"]


def _xz(into: pathlib.Path) -> list:
    words = random.Random(1).choices([f"word{i}" for i in range(3000)], k=500000)
    file = into / "words.txt"
    file.write_text(" ".join(words), encoding="utf-8")
    return [_need("xz"), "-T1", "-3", "-k", "-c", file]


def _repository(into: pathlib.Path) -> pathlib.Path:
    """Two thousand commits, each of which changes a line of one of twenty files."""
    git, where = _need("git"), into / "repository"
    if where.exists():
        return where
    subprocess.run([git, "init", "-q", "--bare", where], check=True)
    files = [[f"line {line} of {name}" for line in range(200)] for name in range(20)]
    stream = []
    for commit in range(2000):
        file = commit % 20
        files[file][commit * 7 % 200] = f"changed by {commit}"
        text = "\n".join(files[file]) + "\n"
        stream += [
            "commit refs/heads/main",
            f"committer Somebody <somebody@example.org> {1700000000 + commit} +0000",
            f"data {len(f'commit {commit}')}\ncommit {commit}",
            f"M 100644 inline file{file}\ndata {len(text)}\n{text}",
        ]
    subprocess.run(
        [git, "-C", where, "fast-import", "--quiet"], input="\n".join(stream), text=True, check=True
    )
    return where


def _git_log(into: pathlib.Path) -> list:
    return [_need("git"), "-C", _repository(into), "log", "-p", "--stat", "main"]


def _git_pack(into: pathlib.Path) -> list:
    flags = ["-a", "-d", "-f", "-q", "--window=20"]
    return [_need("git"), "-C", _repository(into), "-c", "pack.threads=1", "repack", *flags]


def _gcc(into: pathlib.Path) -> list:
    """A thousand functions, and their C++ kin that is mostly headers."""
    source = into / "functions.c"
    body = "int f{0}(int *a, int n) {{ int s = {0}; for (int i = 0; i < n; i++) s += a[i] * {0}; "
    text = "\n".join((body + "return s; }}").format(number) for number in range(400))
    source.write_text(text, encoding="utf-8")
    return [_need("gcc"), "-O2", "-c", source, "-o", into / "functions.o"]


def _gxx(into: pathlib.Path) -> list:
    source = into / "headers.cpp"
    source.write_text(CXX_SOURCE, encoding="utf-8")
    return [_need("g++"), "-O0", "-c", source, "-o", into / "headers.o"]


PROGRAMS = [
    ("python3, parsing JSON", _json),
    ("python3, building dicts", _dicts),
    ("sqlite3, 300,000 inserts in memory, index and queries", _sqlite),
    ("xz -T1 -3 of 4 MB of text", _xz),
    ("git log -p of 2,000 commits", _git_log),
    ("git repack -f of the same", _git_pack),
    ("gcc -O2 of 400 functions", _gcc),
    ("g++ of the standard headers", _gxx),
]
SHORT = [
    ("true", lambda _: [_need("true")]),
    ("python3 -c pass", lambda _: [sys.executable, "-c", "pass"]),
]


def _once(command: list, environment: dict) -> tuple[float, float, float]:
    """Wall and CPU seconds, the latter with those of its children, and the largest resident set."""
    start = time.perf_counter()
    with open(os.devnull, "w") as quiet:
        child = subprocess.Popen(command, env=environment, stdout=quiet, stderr=quiet)
        _, status, usage = os.wait4(child.pid, 0)
    wall = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise Missing(f"exit status {child.returncode}")
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _interval(values: list) -> list:
    """Where the median lies with a probability of at least 95 %: two order statistics, which assume
    nothing of how the values are distributed."""
    ordered, count = sorted(values), len(values)
    rank, beyond = 0, 0.0
    while rank < count // 2 and beyond + math.comb(count, rank) / 2**count <= 0.025:
        beyond += math.comb(count, rank) / 2**count
        rank += 1
    rank = max(rank - 1, 0)
    return [ordered[rank], ordered[count - 1 - rank]]


def _pairs(command: list, preload: pathlib.Path, track: str, pairs: int) -> dict:
    environments = [dict(os.environ), dict(os.environ, LD_PRELOAD=str(preload))]
    if track:
        environments[1]["PROGNOS_TRACK"] = track
    runs = [[], []]
    for pair in range(pairs + 1):  # the first one warms caches
        for turn in (0, 1):
            on = turn ^ (pair & 1)
            found = _once(command, environments[on])
            if pair > 0:
                runs[on].append(found)

    def middle(values) -> float:
        return statistics.median(values)

    off, on = (list(zip(*run)) for run in runs)
    result = {"pairs": pairs}
    for index, name in ((0, "wall"), (1, "cpu")):
        ratios = [b / a for a, b in zip(off[index], on[index]) if a > 0]
        result[f"{name}_off_s"] = middle(off[index])
        result[f"{name}_on_s"] = middle(on[index])
        result[f"{name}_ratios"] = [round(ratio, 4) for ratio in ratios]
        result[f"{name}_interval"] = _interval(ratios) if ratios else [0, math.inf]
        result[f"{name}_ratio"] = middle(ratios) if ratios else 1.0
        result[f"{name}_ratio_of_minima"] = min(on[index]) / max(min(off[index]), 1e-9)
        result[f"{name}_extra_ms"] = 1000 * middle([b - a for a, b in zip(off[index], on[index])])
    result["rss_extra_mb"] = middle(on[2]) - middle(off[2])
    return result


def measure(
    preload: pathlib.Path, into: pathlib.Path, pairs: int, cases=PROGRAMS, track=""
) -> list:
    results = []
    for name, prepare in cases:
        try:
            found = _pairs([str(word) for word in prepare(into)], preload, track, pairs)
            results.append({"name": name, **found})
        except (Missing, OSError, subprocess.CalledProcessError) as reason:
            results.append({"name": name, "skipped": str(reason)})
    return results
