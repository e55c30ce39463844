# SPDX-License-Identifier: Apache-2.0
"""Whether a `with` block of a coroutine or generator may be suspended: asked once for each."""

import dis
import sys
from types import CodeType

_SUSPENDS = {"YIELD_VALUE", "YIELD_FROM", "SEND"}


def may_suspend(code: CodeType, offset: int) -> bool:
    """Whether there is a `yield` or `await` in the block behind the `with` at an offset.

    True where that is no `with` statement, or where it cannot be told.
    """
    instructions = list(dis.get_instructions(code))
    at = next((i for i, each in enumerate(instructions) if each.offset == offset), None)
    if at is None or at + 1 == len(instructions):
        return True
    suspends = [each.offset for each in instructions if each.opname in _SUSPENDS]
    if sys.version_info < (3, 11):
        if instructions[at].opname != "SETUP_WITH":
            return True
        # Up to the handler of its exceptions, which lies behind the block.
        return any(offset < each < instructions[at].argval for each in suspends)
    # From 3.14 on a call of what was loaded just before, `__enter__`.
    is_with = instructions[at].opname == "BEFORE_WITH"
    if not is_with and (at == 0 or instructions[at - 1].opname != "LOAD_SPECIAL"):
        return True
    # Each instruction has one handler at most, that of the innermost block around it, and handlers
    # have handlers: the block is what comes to that of the first instruction in it.
    handlers = {}
    for entry in dis.Bytecode(code).exception_entries:
        for each in range(entry.start, entry.end, 2):
            handlers[each] = entry.target
    own = handlers.get(instructions[at + 1].offset)
    if own is None:
        return True

    def is_inside(place: int | None) -> bool:
        seen = set()
        while place is not None and place not in seen:
            seen.add(place)
            place = handlers.get(place)
            if place == own:
                return True
        return False

    return any(is_inside(each) for each in suspends)
