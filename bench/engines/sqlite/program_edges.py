"""The instructions of SQLite's programs and what may follow each.

See https://www.sqlite.org/opcode.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Instructions that go on with the next one, or at the address in p2.
JUMPING = frozenset(
    (
        "AutoCommit", "DecrJumpZero", "ElseEq", "Eq", "Filter", "FkIfZero", "Found", "Ge", "Gt",
        "IdxGE", "IdxGT", "IdxLE", "IdxLT", "If", "IfEmpty", "IfNoHope", "IfNot", "IfNotOpen",
        "IfNotZero", "IfNullRow", "IfPos", "IfSizeBetween", "IsNull", "IsType", "Last", "Le",
        "Lt", "MustBeInt", "Ne", "Next", "NoConflict", "NotExists", "NotFound", "NotNull",
        "Once", "Prev", "Rewind", "RowSetRead", "RowSetTest", "SeekGE", "SeekGT", "SeekLE",
        "SeekLT", "SeekRowid", "Sort", "SorterNext", "SorterSort", "VFilter", "VNext",
        "SequenceTest",
    )
)  # fmt: skip
STEPPING = frozenset(("Next", "Prev", "SorterNext", "VNext"))
SEEKING = frozenset(("SeekGE", "SeekGT", "SeekLE", "SeekLT"))
POSITIONING = frozenset(("Rewind", "Last", "Sort", "SorterSort", "SeekRowid", "NotExists"))
OPENING_FILES = frozenset(("OpenRead", "OpenWrite", "ReopenIdx"))
TEMPORARY = frozenset(("OpenEphemeral", "OpenAutoindex", "OpenPseudo", "SorterOpen"))
# Their ways depend on what is not in a program's text.
UNKNOWN = frozenset(("Program", "SeekScan", "IncrVacuum", "SorterCompare"))
_SEEKS_EQUAL = 2  # OPFLAG_SEEKEQ, with which a cursor is opened that looks for equals only

END = -1


class NoPath(Exception):
    """No way through the program fits the counters, or some instruction is not known to us."""


@dataclass(frozen=True, slots=True)
class Instruction:
    """One instruction: address, opcode and operands 1, 2, 3 and 5."""

    address: int
    opcode: str
    p1: int
    p2: int
    p3: int
    p5: int


@dataclass(frozen=True, slots=True)
class Edge:
    """One way out of an instruction; `jumps` tells whether it is that to p2."""

    source: int
    target: int
    jumps: bool


def edges(program: Sequence[Instruction]) -> Iterator[Edge]:
    """Every way out of every instruction.

    Raises:
        NoPath: an instruction's ways are not known.
    """
    hinted = hinted_cursors(program)
    for step in program:
        if step.opcode in UNKNOWN:
            raise NoPath(f"its program has the instruction {step.opcode}")
        for target, jumps in _targets(step, program, hinted):
            if target != END and not 0 <= target < len(program):
                raise NoPath(f"its instruction {step.opcode} leads out of the program")
            yield Edge(step.address, target, jumps)


def _targets(
    step: Instruction, program: Sequence[Instruction], hinted: frozenset[int]
) -> list[tuple[int, bool]]:
    after = step.address + 1
    match step.opcode:
        case "Halt":
            return [(END, False)]
        case "HaltIfNull":
            return [(after, False), (END, False)]
        case "Goto" | "Gosub":
            return [(step.p2, True)]
        case "Init" | "InitCoroutine":
            return [(step.p2 or after, True)]
        case "Jump":
            return [(step.p1, True), (step.p2, True), (step.p3, True)]
        case "Return":
            back = [at.address + 1 for at in program if at.opcode == "Gosub" and at.p1 == step.p1]
            # With p3 it goes on where the register holds no address: the code is run in place.
            return [(target, True) for target in back] + ([(after, False)] if step.p3 else [])
        case "Yield" | "EndCoroutine":
            return _switches(step, program)
    if step.opcode in SEEKING and step.p1 in hinted:
        # What is found is known to be equal: the comparison that follows is left out.
        return [(after + 1, False), (step.p2, True)]
    if step.opcode in JUMPING and step.p2 > 0:
        return [(after, False), (step.p2, True)]
    return [(after, False)]


def _switches(step: Instruction, program: Sequence[Instruction]) -> list[tuple[int, bool]]:
    """Where a coroutine and its caller hand over: the caller's Yield has a place to end in p2."""
    yields = [at for at in program if at.opcode == "Yield" and at.p1 == step.p1]
    callers = [at for at in yields if at.p2 > 0]
    if step.opcode == "EndCoroutine":
        return [(at.p2, True) for at in callers]
    if step.p2 == 0:
        return [(at.address + 1, False) for at in callers]
    starts = [at.p3 for at in program if at.opcode == "InitCoroutine" and at.p1 == step.p1]
    return [(target, True) for target in starts] + [
        (at.address + 1, True) for at in yields if at.p2 == 0
    ]


def hinted_cursors(program: Sequence[Instruction]) -> frozenset[int]:
    """The cursors that look for equals only."""
    return frozenset(at.p1 for at in program if at.opcode in OPENING_FILES and at.p5 & _SEEKS_EQUAL)
