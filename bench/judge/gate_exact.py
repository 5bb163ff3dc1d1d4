"""The gate's verdict on what no noise can touch: answers, counters and plans of two sides."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from typing import Literal

from bench.judge.gate_answers import difference
from bench.judge.gate_causes import cause_of, new_indexes
from bench.judge.gate_limits import Limits
from bench.judge.gate_seen import Schema, Seen
from bench.judge.gate_work import Growth, Work, changes_told, work_of
from bench.results.gate import AnswerDifference, ExactComparison

ExactVerdict = Literal["pass", "regression", "improved", "mixed", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Exact:
    """The verdict of the exact layer on one operation, and the pair that shows it best.

    `mixed`: counters speak against each other. `cause` is why the head does other work, where
    counters or the plan tell. `by_work` says that counters alone make a regression, of all draws
    alike, so that a time that is clearly shorter overrules them. `cost` is the sentence on what a
    write pays for indexes that are new on its table, `tax` that as a share of its steps.
    `difference` is how the answers to the draw number `draw` differ, where they do.
    """

    verdict: ExactVerdict
    message: str | None
    cause: str | None
    comparison: ExactComparison
    by_work: bool = False
    cost: str | None = None
    tax: float = 0.0
    difference: AnswerDifference | None = None
    draw: int = 0


def judge_exact(
    base: Sequence[Seen], head: Sequence[Seen], limits: Limits, schemas: tuple[Schema, Schema]
) -> Exact | None:
    """Hold each execution of the head against the base's with the same driver and parameters.

    One pair stands for all in gate.json: the one that changed most. None where the sides
    have no execution in common.
    """
    known = {(one.driver, one.draw): one for one in base}
    pairs = [(known[one.driver, one.draw], one) for one in head if (one.driver, one.draw) in known]
    if not pairs:
        return None
    # Each pair is judged by itself: one that is allowed to differ must not hide another.
    tied = {old.draw for old, new in pairs if _tied(old, new)}
    judged = [_judged(old, new, limits, schemas, tied) for old, new in pairs]
    shown = max(judged, key=lambda one: one.weight)
    answered = [_answers_equal(old, new) for old, new in pairs]
    known_answers = [equal for equal in answered if equal is not None]
    equal = all(known_answers) if known_answers else None
    # A route runs other statements too (who asks?); the operation's own SQL tells its cause.
    same = [one for one in judged if one.verdict == shown.verdict]
    told = max((one for one in same if one.base.driver == "sql"), key=_weight, default=shown)
    worse = told.work.growth in ("more", "mixed")
    changed = any(a.plan != b.plan for a, b in pairs)
    return Exact(
        shown.verdict,
        _message(shown),
        cause_of(
            told.base,
            told.head,
            schemas,
            worse=worse or (changed and not _by_answer(told.base, told.head)),
        ),
        ExactComparison(
            answers_equal=equal,
            plan_changed=changed,
            base=shown.base.counted(),
            head=shown.head.counted(),
            changes=shown.work.changes,
        ),
        by_work=shown.verdict == "regression"
        and all(one.verdict == "pass" or one.by_work for one in judged),
        cost=shown.cost,
        tax=shown.head.vm_steps / max(1, shown.base.vm_steps) - 1,
        difference=_difference(told.base, told.head) or _difference(shown.base, shown.head),
        draw=told.base.draw if _difference(told.base, told.head) else shown.base.draw,
    )


@dataclass(frozen=True, slots=True)
class _Judged:
    """One pair of executions; `weight` is greater the more it has to say."""

    base: Seen
    head: Seen
    work: Work
    verdict: ExactVerdict
    weight: tuple[int, int, float, float, bool]
    cost: str | None

    @property
    def by_work(self) -> bool:
        """Whether counters alone make it a regression."""
        return self.verdict == "regression" and not _by_answer(self.base, self.head)


def _judged(
    base: Seen,
    head: Seen,
    limits: Limits,
    schemas: tuple[Schema, Schema],
    tied: Container[int],
) -> _Judged:
    """Judge one pair; `tied` are the draws whose rows tie, which a route answers so as well."""
    work = work_of(base, head, limits)
    verdict = _verdict(base, head, work, limits, tied=base.draw in tied)
    cost = None
    taxing = new_indexes(head, schemas) if _is_upkeep(base, head, work) else ()
    if taxing:
        cost = _tax(base, head, taxing)
        allowed = head.vm_steps <= base.vm_steps * (1 + limits.write_tax)
        verdict = "pass" if allowed and verdict == "regression" else verdict
    grown = [_growth(c.base, c.head) for c in work.changes if c.verdict == "regression"]
    gains = [_growth(c.head, c.base) for c in work.changes if c.verdict == "improved"]
    differs = 2 * (head.refused is not None) + (_answers_equal(base, head) is False)
    weight = (
        _WORST.index(verdict), differs if verdict == "regression" else 0,
        max(grown, default=0.0), max(gains, default=0.0), base.driver == "http",
    )  # fmt: skip
    return _Judged(base, head, work, verdict, weight, cost)


def _by_answer(base: Seen, head: Seen) -> bool:
    """Whether the head cannot answer, or answers otherwise."""
    return head.refused is not None or _answers_equal(base, head) is False


def _is_upkeep(base: Seen, head: Seen, work: Work) -> bool:
    """Whether the head does all that the base does, by the same plan, in more steps alone."""
    finished = base.unfinished_s is None and head.unfinished_s is None
    grown = {one.counter for one in work.changes if one.verdict == "regression"}
    return (
        finished
        and not _by_answer(base, head)
        and base.plan == head.plan
        and work.growth in ("same", "more")
        and grown <= {"vm_steps"}
    )


def _tax(base: Seen, head: Seen, indexes: Sequence[str]) -> str | None:
    """What a write pays for new indexes, in steps; None where it pays nothing."""
    more = head.vm_steps - base.vm_steps
    if more <= 0:
        return None
    return (
        f"It pays {more:,} {'step' if more == 1 else 'steps'} of SQLite more for each execution "
        f"({head.vm_steps:,} instead of {base.vm_steps:,}, "
        f"{_growth(base.vm_steps, head.vm_steps):.3g} times): what it writes goes into "
        f"{' and '.join(indexes)} too, which the head adds."
    )


def _weight(one: _Judged) -> tuple[int, int, float, float, bool]:
    return one.weight


# The last is the worst.
_WORST = ("pass", "improved", "mixed", "inconclusive", "regression")


def _answers_equal(base: Seen, head: Seen) -> bool | None:
    """Whether two executions answered alike; None where one's answer is not known."""
    if base.status != head.status:
        return False
    if base.answer is None or head.answer is None:
        return None
    return base.answer == head.answer


def _growth(base: int, head: int) -> float:
    return head / base if base else float("inf")


_VERDICTS: dict[Growth, ExactVerdict] = {
    "same": "pass", "less": "improved", "mixed": "mixed", "more": "regression",
}  # fmt: skip


def _verdict(base: Seen, head: Seen, work: Work, limits: Limits, *, tied: bool) -> ExactVerdict:
    if base.refused is None and head.refused is not None:
        return "regression"
    if base.refused is not None or not (is_steady(base) and is_steady(head)):
        return "inconclusive"
    if base.unfinished_s is not None or head.unfinished_s is not None:
        return _unfinished_verdict(base, head)
    if _answers_equal(base, head) is False and limits.answers:
        same = base.status == head.status and base.texts == head.texts
        return "inconclusive" if tied and same else "regression"
    return _VERDICTS[work.growth]


def _unfinished_verdict(base: Seen, head: Seen) -> ExactVerdict:
    """The verdict where an execution was broken off: what it had done by then is a least."""
    if base.unfinished_s is None:
        return "regression" if head.vm_steps > base.vm_steps else "inconclusive"
    if head.unfinished_s is None:
        return "improved" if head.vm_steps < base.vm_steps else "inconclusive"
    return "inconclusive"


def _unfinished(base: Seen, head: Seen) -> str:
    """What is known of executions of which one was broken off, and what to do."""
    limit_s = head.unfinished_s or base.unfinished_s or 0.0
    ends = [
        f"the {name} was {'broken off' if seen.unfinished_s else 'done'} after {seen.vm_steps:,}"
        for name, seen in (("base", base), ("head", head))
    ]
    return (
        f"One execution may take {limit_s:.3g} s here, a tenth of the budget: {' and '.join(ends)} "
        "steps of SQLite; give --budget-seconds more where it has to be finished."
    )


def _message(shown: _Judged) -> str | None:
    base, head, verdict = shown.base, shown.head, shown.verdict
    if (base.unfinished_s or head.unfinished_s) and not (base.refused or head.refused):
        return _unfinished(base, head)
    if verdict == "pass":
        if base.plan == head.plan:
            return None
        return "The plan changed; no counter is worse."
    if verdict == "inconclusive":
        if base.refused is not None:
            return f"The base cannot run it ({base.refused}), so nothing can be compared."
        steady = is_steady(base) and is_steady(head)
        if not steady:
            return unsteady(base, head)
        found = _difference(base, head)
        return CUT_TIES if found is not None and found.kind == "ties" else _TIES
    if head.refused is not None:
        return f"The head cannot run it: {head.refused.rstrip('.')}."
    parts = []
    if _answers_equal(base, head) is False:
        parts.append(_different(base, head))
    changes = shown.work.changes
    grown = changes_told(changes, "regression", "traded")
    shrunk = changes_told(changes, "improved")
    if verdict == "regression":
        parts += [grown] if grown else []
    elif verdict == "mixed":
        parts.append(f"{grown}, and {shrunk}")
    else:
        parts += [f"{shrunk}, though {grown}" if grown and shrunk else shrunk or grown]
    text = "; ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}." if text else None


def _tied(base: Seen, head: Seen) -> bool:
    """Whether the same statements differ only in rows that tie in the ORDER BY.

    By the sort keys, where they are known; else rows are taken to tie that come in another order.
    """
    if base.texts != head.texts or _answers_equal(base, head) is not False:
        return False
    if _keys_known(base) and _keys_known(head):
        found = _difference(base, head)
        return found is not None and found.kind == "ties"
    return base.bag is not None and base.bag == head.bag


def _keys_known(seen: Seen) -> bool:
    return seen.given is not None and seen.given.groups is not None


def _difference(base: Seen, head: Seen) -> AnswerDifference | None:
    """How two answers differ; None where they do not, or where they were not fetched."""
    if base.given is None or head.given is None or _answers_equal(base, head) is not False:
        return None
    return difference(base.given, head.given)


CUT_TIES = (
    "The answers differ only in rows that tie in the ORDER BY: which of them come first, or before "
    "the LIMIT, is left to chance. Give it a unique last key, such as the table's key, and gate "
    "again."
)
_TIES = (
    "The answers hold the same rows in another order: rows that tie in the ORDER BY may come in "
    "any. Give it a unique last key, such as the table's key, and gate again."
)


def is_steady(seen: Seen) -> bool:
    """Whether an execution says anything of another: what a write leaves nobody compares."""
    by_itself = seen.depends is None or seen.answer is None
    return seen.steady and by_itself


def unsteady(*seen: Seen) -> str:
    """Why executions decide nothing, and what to do."""
    depends = {one.depends for one in seen}
    if "chance" in depends:
        return (
            "It answers otherwise each time it is executed: it calls random() or randomblob(), so "
            "its answer is left to chance and nothing can be compared. Let it take what is chosen "
            "by chance as a parameter, or leave it out."
        )
    if "clock" in depends:
        return (
            "Its answer depends on the time of day: it asks the clock ('now' or "
            "CURRENT_TIMESTAMP), so two executions need not agree and nothing can be compared. "
            "Let it take the time as a parameter, such as :now."
        )
    return (
        "Two executions on one side did not count or answer the same, so exact limits say "
        "nothing; make the answer depend on the database and the request alone."
    )


def _different(base: Seen, head: Seen) -> str:
    if base.status != head.status:
        return f"it answers with status {head.status} instead of {base.status}"
    found = _difference(base, head)
    if found is not None:
        return f"the answers differ{found.told}"
    if base.rows != head.rows:
        return f"the answers differ: {head.rows:,} rows are read instead of {base.rows:,}"
    return "the answers differ, with as many rows: others, or in another order"
