"""The gate's verdict on what no noise can touch: answers, counters and plans of two sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bench.judge.format import counted, sentence_case
from bench.judge.gate_answers import difference
from bench.judge.gate_causes import cause_of, new_indexes
from bench.judge.gate_seen import Growth, Schema, Seen, Work, changes_text, work_of
from bench.results.gate import AnswerDifference, ExactComparison
from bench.study.gate_limits import Limits

ExactVerdict = Literal["pass", "regression", "improved", "mixed", "inconclusive"]
# The last is the worst.
_WORST: tuple[ExactVerdict, ...] = ("pass", "improved", "mixed", "inconclusive", "regression")
_VERDICTS: dict[Growth, ExactVerdict] = {
    "same": "pass", "less": "improved", "mixed": "mixed", "more": "regression",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Exact:
    """The verdict of the exact layer on one operation, and the pair that shows it best.

    `mixed`: counters speak against each other. `cause` is why the head does other work, where
    counters or the plan tell. `by_work` says that counters alone make a regression, of all draws
    alike, so that a time that is clearly shorter overrules them. `cost` is the sentence on what a
    write pays for indexes that are new on its table, `tax` that as a share of its steps.
    `difference` is how the answers to the parameter set number `set_index` differ, where they do.
    """

    verdict: ExactVerdict
    message: str | None
    cause: str | None
    comparison: ExactComparison
    by_work: bool = False
    cost: str | None = None
    tax: float = 0.0
    difference: AnswerDifference | None = None
    set_index: int = 0


@dataclass(frozen=True, slots=True)
class _Pair:
    """One execution on both sides, by the same driver with the same parameters."""

    base: Seen
    head: Seen

    @property
    def answers_equal(self) -> bool | None:
        """Whether both answered alike; None where an answer is not known."""
        if self.base.status != self.head.status:
            return False
        if self.base.answer is None or self.head.answer is None:
            return None
        return self.base.answer == self.head.answer

    @property
    def difference(self) -> AnswerDifference | None:
        """How the answers differ; None where they do not, or where they were not fetched."""
        base, head = self.base.given, self.head.given
        if base is None or head is None or self.answers_equal is not False:
            return None
        return difference(base, head)

    @property
    def by_answer(self) -> bool:
        """Whether the head cannot answer, or answers otherwise."""
        return self.head.refused is not None or self.answers_equal is False

    @property
    def steady(self) -> bool:
        """Whether both executions say anything of another."""
        return is_steady(self.base) and is_steady(self.head)

    @property
    def unfinished_s(self) -> float | None:
        """After how many seconds an execution was broken off; None where none was."""
        return self.head.unfinished_s or self.base.unfinished_s

    @property
    def tied(self) -> bool:
        """Whether the same statements differ only in rows that tie in the ORDER BY.

        By the sort keys, where they are known; else rows are taken to tie that come in another
        order.
        """
        base, head = self.base, self.head
        if base.texts != head.texts or self.answers_equal is not False:
            return False
        if all(seen.given is not None and seen.given.groups is not None for seen in (base, head)):
            differing = self.difference
            return differing is not None and differing.kind == "ties"
        return base.bag is not None and base.bag == head.bag


@dataclass(frozen=True, slots=True)
class _Judged:
    """A judged pair; `weight` is greater the more it has to say."""

    pair: _Pair
    work: Work
    verdict: ExactVerdict
    cost: str | None

    @property
    def by_work(self) -> bool:
        """Whether counters alone make it a regression."""
        return self.verdict == "regression" and not self.pair.by_answer

    @property
    def weight(self) -> tuple[int, int, float, float, bool]:
        pair, changes = self.pair, self.work.changes
        grown = [_growth(c.base, c.head) for c in changes if c.verdict == "regression"]
        gains = [_growth(c.head, c.base) for c in changes if c.verdict == "improved"]
        differs = 2 * (pair.head.refused is not None) + (pair.answers_equal is False)
        return (
            _WORST.index(self.verdict), differs if self.verdict == "regression" else 0,
            max(grown, default=0.0), max(gains, default=0.0), pair.base.driver == "http",
        )  # fmt: skip


def judge_exact(
    base: Sequence[Seen], head: Sequence[Seen], limits: Limits, schemas: tuple[Schema, Schema]
) -> Exact | None:
    """Hold each execution of the head against the base's with the same driver and parameters.

    One pair counts for all in gate.json: the one that changed most. None where the sides have no
    execution in common.
    """
    known = {(seen.driver, seen.draw): seen for seen in base}
    pairs = [_Pair(known[s.driver, s.draw], s) for s in head if (s.driver, s.draw) in known]
    if not pairs:
        return None
    # Each pair is judged by itself: one that is allowed to differ must not hide another. Rows
    # that tie for a parameter set do so in a route's answer as well.
    tied = {pair.base.draw for pair in pairs if pair.tied}
    judged = [_judged(pair, limits, schemas, tied=pair.base.draw in tied) for pair in pairs]
    shown = max(judged, key=lambda entry: entry.weight)
    # A route runs other statements too; the operation's own SQL tells its cause.
    by_sql = [
        entry
        for entry in judged
        if entry.verdict == shown.verdict and entry.pair.base.driver == "sql"
    ]
    telling = max(by_sql, key=lambda entry: entry.weight, default=shown)
    worse = telling.work.growth in ("more", "mixed") or (
        not telling.pair.by_answer and any(pair.base.plan != pair.head.plan for pair in pairs)
    )
    differing = telling.pair if telling.pair.difference else shown.pair
    return Exact(
        shown.verdict,
        _message(shown),
        cause_of(telling.pair.base, telling.pair.head, schemas, worse=worse),
        _comparison(pairs, shown),
        by_work=shown.verdict == "regression"
        and all(entry.verdict == "pass" or entry.by_work for entry in judged),
        cost=shown.cost,
        tax=shown.pair.head.vm_steps / max(1, shown.pair.base.vm_steps) - 1,
        difference=differing.difference,
        set_index=differing.base.draw,
    )


def _comparison(pairs: Sequence[_Pair], shown: _Judged) -> ExactComparison:
    answered = {pair.answers_equal for pair in pairs} - {None}
    return ExactComparison(
        answers_equal=False not in answered if answered else None,
        plan_changed=any(pair.base.plan != pair.head.plan for pair in pairs),
        base=shown.pair.base.counted(),
        head=shown.pair.head.counted(),
        changes=shown.work.changes,
    )


def _judged(pair: _Pair, limits: Limits, schemas: tuple[Schema, Schema], *, tied: bool) -> _Judged:
    base, head = pair.base, pair.head
    work = work_of(base, head, limits)
    verdict = _verdict(pair, work, limits, tied=tied)
    taxing = new_indexes(head, schemas) if _is_write_cost(pair, work) else []
    if not taxing:
        return _Judged(pair, work, verdict, None)
    if verdict == "regression" and head.vm_steps <= base.vm_steps * (1 + limits.write_tax):
        verdict = "pass"
    return _Judged(pair, work, verdict, _tax(base.vm_steps, head.vm_steps, taxing))


def _is_write_cost(pair: _Pair, work: Work) -> bool:
    """Whether the head does all that the base does, by the same plan, in more steps alone."""
    grown = {change.counter for change in work.changes if change.verdict == "regression"}
    return (
        pair.unfinished_s is None
        and not pair.by_answer
        and pair.base.plan == pair.head.plan
        and work.growth in ("same", "more")
        and grown <= {"vm_steps"}
    )


def _tax(base: int, head: int, indexes: Sequence[str]) -> str | None:
    """What a write pays for new indexes, in steps; None where it pays nothing."""
    if head <= base:
        return None
    return (
        f"It pays {counted(head - base, 'step')} of SQLite more for each execution "
        f"({head:,} instead of {base:,}, {_growth(base, head):.3g} times): what it writes goes "
        f"into {' and '.join(indexes)} too, which the head adds."
    )


def _growth(base: int, head: int) -> float:
    return head / base if base else float("inf")


def _verdict(pair: _Pair, work: Work, limits: Limits, *, tied: bool) -> ExactVerdict:
    base, head = pair.base, pair.head
    if base.refused is None and head.refused is not None:
        return "regression"
    if base.refused is not None or not pair.steady:
        return "inconclusive"
    if pair.unfinished_s is not None:
        # What an execution that was broken off had done by then is a least.
        if base.unfinished_s is None and head.vm_steps > base.vm_steps:
            return "regression"
        if head.unfinished_s is None and head.vm_steps < base.vm_steps:
            return "improved"
        return "inconclusive"
    if pair.answers_equal is False and limits.answers:
        same = base.status == head.status and base.texts == head.texts
        return "inconclusive" if tied and same else "regression"
    return _VERDICTS[work.growth]


def _message(shown: _Judged) -> str | None:
    pair, verdict = shown.pair, shown.verdict
    base, head = pair.base, pair.head
    if pair.unfinished_s and not (base.refused or head.refused):
        return _unfinished(pair)
    if verdict == "pass":
        return None if base.plan == head.plan else "The plan changed; no counter is worse."
    if verdict == "inconclusive":
        if base.refused is not None:
            return f"The base cannot run it ({base.refused}), so nothing can be compared."
        if not pair.steady:
            return unsteady(base, head)
        difference = pair.difference
        return CUT_TIES if difference is not None and difference.kind == "ties" else _TIES
    if head.refused is not None:
        return f"The head cannot run it: {head.refused.rstrip('.')}."
    grown = changes_text(shown.work.changes, "regression", "traded")
    shrunk = changes_text(shown.work.changes, "improved")
    if verdict == "mixed":
        work = f"{grown}, and {shrunk}"
    elif verdict == "regression":
        work = grown
    else:
        work = f"{shrunk}, though {grown}" if grown and shrunk else shrunk or grown
    answers = _different(pair) if pair.answers_equal is False else ""
    text = "; ".join(filter(None, (answers, work)))
    return f"{sentence_case(text)}." if text else None


def _unfinished(pair: _Pair) -> str:
    """What is known of executions of which one was broken off, and what to do."""
    ends = [
        f"the {name} was {'broken off' if seen.unfinished_s else 'done'} after {seen.vm_steps:,}"
        for name, seen in (("base", pair.base), ("head", pair.head))
    ]
    return (
        f"One execution may take {pair.unfinished_s or 0.0:.3g} s here, a tenth of the budget: "
        f"{' and '.join(ends)} steps of SQLite; give --budget-seconds more where it has to be "
        "finished."
    )


CUT_TIES = (
    "The answers differ only in rows that tie in the ORDER BY: which of them come first, or before "
    "the LIMIT, is left to chance. Give it a unique last key, such as the table's key, and gate "
    "again."
)
_TIES = (
    "The answers hold the same rows in another order: rows that tie in the ORDER BY may come in "
    "any. Give it a unique last key, such as the table's key, and gate again."
)
_CHANCE = (
    "It answers otherwise each time it is executed: it calls random() or randomblob(), so "
    "its answer is left to chance and nothing can be compared. Let it take what is chosen "
    "by chance as a parameter, or leave it out."
)
_CLOCK = (
    "Its answer depends on the time of day: it asks the clock ('now' or "
    "CURRENT_TIMESTAMP), so two executions need not agree and nothing can be compared. "
    "Let it take the time as a parameter, such as :now."
)
_UNSTEADY = (
    "Two executions on one side did not count or answer the same, so exact limits say "
    "nothing; make the answer depend on the database and the request alone."
)


def is_steady(seen: Seen) -> bool:
    """Whether an execution says anything of another: what a write leaves nobody compares."""
    return seen.steady and (seen.depends is None or seen.answer is None)


def unsteady(*seen: Seen) -> str:
    """Why executions decide nothing, and what to do."""
    depends = {execution.depends for execution in seen}
    return _CHANCE if "chance" in depends else _CLOCK if "clock" in depends else _UNSTEADY


def _different(pair: _Pair) -> str:
    base, head = pair.base, pair.head
    if base.status != head.status:
        return f"it answers with status {head.status} instead of {base.status}"
    answers = pair.difference
    if answers is not None:
        return f"the answers differ{answers.told}"
    if base.rows != head.rows:
        return f"the answers differ: {head.rows:,} rows are read instead of {base.rows:,}"
    return "the answers differ, with as many rows: others, or in another order"
