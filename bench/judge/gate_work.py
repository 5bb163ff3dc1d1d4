"""When the work of an operation has grown: one rule over all counters of two executions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.judge.format import counted
from bench.judge.gate_seen import Seen
from bench.results.gate import CounterChange
from bench.study.gate_limits import ABSOLUTE, COUNTERS, Limits

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


def _change_text(change: CounterChange) -> str:
    """One counter of both sides in words, such as `409 steps of SQLite instead of 400`."""
    old, new = change.base, change.head
    by = f" ({new / old:.3g} times)" if old and change.counter != "sorts" else ""
    return f"{counted(new, *_WORDS[change.counter])} instead of {old:,}{by}"


def changes_text(changes: Sequence[CounterChange], *verdicts: str) -> str:
    """The counters with one of these verdicts in words; empty where there are none."""
    return "; ".join(_change_text(change) for change in changes if change.verdict in verdicts)
