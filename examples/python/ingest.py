# SPDX-License-Identifier: Apache-2.0
"""A host in Python: compresses and indexes the text of this machine in two threads.

At the end it prints where the time went; --json PATH also writes the whole profile.
"""

import argparse
import collections
import glob
import io
import json
import locale
import queue
import re
import sqlite3
import sys
import threading
import time
import zlib

import prognos

CORPUS_BYTES = 8 << 20
CORPUS_MIN_BYTES = 4 << 20  # below this the corpus is filled up with generated text
BATCH_RECORDS = 5000
QUERY_TIMEOUT_S = 0.1

PATTERNS = (
    "/usr/share/common-licenses/*",
    "/usr/share/perl/*/*.p[lm]",
    "/usr/lib/python3*/*.py",
    "/usr/include/*.h",
)
# A word list that hardly any machine has: it shows as a failure of the kind FileNotFoundError.
MISSING_FILE = "/usr/share/dict/volapuk"

INGEST = prognos.op("ingest")
LOAD = prognos.op("load")
READ_FILE = prognos.op("read_file")
GENERATE = prognos.op("generate")
PARSE = prognos.op("parse")
TOKENIZE = prognos.op("tokenize")
ENCODE = prognos.op("encode_json")
STORE = prognos.op("store")
INSERT_DOCUMENT = prognos.op("insert_document")
INSERT_BATCH = prognos.op("insert_batch")
COMPRESS = prognos.op("compress")
DEFLATE = prognos.op("deflate", work=len)
WAIT_FOR_BLOCK = prognos.op("wait_for_block")
WAIT_FOR_ROOM = prognos.op("wait_for_room")
JOIN_COMPRESSOR = prognos.op("join_compressor")
QUERY = prognos.op("query")
QUERY_TOP = prognos.op("query_top")
QUERY_RANGE = prognos.op("query_range")
QUERY_SIMILAR = prognos.op("query_similar")


def read_file(path):
    with READ_FILE, open(path, "rb") as file:
        text = file.read()
        prognos.work(len(text))
        return text


@GENERATE
def generate_document(number):
    """The same text on every machine."""
    words = (f"w{(number * 7919 + index * index) % 4099}" for index in range(10_000))
    text = " ".join(words).encode()
    prognos.work(len(text))
    return text


@LOAD
def load_corpus():
    documents, total = [], 0
    paths = [path for pattern in PATTERNS for path in sorted(glob.glob(pattern))]
    for path in [MISSING_FILE, *paths]:
        try:
            documents.append(read_file(path))
        except OSError:
            continue
        total += len(documents[-1])
        if total >= CORPUS_BYTES:
            break
    while total < CORPUS_MIN_BYTES:
        documents.append(generate_document(len(documents)))
        total += len(documents[-1])
    prognos.work(total)
    return documents


@PARSE
def parse(text):
    """The words of a document with their counts, and the same as a line of JSON."""
    with TOKENIZE:
        counts = collections.Counter(re.findall(rb"[A-Za-z_]+", text))
        prognos.work(len(text))
    with ENCODE:
        line = json.dumps({word.decode(): count for word, count in counts.items()})
        prognos.work(len(line))
    return counts, line


def open_store():
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(
        "CREATE TABLE document (id INTEGER PRIMARY KEY, checksum INTEGER, bytes INTEGER,"
        "                       UNIQUE (checksum, bytes));"
        "CREATE TABLE record (word TEXT, document_id INTEGER, count INTEGER,"
        "                     PRIMARY KEY (word, document_id)) WITHOUT ROWID;"
    )
    return database


@INSERT_DOCUMENT
def insert_document(database, text):
    """The new id; the same text again raises IntegrityError, which also fails the operation."""
    key = (zlib.crc32(text), len(text))
    return database.execute("INSERT INTO document VALUES (NULL, ?, ?)", key).lastrowid


@STORE
def insert_records(database, document_id, counts):
    records = [(word.decode(), document_id, count) for word, count in sorted(counts.items())]
    for first in range(0, len(records), BATCH_RECORDS):
        with INSERT_BATCH:
            batch = records[first : first + BATCH_RECORDS]
            database.execute("BEGIN")
            database.executemany("INSERT INTO record VALUES (?, ?, ?)", batch)
            database.execute("COMMIT")
            prognos.work(len(batch))


deflate = DEFLATE(zlib.compress)  # its work: the length of what it is given


def compress_blocks(blocks, archive):
    """The second thread; zlib releases the GIL, so it does run beside the first one."""
    while True:
        with WAIT_FOR_BLOCK:
            block = blocks.get()
        if block is None:
            return
        with COMPRESS:
            archive.write(deflate(block, 6))


def index_documents(database, documents):
    """Parses and stores in this thread while another one compresses."""
    blocks, archive = queue.Queue(maxsize=4), io.BytesIO()
    compressor = threading.Thread(target=compress_blocks, args=(blocks, archive))
    compressor.start()
    stored = 0
    try:
        for text in documents:
            try:
                document_id = insert_document(database, text)
            except sqlite3.IntegrityError:
                continue
            counts, line = parse(text)
            for block in (text, line.encode()):
                with WAIT_FOR_ROOM:
                    blocks.put(block)
            insert_records(database, document_id, counts)
            stored += 1
    finally:
        blocks.put(None)
        with JOIN_COMPRESSOR:
            compressor.join()
    archive_mb = archive.tell() / 1e6
    print(f"{len(documents)} documents, {stored} of them new, {archive_mb:.1f} MB compressed")


@QUERY_TOP
def query_top(database):
    sql = "SELECT word, sum(count) AS total FROM record GROUP BY word ORDER BY 2 DESC LIMIT 5"
    for word, total in database.execute(sql):
        print(f"{total:9} {word}")


def query_ranges(database):
    sql = "SELECT count(*) FROM record WHERE word >= ? AND word < ?"
    for first in "abcdefghijklmnopqrstuvwxyz":
        with QUERY_RANGE:
            (rows,) = database.execute(sql, (first, chr(ord(first) + 1))).fetchone()
            prognos.work(rows)


def query_similar(database):
    """Compares every document with every other one, which takes far longer than it may."""
    deadline_s = time.monotonic() + QUERY_TIMEOUT_S
    database.set_progress_handler(lambda: time.monotonic() > deadline_s, 10_000)
    try:
        with QUERY_SIMILAR:
            try:
                sql = (
                    "SELECT a.document_id, b.document_id, count(*) FROM record a JOIN record b"
                    " ON a.word = b.word AND a.document_id < b.document_id"
                    " GROUP BY 1, 2 ORDER BY 3 DESC LIMIT 1"
                )
                return database.execute(sql).fetchone()
            except sqlite3.OperationalError as error:
                # The kind of a failure is its type's name: "interrupted" deserves a better one.
                raise TimeoutError(f"no answer in {QUERY_TIMEOUT_S} s") from error
    except TimeoutError as error:
        print(f"similar documents: {error}")
        return None
    finally:
        database.set_progress_handler(None, 0)


@INGEST
def ingest():
    documents = load_corpus()
    database = open_store()
    index_documents(database, documents)
    with QUERY:
        query_top(database)
        query_ranges(database)
        query_similar(database)
    database.close()


def report(json_path):
    if json_path:
        prognos.dump(json_path)
    stats = DEFLATE.read()
    if stats.cpu_ns:
        print(f"deflate: {1e3 * stats.work / stats.cpu_ns:.1f} MB/s of CPU time\n")
    utf8 = (sys.stdout.encoding or locale.getpreferredencoding(False)).lower() == "utf-8"
    print(prognos.render("text" if utf8 else "text_ascii"), end="")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", metavar="PATH", help="also write the profile to this file")
    arguments = parser.parse_args()
    prognos.start()
    ingest()
    report(arguments.json)


if __name__ == "__main__":
    main()
