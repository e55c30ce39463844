# SPDX-License-Identifier: Apache-2.0
"""The answers are laid out as the C headers say, and the words for enums stand for their values."""

import ctypes
import dataclasses
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from prognos import _names, answers
from prognos._layout import natives, structure

INCLUDE = Path(__file__).resolve().parents[3] / "include"
CLASSES = [getattr(answers, name) for name in answers.__all__]

# What a field is, by what the compiler says of it.
KIND = """
#define KIND(field) _Generic((field), double: "f8", uint64_t: "u8", int64_t: "i8", \\
    uint32_t: "u4", int32_t: "i4", double *: "f8[]", char *: "c[]", default: "pointer")
"""
KINDS = {
    ctypes.c_double: "f8",
    ctypes.c_uint64: "u8",
    ctypes.c_int64: "i8",
    ctypes.c_uint32: "u4",
    ctypes.c_int32: "i4",
    ctypes.c_char_p: "pointer",
    ctypes.c_void_p: "pointer",
}


def headers():
    return "".join(path.read_text() for path in sorted((INCLUDE / "prognos").glob("*.h")))


def run_c(folder, lines):
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if compiler is None:
        pytest.skip("no C compiler to ask for the layout")
    source = folder / "ask.c"
    body = "\n".join(lines)
    source.write_text(
        f"#include <prognos.h>\n#include <stdio.h>\n{KIND}\nint main(void) {{\n{body}\n}}\n"
    )
    program = folder / "ask"
    subprocess.run([compiler, "-std=c11", f"-I{INCLUDE}", source, "-o", program], check=True)
    done = subprocess.run([program], check=True, capture_output=True, text=True)
    return done.stdout.split("\n")[:-1]


def kind(ctype):
    if hasattr(ctype, "_length_"):
        return "c[]" if ctype._type_ is ctypes.c_char else KINDS[ctype._type_] + "[]"
    return KINDS[ctype]


def test_every_field_is_where_the_headers_have_it(tmp_path):
    lines, expected = [], []
    for cls in CLASSES:
        struct = structure(cls)
        lines.append(f'printf("{cls.C} %zu\\n", sizeof({cls.C}));')
        expected.append(f"{cls.C} {ctypes.sizeof(struct)}")
        for name, ctype in struct._fields_:
            field = f"(({cls.C} *)0)->{name}"
            lines.append(
                f'printf("{cls.C}.{name} %zu %zu %s\\n", offsetof({cls.C}, {name}), '
                f"sizeof({field}), KIND({field}));"
            )
            where = getattr(struct, name)
            expected.append(f"{cls.C}.{name} {where.offset} {where.size} {kind(ctype)}")
    assert run_c(tmp_path, lines) == expected


def test_every_field_of_every_struct_is_declared_in_the_same_order():
    structs = re.findall(r"typedef struct (prognos_\w+) \{(.*?)\n\} \1;", headers(), re.S)
    assert {name for name, _ in structs} == {cls.C for cls in CLASSES}
    bodies = {
        name: re.findall(r"(\w+)\s*(?:\[[^]]*\])?;", re.sub(r"/\*.*?\*/", "", body, flags=re.S))
        for name, body in structs
    }
    for cls in CLASSES:
        assert [name for name, _, _ in natives(cls)] == bodies[cls.C], cls


def test_what_hosts_see_is_all_but_the_reserved_fields():
    for cls in CLASSES:
        seen = [field.name for field in dataclasses.fields(cls)]
        assert seen == [name for name, _, _ in natives(cls) if not name.startswith("reserved")], cls


ENUMS = {
    "PROGNOS_METRIC_": {number: word for word, number in _names.METRICS.items()},
    "PROGNOS_TRACK_": {number: word for word, number in _names.TRACKS.items()},
    "PROGNOS_FORK_": {number: word for word, number in _names.ON_FORK.items()},
    "PROGNOS_ANOMALY_": _names.ANOMALY_KINDS,
    "PROGNOS_LEAK_": _names.LEAK_KINDS,
    "PROGNOS_CRASH_": _names.CRASH_KINDS,
    "PROGNOS_SEVERITY_": _names.SEVERITIES,
    "PROGNOS_EXPERIMENT_": _names.EXPERIMENT_STATES,
    "PROGNOS_SUGGEST_": _names.SUGGESTION_KINDS,
}


def test_words_are_the_constants_of_the_headers(tmp_path):
    text = headers()
    constants = re.findall(r"^\s+(PROGNOS_\w+) =\s+-?\d+", text, re.M)
    constants += re.findall(r"^#define (PROGNOS_(?:TRACK|FORK)_\w+) ", text, re.M)
    constants.remove("PROGNOS_TRACK_DEFAULT")
    values = dict(
        line.split()
        for line in run_c(tmp_path, [f'printf("{name} %d\\n", (int){name});' for name in constants])
    )
    for prefix, words in ENUMS.items():
        in_c = {
            int(value): name.removeprefix(prefix).lower()
            for name, value in values.items()
            if name.startswith(prefix)
        }
        assert words == in_c, prefix
    windows = {"total": "TOTAL", "minute": "LAST_MINUTE", "5 minutes": "LAST_5_MINUTES"}
    windows["hour"] = "LAST_HOUR"
    assert _names.WINDOWS == {
        word: int(values["PROGNOS_" + name]) for word, name in windows.items()
    }
    assert _names.FORMATS == {
        word: int(values["PROGNOS_" + word.upper()]) for word in _names.FORMATS
    }
