# SPDX-License-Identifier: Apache-2.0
"""Fourteen real operations of different complexity, each with a range of work."""

import bisect
import json
import os
import random
import re
import sqlite3
import tempfile
import zlib

RNG = random.Random(7)
WORDS = ["alpha", "beta", "gamma", "delta", "omega", "lambda", "sigma", "kappa"]


class Operation:
    """A kind of call: `run` does the work that `prepare` made ready, which is not measured."""

    name = ""
    low, high = 1, 1

    def __init__(self, folder):
        self.folder = folder

    def prepare(self, work):
        """What the call needs."""
        return work

    def run(self, ready):
        """The call."""
        raise NotImplementedError


class Sort(Operation):
    name, low, high = "sort numbers: O(n log n)", 500, 50_000

    def prepare(self, work):
        return [RNG.random() for _ in range(work)]

    def run(self, ready):
        sorted(ready)


class Lookups(Operation):
    name, low, high = "look up keys in a dict: O(n)", 1_000, 50_000

    def __init__(self, folder):
        super().__init__(folder)
        self.table = {str(key): key for key in range(200_000)}
        self.keys = list(self.table)

    def prepare(self, work):
        return [self.keys[RNG.randrange(len(self.keys))] for _ in range(work)]

    def run(self, ready):
        table, total = self.table, 0
        for key in ready:
            total += table[key]
        return total


class Matrix(Operation):
    name, low, high = "multiply matrices: O(n^3)", 8, 48

    def prepare(self, work):
        def rows():
            return [[RNG.random() for _ in range(work)] for _ in range(work)]

        return rows(), rows()

    def run(self, ready):
        first, second = ready
        columns = list(zip(*second, strict=True))
        return [
            [sum(a * b for a, b in zip(row, column, strict=True)) for column in columns]
            for row in first
        ]


class Pattern(Operation):
    name, low, high = "search with a regular expression: O(n)", 2_000, 200_000
    pattern = re.compile(r"[a-z]+@[a-z]+\.(com|org)")

    def prepare(self, work):
        text = []
        size = 0
        while size < work:
            word = RNG.choice(WORDS) + ("@mail.org " if RNG.random() < 0.1 else " ")
            text.append(word)
            size += len(word)
        return "".join(text)[:work]

    def run(self, ready):
        return len(self.pattern.findall(ready))


class Compress(Operation):
    name, low, high = "compress with zlib: O(n)", 2_000, 300_000

    def prepare(self, work):
        return "".join(RNG.choices(WORDS, k=work // 5 + 1))[:work].encode()

    def run(self, ready):
        return zlib.compress(ready, 6)


class Json(Operation):
    name, low, high = "write and read JSON: O(n)", 50, 5_000

    def prepare(self, work):
        return [{"id": n, "name": RNG.choice(WORDS), "x": RNG.random()} for n in range(work)]

    def run(self, ready):
        return json.loads(json.dumps(ready))


class ReadFile(Operation):
    name, low, high = "read a file: O(n)", 20_000, 2_000_000

    def __init__(self, folder):
        super().__init__(folder)
        self.path = os.path.join(folder, "data")
        with open(self.path, "wb") as file:
            file.write(os.urandom(8_000_000))

    def run(self, ready):
        with open(self.path, "rb") as file:
            left = ready
            while left > 0:
                left -= len(file.read(min(left, 65536)))


class Scan(Operation):
    name, low, high = "scan a table of SQLite: O(n)", 1_000, 50_000

    def __init__(self, folder):
        super().__init__(folder)
        self.database = sqlite3.connect(":memory:")
        self.database.execute("create table t (id integer primary key, value real, name text)")
        rows = [(n, RNG.random(), RNG.choice(WORDS)) for n in range(200_000)]
        self.database.executemany("insert into t values (?, ?, ?)", rows)

    def run(self, ready):
        query = "select sum(value), count(distinct name) from t where id <= ? and value > 0.25"
        return self.database.execute(query, (ready,)).fetchone()


class Bisect(Operation):
    name, low, high = "search in a sorted list: O(log n)", 1_000, 1_000_000

    def __init__(self, folder):
        super().__init__(folder)
        self.numbers = [float(n) for n in range(4_000_000)]

    def prepare(self, work):
        return self.numbers[:work], [RNG.random() * work for _ in range(300)]

    def run(self, ready):
        numbers, wanted = ready
        for value in wanted:
            bisect.bisect_left(numbers, value)


class Join(Operation):
    name, low, high = "build a string: O(n)", 500, 50_000

    def run(self, ready):
        return "".join(f"{n}:{n * n};" for n in range(ready))


class Pairs(Operation):
    name, low, high = "compare all pairs: O(n^2)", 20, 300

    def prepare(self, work):
        return [RNG.random() for _ in range(work)]

    def run(self, ready):
        near = 0
        for a in ready:
            for b in ready:
                if -0.1 < a - b < 0.1:
                    near += 1
        return near


class Cached(Operation):
    name, low, high = "parse, 7 of 10 times from a cache: bimodal", 200, 20_000

    def prepare(self, work):
        text = json.dumps([RNG.random() for _ in range(work)])
        return work, text, RNG.random() < 0.7

    def run(self, ready):
        work, text, is_hit = ready
        found = json.loads(text)
        if not is_hit:
            found = json.loads(text)
            found = sorted(found)
        return found


class WriteFile(Operation):
    name, low, high = "write a file and sync it: I/O", 10_000, 1_000_000

    def __init__(self, folder):
        super().__init__(folder)
        self.path = os.path.join(folder, "written")

    def prepare(self, work):
        return os.urandom(work)

    def run(self, ready):
        with open(self.path, "wb") as file:
            file.write(ready)
            file.flush()
            os.fsync(file.fileno())


class Constant(Operation):
    name, low, high = "hash a password: O(1)", 4, 64

    def prepare(self, work):
        import hashlib

        return hashlib, b"x" * work

    def run(self, ready):
        hashlib, secret = ready
        hashlib.pbkdf2_hmac("sha256", secret, b"salt", 2_000)


ALL = [
    Sort,
    Lookups,
    Matrix,
    Pattern,
    Compress,
    Json,
    ReadFile,
    Scan,
    Bisect,
    Join,
    Pairs,
    Cached,
    WriteFile,
    Constant,
]


def scratch():
    """A folder on a disk."""
    return tempfile.TemporaryDirectory(prefix="prognos-durations-", dir=os.getcwd())
