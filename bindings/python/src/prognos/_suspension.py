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
    instructions = dis.get_instructions(code)
    if sys.version_info < (3, 11):
        for instruction in instructions:
            if instruction.offset == offset and instruction.opname == "SETUP_WITH":
                return offset, instruction.argval
        return None
    here = next((each for each in instructions if each.offset == offset), None)
    # LOAD_SPECIAL and CALL from 3.14 on, where the block begins some instructions later
    entries = dis.Bytecode(code).exception_entries
    if here is None or here.opname != "BEFORE_WITH":
        return None
    inside = [entry for entry in entries if offset < entry.end and entry.start <= offset + 4]
    if not inside:
        return None
    target = max(inside, key=lambda entry: entry.start).target
    same = [entry for entry in entries if entry.target == target]
    return min(entry.start for entry in same), max(entry.end for entry in same)


def may_suspend(code: CodeType, offset: int) -> bool:
    """Whether there is a `yield` or an `await` in the `with` block; True where that cannot be told."""
    block = _block(code, offset)
    if block is None:
        return True
    start, end = block
    return any(
        instruction.opname in _SUSPENDS and start <= instruction.offset < end
        for instruction in dis.get_instructions(code)
    )
