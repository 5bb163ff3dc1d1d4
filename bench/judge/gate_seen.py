"""What the gate saw of an operation, one execution on one side and its database, and its work.

Work is held against work by one rule over all counters of two executions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from bench.judge.format import counted
from bench.judge.gate_answers import Answer
from bench.judge.records import Counters
from bench.results.gate import CountedExecution, CounterChange
from bench.study.gate_limits import ABSOLUTE, COUNTERS, Limits

Driver = Literal["http", "sql"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One execution of an operation on one side, by one driver, with one set of parameters.

    Counters are summed over all `statements` of it. `texts` tells how often each distinct
    statement ran. `answer` is a hash of what was answered; None where it is unknown. `status` is
    HTTP's. `steady` says that a second execution counted and answered the same. `depends` is what
    an answer depends on besides data and parameters; `bag` is the answer's hash whatever the
    order of its rows, None where it is unknown. `refused` is the sentence of a side that could
    not execute it. `took_ns` is the least that an execution took; one that took more than
    `unfinished_s` seconds was broken off, and counts what it did by then. `given` is the answer
    itself, fetched where the sides' differ.
    """

    driver: Driver
    draw: int
    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int
    rows: int
    statements: int | None
    answer: str | None
    plan: tuple[str, ...]
    texts: Mapping[str, int] = field(default_factory=dict)
    status: int | None = None
    steady: bool = True
    depends: Literal["chance", "clock"] | None = None
    bag: str | None = None
    refused: str | None = None
    unfinished_s: float | None = None
    took_ns: int = 0
    given: Answer | None = None

    @property
    def counters(self) -> Counters:
        """Its counters, as causes are told from them."""
        return Counters(self.vm_steps, self.fullscan_steps, self.sorts, self.autoindexes, self.rows)

    def counted(self) -> CountedExecution:
        """Return what gate.json holds of it."""
        return CountedExecution.model_validate(self, from_attributes=True)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a side's database holds beside its rows: `indexes` are tables by name of an index."""

    indexes: Mapping[str, str]
    analysed: bool


def schema_notes(schemas: tuple[Schema, Schema]) -> list[str]:
    """What one side's database lacks of the other's indexes and statistics."""
    base, head = schemas
    lacks = [
        f"The head's database lacks the index {name} on {base.indexes[name]}."
        for name in sorted(base.indexes.keys() - head.indexes.keys())
    ]
    adds = [
        f"The head's database has the index {name} on {head.indexes[name]}, which is new."
        for name in sorted(head.indexes.keys() - base.indexes.keys())
    ]
    if base.analysed == head.analysed:
        return lacks + adds
    side = "base" if base.analysed else "head"
    return [*lacks, *adds, f"Only the {side}'s database has statistics (rows in sqlite_stat1)."]


Growth = Literal["same", "less", "more", "mixed"]

FAR = 10
"""So many times fewer steps outweigh any sort or automatic index among them.

SQLite takes about 10 ns a step (9.5 to 11.6 measured over scans, filters and joins in memory). A
row that is sorted takes several steps, and comparisons on top that are no steps: up to some 20
for each row of a million.
"""
STATEMENT_STEPS = 5_000
"""What one more statement counts for, in steps: about 50 µs, a call through a service's layers."""
ROW_STEPS = 100
"""What one more row counts for, in steps: about 1 µs, to make a value of the language of it."""
# Counters of what the steps do not hold: only these can speak against the steps.
_BESIDE_STEPS = ("statements", "sorts", "autoindexes")


@dataclass(frozen=True, slots=True)
class Work:
    """How the work changed, and each counter beyond its limit, as `changes` of gate.json."""

    growth: Growth
    changes: tuple[CounterChange, ...]


def work_of(base: Seen, head: Seen, limits: Limits) -> Work:
    """How the head's work compares with the base's, by one rule.

    Each counter is held against its own limit. Steps of the virtual machine hold the steps of
    scans, so a scan in the place of more work has not grown; a sort or an automatic index of an
    execution of hardly any steps is nothing. Then, over all counters together:

    - `more`: some grew, and none shrank that could make up for it: fewer sorts, automatic
      indexes or statements make up for steps that grew by less than FAR times, and for no more.
    - `less`: some shrank, and none grew; or the steps shrank so far that what grew cannot
      outweigh them: the head's steps FAR times, and STATEMENT_STEPS for each further statement
      and ROW_STEPS for each further row, are no more than the base's steps.
    - `mixed`: counters speak against each other; only a time can decide.
    - `same`: nothing is beyond its limit.
    """
    compared = [_change(name, base, head, limits) for name in COUNTERS]
    changes = tuple(change for change in compared if change and change.verdict != "same")
    named = {change.counter: change.verdict for change in changes}
    grown = {name for name, verdict in named.items() if verdict == "regression"}
    shrunk = set(named) - grown
    if "rows" in grown and head.rows < base.rows:
        # Fewer rows of an answer without a hash: another answer, whatever it saves.
        return Work("more", changes)
    if "vm_steps" in shrunk and (grown == {"fullscan_steps"} or _outweighed(base, head)):
        traded = tuple(
            change.model_copy(update={"verdict": "traded"}) if change.counter in grown else change
            for change in changes
        )
        return Work("less", traded)
    if not grown:
        return Work("less" if shrunk else "same", changes)
    against = shrunk & {*_BESIDE_STEPS, *(() if "vm_steps" in grown else ("vm_steps",))}
    far = head.vm_steps >= FAR * max(1, base.vm_steps)
    return Work("mixed" if against and not far else "more", changes)


def _outweighed(base: Seen, head: Seen) -> bool:
    """Whether the base's steps are more than all that the head does can cost."""
    statements = max(0, (head.statements or 0) - (base.statements or 0))
    rows = max(0, head.rows - base.rows)
    return FAR * head.vm_steps + STATEMENT_STEPS * statements + ROW_STEPS * rows <= base.vm_steps


def _change(name: str, base: Seen, head: Seen, limits: Limits) -> CounterChange | None:
    """One counter of both, with the verdict on it alone; None where one side does not know it."""
    old, new = getattr(base, name), getattr(head, name)
    if old is None or new is None:
        return None
    limit = limits.of_counter(name)
    allowed = limit if name in ABSOLUTE else limit * min(old, new)
    if name in ("vm_steps", "fullscan_steps"):
        allowed = max(allowed, limits.steps)
    elif name in ("sorts", "autoindexes") and max(base.vm_steps, head.vm_steps) <= limits.steps:
        allowed = max(old, new)
    verdict: Literal["regression", "improved", "same"] = "same"
    if new > old + allowed:
        verdict = "regression"
    elif new < old - allowed:
        verdict = "improved"
    # Rows are all that is known of an answer without a hash: fewer are another answer.
    if name == "rows" and new < old and limits.answers and base.answer is None:
        verdict = "regression"
    return CounterChange(counter=name, base=old, head=new, limit=limit, verdict=verdict)


_WORDS = {
    "statements": ("statement", "statements"),
    "vm_steps": ("step of SQLite", "steps of SQLite"),
    "fullscan_steps": ("step of a full scan", "steps of full scans"),
    "sorts": ("sort", "sorts"),
    "autoindexes": ("row put into automatic indexes", "rows put into automatic indexes"),
    "rows": ("row", "rows"),
}


def changes_text(changes: Sequence[CounterChange], *verdicts: str) -> str:
    """The counters with one of these verdicts, such as `409 steps of SQLite instead of 400`."""
    parts = []
    for change in changes:
        if change.verdict in verdicts:
            old, new = change.base, change.head
            by = f" ({new / old:.3g} times)" if old and change.counter != "sorts" else ""
            parts.append(f"{counted(new, *_WORDS[change.counter])} instead of {old:,}{by}")
    return "; ".join(parts)
