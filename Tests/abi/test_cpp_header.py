# SPDX-License-Identifier: Apache-2.0
"""prognos.hpp and what it includes compile in every standard they promise, alone and bare."""

import re

import pytest
from conftest import ROOT
from test_header import compile_with

FOLDER = ROOT / "bindings" / "cpp"
HEADERS = sorted(FOLDER.glob("*.hpp")) + sorted((FOLDER / "prognos").glob("*.hpp"))
INCLUDE = ["-I", str(FOLDER)]
COMPILERS = ["g++", "clang++"]
STANDARDS = ["c++17", "c++20", "c++23"]
MODES = [[], ["-fno-exceptions", "-fno-rtti"]]


@pytest.mark.parametrize("compiler", COMPILERS)
@pytest.mark.parametrize("standard", STANDARDS)
@pytest.mark.parametrize("mode", MODES, ids=["", "bare"])
def test_a_host_compiles_without_warnings(compiler, standard, mode):
    strict = ["-Wshadow", "-Wconversion", "-Wold-style-cast", "-Wundef", "-O2"]
    text = (
        "#include <prognos.hpp>\nint host() { prognos::scope s{prognos::operation()}; return 0; }\n"
    )
    compile_with(compiler, "c++", standard, text, *INCLUDE, *mode, *strict)


@pytest.mark.parametrize("header", HEADERS, ids=lambda header: header.name)
def test_each_header_compiles_alone(header):
    name = header.relative_to(FOLDER)
    text = f"#include <{name}>\n#include <{name}>\nint prognos_test_unit_is_not_empty;\n"
    compile_with("g++", "c++", "c++20", text, *INCLUDE)


def test_an_older_standard_is_told_what_is_missing():
    with pytest.raises(AssertionError, match=r"needs C\+\+17"):
        compile_with("g++", "c++", "c++14", "#include <prognos.hpp>\n", *INCLUDE)


def test_each_call_of_c_is_there_in_cpp():
    """A new C call fails here until prognos.hpp has it, or says here why it has not."""
    left_out = {
        "prognos_op_name_": "",
        "prognos_scope_begin_": "inline, of PROGNOS_SCOPE",
        "prognos_scope_end_": "inline, of PROGNOS_SCOPE",
        "prognos_frame_named": "for interpreters, which speak C",
        "prognos_stack_provider_set": "for interpreters, which speak C",
        "prognos_interpreter_set": "for interpreters, which speak C",
    }
    declared = set()
    for header in (ROOT / "include" / "prognos").glob("*.h"):
        code = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.DOTALL)
        declared |= set(re.findall(r"\b(prognos_[a-z_0-9]+)\(", code))
    used = "\n".join(header.read_text() for header in HEADERS)
    missing = {name for name in declared if not re.search(rf"\b{name}\b", used)}
    assert missing - set(left_out) == set()
