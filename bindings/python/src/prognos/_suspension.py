# SPDX-License-Identifier: Apache-2.0
"""Whether a `with` block of a coroutine or generator may be suspended: asked once for each."""

import dis
import sys
from types import CodeType

_SUSPENDS = {"YIELD_VALUE", "YIELD_FROM", "SEND"}


def _block(code: CodeType, offset: int) -> tuple[int, int] | None:
    """The offsets of the block behind the instruction at `offset`: (start, end).

    None where that is no `with`. The end may be too far, never too near: code that handles
    exceptions may lie behind other code.
    """
    instructions = list(dis.get_instructions(code))
    if sys.version_info < (3, 11):
        for instruction in instructions:
            if instruction.offset == offset and instruction.opname == "SETUP_WITH":
                return offset, instruction.argval
        return None
    at = next((i for i, each in enumerate(instructions) if each.offset == offset), None)
    if at is None or at + 1 == len(instructions):
        return None
    # From 3.14 on a call of what was loaded just before, `__enter__`.
    is_with = instructions[at].opname == "BEFORE_WITH"
    if not is_with and (at == 0 or instructions[at - 1].opname != "LOAD_SPECIAL"):
        return None
    first = instructions[at + 1].offset
    entries = dis.Bytecode(code).exception_entries
    inside = [entry for entry in entries if entry.start <= first < entry.end]
    if not inside:
        return None
    target = max(inside, key=lambda entry: entry.start).target
    same = [entry for entry in entries if entry.target == target]
    return min(entry.start for entry in same), max(entry.end for entry in same)


def may_suspend(code: CodeType, offset: int) -> bool:
    """Whether there is a `yield` or `await` in the block; True where that cannot be told."""
    block = _block(code, offset)
    if block is None:
        return True
    start, end = block
    return any(
        instruction.opname in _SUSPENDS and start <= instruction.offset < end
        for instruction in dis.get_instructions(code)
    )
