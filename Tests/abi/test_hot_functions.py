# SPDX-License-Identifier: Apache-2.0
"""The machine code of the hot functions: no trap, no call into a runtime, little else to call."""

import platform
import re

import pytest
from conftest import output_of

HOT = ["prognos_begin", "prognos_end", "prognos_work", "prognos_fail"]

# Where a hot function may go, as parts of mangled names. begin and end only jump, at their tails.
CAREFUL = {
    "prognos_begin": ["beginCarefully", "beginWithMore"],
    "prognos_end": ["endCarefully", "endWithMore", "endWithWork"],
    "prognos_work": ["countOutsideOperation", "frameBelowSegment", "isLeftOut"],
    "prognos_fail": [
        "countOutsideOperation",
        "frameBelowSegment",
        "isLeftOut",
        "numberOfKind",
    ],
}

TRAPS = {"ud2", "int3", "int", "hlt", "brk", "udf", "syscall", "sysenter", "svc"}
CALLS = {"call", "callq", "bl", "blr"}
JUMP = re.compile(r"j\w+|b|br|b\.\w+|cbz|cbnz|tbz|tbnz")
TARGET = re.compile(r"<([^>+]+)(\+0x[0-9a-f]+)?>")

pytestmark = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "aarch64"),
    reason="the hot path is for these processors",
)


def instructions_of(debug_file, function):
    """(mnemonic, operands) of a function, in the order of addresses."""
    listing = output_of(
        "objdump", "-d", "--no-show-raw-insn", f"--disassemble={function}", debug_file
    )
    found = re.findall(r"^\s*[0-9a-f]+:\t(\S+)[ \t]*(.*)$", listing, flags=re.M)
    assert len(found) > 5, f"{function} was not found in {debug_file}"
    return found


def ways_out(function, instructions):
    """(is a call, where to) of everything that leaves the function; "" for a computed target."""
    for mnemonic, operands in instructions:
        is_call = mnemonic in CALLS
        if not is_call and not JUMP.fullmatch(mnemonic):
            continue
        target = TARGET.search(operands)
        if target and target[1] == function and not (is_call and not target[2]):
            continue  # within the function
        yield is_call, target[1] if target else ""


@pytest.mark.parametrize("function", HOT)
def test_no_hot_function_can_trap_or_call_the_kernel(function, debug_file):
    for mnemonic, operands in instructions_of(debug_file, function):
        assert mnemonic not in TRAPS, f"{function}: {mnemonic} {operands}"


@pytest.mark.parametrize("function", HOT)
def test_no_hot_function_calls_the_swift_runtime_or_malloc(function, debug_file):
    for _, target in ways_out(function, instructions_of(debug_file, function)):
        assert not re.match(r"swift_|malloc|free|posix_memalign|__tls_get_addr", target)


@pytest.mark.parametrize("function", HOT)
def test_a_hot_function_goes_to_few_places(function, debug_file):
    for _, target in ways_out(function, instructions_of(debug_file, function)):
        assert any(part in target for part in CAREFUL[function]), (
            f"{function} goes to {target or 'a computed address'}; allowed: {CAREFUL[function]}"
        )


@pytest.mark.parametrize("function", ["prognos_begin", "prognos_end"])
def test_begin_and_end_call_nothing(function, debug_file):
    ways = ways_out(function, instructions_of(debug_file, function))
    assert not [target for is_call, target in ways if is_call]


@pytest.mark.parametrize("function", ["prognos_begin", "prognos_end"])
def test_begin_and_end_have_no_locked_instruction_and_do_not_divide(function, debug_file):
    for mnemonic, operands in instructions_of(debug_file, function):
        assert mnemonic not in {
            "lock",
            "mfence",
            "div",
            "idiv",
            "udiv",
            "sdiv",
            "cpuid",
            "rdtscp",
        }
        assert not mnemonic.startswith(("xchg", "cmpxchg", "ldxr", "stxr", "cas", "swp")), (
            f"{function}: {mnemonic} {operands}"
        )
