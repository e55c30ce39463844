# SPDX-License-Identifier: Apache-2.0
"""The profile as text for a terminal and as folded stacks.

PROGNOS_REFRESH_GOLDEN=1 writes the golden files anew.
"""

import os
import re
import unicodedata
from pathlib import Path

import prognos as p
import pytest
from test_json import set_program_name

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def record(names=("outer", "inner")):
    outer, inner = (p.op(name) for name in names)
    for index in range(100):
        p.begin(outer)
        p.work(3)
        p.call(inner, 2)
        if index % 10 == 0:
            p.fail(b"timeout")
        p.end(outer)


def text():
    return p.render(p.TEXT).decode("utf-8")


def ascii_text():
    return p.render(p.TEXT_ASCII).decode("ascii")


def width(line):
    """The columns that a terminal takes for a text."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in line
    )


def table(whole, title):
    """The header and the rows of a table."""
    lines = whole.split("\n")
    start = next(i for i, line in enumerate(lines) if line.startswith(title))
    end = next(i for i in range(start, len(lines)) if lines[i] == "" or lines[i][:2] == "  ")
    return lines[start], lines[start + 1 : end]


def check_aligned(whole):
    """Numbers of a column end below the end of its title."""
    header, rows = table(whole, "OPERATION")
    calls_end = header.index("CALLS") + len("CALLS")
    total_end = header.index("TOTAL") + len("TOTAL")
    assert rows
    for row in rows:
        columns = "".join(c if width(c) == 1 else c + "\0" * (width(c) - 1) for c in row)
        columns = "".join(c for c in columns if not unicodedata.combining(c))
        assert re.search(r"\d$", columns[:calls_end]), row
        assert columns[calls_end] == " ", row
        assert re.search(r"(ns|s|m|h)$", columns[:total_end]), row
        assert row == row.rstrip()


@pytest.mark.parametrize("form", [p.TEXT, p.TEXT_ASCII])
def test_columns_are_aligned(form):
    record()
    check_aligned(p.render(form).decode("utf-8"))


SCRIPTS = [("größer", "naïve"), ("解析", "かな"), ("e\u0301tude", "x" * 100)]


@pytest.mark.parametrize("names", SCRIPTS)
def test_columns_are_aligned_for_any_script(names):
    record(names)
    check_aligned(text())
    check_aligned(ascii_text())


def test_a_table_of_many_paths_shows_those_that_took_longest():
    tiny = [p.op(f"tiny_{i}") for i in range(300)]
    first, second = p.op("first"), p.op("second_thread")
    p.begin(first)
    for op in tiny:
        p.call(op)
    p.end(first)
    p.begin(second)
    for _ in range(10000):
        p.lib.prognos_is_enabled()
    p.end(second)
    lines = text().splitlines()
    assert any(line.startswith("second_thread") for line in lines)
    assert any("more paths" in line for line in lines)
    assert len(lines) < 260


def test_one_long_name_does_not_widen_the_table():
    record(("x" * 255, "y"))
    assert all(len(line) < 200 for line in text().splitlines())


def test_ascii_is_pure_whatever_the_names():
    record(("größer", "解析 🚀"))
    p.begin(p.op("größer"))
    p.fail("Zeitüberschreitung".encode())
    p.end(p.op("größer"))
    assert re.fullmatch(r"[\x20-\x7e\n]*", ascii_text())
    assert "gr??er" in ascii_text()


def test_ascii_is_pure_whatever_the_programs_name():
    set_program_name("größer".encode())
    record()
    assert re.fullmatch(r"[\x20-\x7e\n]*", ascii_text())


def test_names_cannot_spoil_the_terminal():
    record(("a\nb", "\x1b[31mred\x07\x7f\t\r"))
    set_program_name(b"\x1b[2Jx\ny")
    for form in (p.TEXT, p.TEXT_ASCII):
        assert re.fullmatch(r"[^\x00-\x09\x0b-\x1f\x7f]*", p.render(form).decode())
    check_aligned(text())


def test_a_program_whose_name_is_cut_within_a_character_has_valid_utf8():
    set_program_name("ééééééééé".encode())
    record()
    text()


def normalised(whole):
    """Without what differs from run to run: numbers and the widths that come from them."""
    whole = re.sub(r"[▏▎▍▌▋▊▉█#]", "", whole)
    lines = []
    for line in whole.split("\n"):
        line = re.sub(r"recorded [^·|]*", "recorded N ", line)
        line = re.sub(r"\b(ns|µs|us|ms|s|B|KiB|MiB|GiB)\b", "U", NUMBER.sub("N", line))
        line = re.sub(r"<N", "N", line)
        line = re.sub(r"N (k|M|G)\b", "N", line)
        lines.append(re.sub(r" +", " ", line).rstrip())
    return "\n".join(lines)


@pytest.mark.parametrize(("form", "name"), [(p.TEXT, "text.txt"), (p.TEXT_ASCII, "text-ascii.txt")])
def test_the_text_is_that_of_the_golden_file(form, name):
    set_program_name(b"golden")
    record()
    p.end(p.op("inner"))  # a drop, so that the golden file shows one
    found = normalised(p.render(form).decode())
    golden = GOLDEN / name
    if os.environ.get("PROGNOS_REFRESH_GOLDEN"):
        golden.write_text(found, encoding="utf-8")
    assert found == golden.read_text(encoding="utf-8"), found


def test_nothing_recorded_says_so():
    assert "Nothing recorded yet" in text()
    assert p.render(p.FOLDED) == b""


def test_drops_are_named_and_nothing_else():
    record()
    assert "not as it should be" not in text()
    p.end(p.op("outer"))
    p.work(1)
    p.begin(4711)
    whole = text()
    assert "not as it should be" in whole
    for drop in ("without a begin", "work or fail", "never given out"):
        (line,) = [line for line in whole.split("\n") if drop in line]
        assert NUMBER.search(line)[0] == "1"
    assert "nested too deep" not in whole


def test_recursion_is_one_row():
    handle = p.op("recursion")
    for _ in range(100):
        p.begin(handle)
    for _ in range(100):
        p.end(handle)
    _, rows = table(text(), "OPERATION")
    assert len(rows) == 1
    assert "100" in rows[0]


def test_deep_nesting_is_text_of_bounded_width():
    handles = [p.op("ping"), p.op("pong")]
    for index in range(3000):
        p.begin(handles[index % 2])
    for index in reversed(range(3000)):
        p.end(handles[index % 2])
    assert all(len(line) < 250 for line in text().split("\n"))
    assert len(text().split("\n")) < 300


def test_folded_stacks_are_paths_with_self_times():
    record()
    lines = p.render(p.FOLDED).decode().splitlines()
    found = dict(line.rsplit(" ", 1) for line in lines)
    assert set(found) <= {"outer", "outer;inner"}
    assert all(int(time) > 0 for time in found.values())
    tree = p.profile()["call_tree"]
    assert int(found["outer"]) == pytest.approx(tree[0]["self_wall_ns"], rel=0.01, abs=5)


def test_folded_frames_cannot_break_a_line_or_a_path():
    record(("a;b", "c\nd e"))
    lines = p.render(p.FOLDED).decode().split("\n")
    assert [line.rsplit(" ", 1)[0] for line in lines[:-1]] == ["a,b", "a,b;c d e"]
