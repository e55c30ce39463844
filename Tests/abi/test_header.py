# SPDX-License-Identifier: Apache-2.0
"""The public headers compile in every language they promise, alone and together."""

import shutil
import subprocess

import pytest
from conftest import ROOT

LANGUAGES = {"c": ["c99", "c11", "c17"], "c++": ["c++11", "c++14", "c++17", "c++20"]}
COMPILERS = {"c": ["gcc", "clang"], "c++": ["g++", "clang++"]}
WARNINGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

CASES = [
    (compiler, language, standard)
    for language, standards in LANGUAGES.items()
    for standard in standards
    for compiler in COMPILERS[language]
]

# Uses every macro and inline function, so that they are compiled as well.
USER = """
int main(void) {
    prognos_options options;
    prognos_options_default(&options, sizeof options);
    PROGNOS_SCOPE("first");
    PROGNOS_SCOPE("second");
    return prognos_start(&options, sizeof options) == PROGNOS_OK ? 0 : PROGNOS_VERSION_MAJOR;
}
"""


def compile_with(compiler, language, standard, text, *options):
    if shutil.which(compiler) is None:
        pytest.skip(f"{compiler} is not installed")
    command = [compiler, "-x", language, f"-std={standard}", *WARNINGS, *options]
    command += ["-I", str(ROOT / "include"), "-c", "-o", "/dev/null", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=300)
    if "no such file" in done.stderr.lower() and "prognos" not in done.stderr:
        pytest.skip(f"{compiler} has no standard headers here: {done.stderr.splitlines()[0]}")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("compiler", "language", "standard"), CASES)
def test_each_header_compiles_alone(compiler, language, standard, headers):
    for header in headers:
        name = header.relative_to(ROOT / "include")
        text = f"#include <{name}>\n#include <{name}>\nint prognos_test_unit_is_not_empty;\n"
        compile_with(compiler, language, standard, text)


@pytest.mark.parametrize(("compiler", "language", "standard"), CASES)
@pytest.mark.parametrize("optimisation", ["-O0", "-O2"])
def test_a_host_compiles(compiler, language, standard, optimisation):
    compile_with(compiler, language, standard, "#include <prognos.h>\n" + USER, optimisation)


@pytest.mark.parametrize(("compiler", "language", "standard"), CASES)
def test_a_host_with_stricter_warnings_compiles(compiler, language, standard):
    strict = ["-Wshadow", "-Wconversion", "-Wcast-qual", "-Wundef"]
    if language == "c":
        strict += ["-Wstrict-prototypes", "-Wdeclaration-after-statement"]
    text = "#include <prognos.h>\nint prognos_test_unit_is_not_empty;\n"
    compile_with(compiler, language, standard, text, *strict)


def test_the_headers_need_three_standard_headers(headers):
    allowed = {"<stdbool.h>", "<stddef.h>", "<stdint.h>"}
    for header in headers:
        for line in header.read_text().splitlines():
            if line.startswith("#include <"):
                assert line.split()[1] in allowed, f"{header.name}: {line}"
