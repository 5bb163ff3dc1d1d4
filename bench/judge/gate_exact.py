"""The gate's verdict on what no noise can touch: answers, counters and plans of two sides.

Judging room: no file, no clock, no database and no randomness may enter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from bench.judge.gate_causes import cause_of
from bench.judge.gate_limits import COUNTERS, Limits
from bench.judge.gate_seen import Schema, Seen

ExactVerdict = Literal["pass", "regression", "improved", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Exact:
    """The verdict of the exact layer on one operation, and the pair that shows it best."""

    verdict: ExactVerdict
    message: str | None
    cause: str | None
    document: dict[str, Any]


def judge_exact(
    base: Sequence[Seen], head: Sequence[Seen], limits: Limits, schemas: tuple[Schema, Schema]
) -> Exact | None:
    """Hold each execution of the head against the base's with the same driver and parameters.

    One pair stands for all in the document: the one that changed most. None where the sides
    have no execution in common.
    """
    known = {(one.driver, one.draw): one for one in base}
    pairs = [(known[one.driver, one.draw], one) for one in head if (one.driver, one.draw) in known]
    if not pairs:
        return None
    # Each pair is judged by itself: one that is allowed to differ must not hide another.
    judged = [_judged(old, new, limits) for old, new in pairs]
    shown = max(judged, key=lambda one: one.weight)
    answered = [_answers_equal(old, new) for old, new in pairs]
    known_answers = [equal for equal in answered if equal is not None]
    equal = all(known_answers) if known_answers else None
    # A route runs other statements too (who asks?); the operation's own SQL tells its cause.
    same = [one for one in judged if one.verdict == shown.verdict]
    told = max((one for one in same if one.base.driver == "sql"), key=_weight, default=shown)
    worse = any(change["verdict"] == "regression" for change in told.changes)
    words = (
        cause_of(told.base, told.head, schemas, worse=worse)
        if shown.verdict == "regression"
        else None
    )
    return Exact(
        shown.verdict,
        _message(shown),
        words,
        {
            "answers_equal": equal,
            "plan_changed": any(a.plan != b.plan for a, b in pairs),
            "base": shown.base.document(),
            "head": shown.head.document(),
            "changes": shown.changes,
        },
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """One pair of executions; `weight` is greater the more it has to say."""

    base: Seen
    head: Seen
    changes: list[dict[str, Any]]
    verdict: ExactVerdict
    weight: tuple[int, int, float, float, bool]


def _judged(base: Seen, head: Seen, limits: Limits) -> _Judged:
    found = _changes(base, head, limits)
    changes = [change for change in found if change["verdict"] != "same"]
    verdict = _verdict(base, head, changes, limits)
    growths = [_growth(c["base"], c["head"]) for c in changes if c["verdict"] == "regression"]
    gains = [_growth(c["head"], c["base"]) for c in changes if c["verdict"] == "improved"]
    differs = 2 * (head.refused is not None) + (_answers_equal(base, head) is False)
    weight = (
        _WORST.index(verdict), differs if verdict == "regression" else 0,
        max(growths, default=0.0), max(gains, default=0.0), base.driver == "http",
    )  # fmt: skip
    return _Judged(base, head, changes, verdict, weight)


def _weight(one: _Judged) -> tuple[int, int, float, float, bool]:
    return one.weight


# The last is the worst.
_WORST = ("pass", "improved", "inconclusive", "regression")


def _answers_equal(base: Seen, head: Seen) -> bool | None:
    """Whether two executions answered alike; None where one's answer is not known."""
    if base.status != head.status:
        return False
    if base.answer is None or head.answer is None:
        return None
    return base.answer == head.answer


def _growth(base: int, head: int) -> float:
    return head / base if base else float("inf")


def _changes(base: Seen, head: Seen, limits: Limits) -> list[dict[str, Any]]:
    found = []
    for name in COUNTERS:
        old, new = getattr(base, name), getattr(head, name)
        if old is None or new is None:
            continue
        limit = limits.of(name)
        grown, shrunk = new > old * (1 + limit), new * (1 + limit) < old
        # Rows are all that is known of an answer without a hash: fewer are another answer.
        lost = shrunk and name == "rows" and limits.answers and base.answer is None
        word = "regression" if grown or lost else "improved" if shrunk else "same"
        found.append({"counter": name, "base": old, "head": new, "limit": limit, "verdict": word})
    return [_traded(change, found) for change in found]


def _traded(change: dict[str, Any], changes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A scan that takes the place of more work is no regression: its steps are among the fewer.

    FULLSCAN_STEP counts each step of a scan, and the virtual machine's steps hold them all; a list
    read along a table or an index until its LIMIT may scan more and do a thousandth of the work.
    """
    fewer = any(one["counter"] == "vm_steps" and one["verdict"] == "improved" for one in changes)
    grown = change["counter"] == "fullscan_steps" and change["verdict"] == "regression"
    return {**change, "verdict": "traded"} if fewer and grown else change


def _verdict(
    base: Seen, head: Seen, changes: Sequence[Mapping[str, Any]], limits: Limits
) -> ExactVerdict:
    if base.refused is None and head.refused is not None:
        return "regression"
    if base.refused is not None or not (base.steady and head.steady):
        return "inconclusive"
    if _answers_equal(base, head) is False and limits.answers:
        return "regression"
    words = {change["verdict"] for change in changes}
    return "regression" if "regression" in words else "improved" if words else "pass"


def _message(shown: _Judged) -> str | None:
    base, head, verdict = shown.base, shown.head, shown.verdict
    if verdict == "pass":
        if base.plan == head.plan:
            return None
        return "The plan changed; no counter is worse."
    if verdict == "inconclusive":
        if base.refused is not None:
            return f"The base cannot run it ({base.refused}), so nothing can be compared."
        return UNSTEADY
    if head.refused is not None:
        return f"The head cannot run it: {head.refused.rstrip('.')}."
    parts = []
    if _answers_equal(base, head) is False:
        parts.append(_different(base, head))
    wanted = "regression" if verdict == "regression" else "improved"
    parts += [_grown(change) for change in shown.changes if change["verdict"] == wanted]
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


UNSTEADY = (
    "Two executions on one side did not count or answer the same, so exact limits say "
    "nothing; make the answer depend on the database and the request alone."
)


def _different(base: Seen, head: Seen) -> str:
    if base.status != head.status:
        return f"it answers with status {head.status} instead of {base.status}"
    if base.rows != head.rows:
        return f"the answers differ: {head.rows:,} rows are read instead of {base.rows:,}"
    return "the answers differ, with as many rows: others, or in another order"


_WORDS = {
    "statements": "statements",
    "vm_steps": "steps of SQLite",
    "fullscan_steps": "steps of full scans",
    "sorts": "sorts",
    "autoindexes": "rows put into automatic indexes",
    "rows": "rows",
}


def _grown(change: Mapping[str, Any]) -> str:
    old, new, what = change["base"], change["head"], _WORDS[change["counter"]]
    by = f" ({new / old:.3g} times)" if old and change["counter"] not in ("sorts",) else ""
    return f"{new:,} {what} instead of {old:,}{by}"
