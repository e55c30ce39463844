# SPDX-License-Identifier: Apache-2.0
"""What the shared object exports, needs and weighs."""

import re
from pathlib import Path

import pytest
from conftest import ROOT, output_of

MOST_BYTES = 1_000_000
NEWEST_GLIBC = (2, 34)


def exports(library):
    lines = output_of("nm", "-D", "--defined-only", "--with-symbol-versions", library).splitlines()
    found = {}
    for line in lines:
        _, kind, name = line.split()
        found[name] = kind
    # The version itself is listed as an absolute symbol.
    return {name: kind for name, kind in found.items() if kind != "A"}


def declared(headers):
    """Names of the functions and of the data that the headers declare."""
    text = "\n".join(path.read_text() for path in headers)
    text = re.sub(r"/\*.*?\*/|//[^\n]*", " ", text, flags=re.S)
    text = re.sub(r"^[ \t]*#(?:.*\\\n)*.*$", "", text, flags=re.M)  # directives and macros
    text = re.sub(r"static inline [^;{]*\{.*?\n\}", " ", text, flags=re.S)
    declaration = r"^(?!typedef)[\w\s*]*?\b(prognos_\w*[a-z])\([^;{]*\);"
    functions = set(re.findall(declaration, text, flags=re.M))
    data = set(re.findall(r"^extern \w[^;(]*\b(prognos_\w+);", text, flags=re.M))
    return functions, data


@pytest.fixture(scope="session")
def dynamic(library):
    return output_of("readelf", "--dynamic", "--wide", library)


def test_the_exports_are_those_of_the_golden_file(library):
    golden = (ROOT / "Tests" / "golden" / "exports.txt").read_text().split()
    assert sorted(exports(library)) == sorted(golden)


def test_every_export_is_prefixed_and_versioned(library):
    for name in exports(library):
        assert re.fullmatch(r"prognos_\w+@@PROGNOS_1", name)


def test_the_exports_are_what_the_headers_declare(library, headers):
    functions, data = declared(headers)
    found = exports(library)
    assert {n.split("@")[0] for n, kind in found.items() if kind in "TW"} == functions
    assert {n.split("@")[0] for n, kind in found.items() if kind in "BDR"} == data
    assert len(functions) > 15


def test_it_needs_libc_and_libm_alone(dynamic):
    needed = set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
    assert needed <= {"libc.so.6", "libm.so.6"}


def test_its_soname_has_the_major_version(dynamic, library):
    assert re.findall(r"\(SONAME\).*\[(.*)\]", dynamic) == ["libprognos.so.1"]
    assert (library.parent / "libprognos.so.1").resolve() == library.resolve()


def test_it_is_never_unloaded_and_binds_at_once(dynamic):
    flags = " ".join(re.findall(r"\(FLAGS(?:_1)?\)(.*)", dynamic))
    assert "NODELETE" in flags
    assert "NOW" in flags
    assert "TEXTREL" not in flags


def test_it_says_nothing_of_where_it_was_built(library, dynamic):
    assert not re.findall(r"\(R(?:UN)?PATH\).*\[(/.*)\]", dynamic)
    assert str(ROOT).encode() not in Path(library).read_bytes()


def test_it_is_small_and_stripped(library):
    assert library.resolve().stat().st_size < MOST_BYTES
    sections = output_of("readelf", "--sections", "--wide", library)
    assert ".symtab" not in sections
    assert ".debug_info" not in sections


def test_it_runs_on_older_systems(library):
    versions = re.findall(r"GLIBC_([0-9.]+)", output_of("objdump", "-T", library))
    assert versions
    newest = max(tuple(int(part) for part in version.split(".")) for version in versions)
    assert newest <= NEWEST_GLIBC


def test_no_page_is_writable_and_executable(library):
    segments = output_of("readelf", "--segments", "--wide", library)
    assert not re.findall(r"^\s+LOAD.*\bRWE\b", segments, flags=re.M)
    assert re.findall(r"^\s+GNU_STACK.*\bRW\s", segments, flags=re.M)
    assert "GNU_RELRO" in segments  # tables of addresses are read-only once it is loaded
