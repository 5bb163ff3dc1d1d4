"""One operation whose parameter sets run different plans, by plan: counters and times of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from bench.judge import stats
from bench.judge.gate_answers import parameters_text
from bench.judge.gate_seen import Seen
from bench.judge.gate_times import LEAST_GENERATIONS, Plan, Timed, alarm_tail, interval_95
from bench.results.gate import PlanGroup, PlanPair

SHOWN_PARAMETERS = 3


def by_plan(
    base: Sequence[Seen],
    head: Sequence[Seen],
    timed: Timed | None,
    parameters: Sequence[Mapping[str, Any]],
    *,
    limit_of: Callable[[float], float],
    operations: int,
) -> tuple[PlanGroup, ...]:
    """Return `by_plan` of an operation: a group for each pair of plans; () for one alone.

    `limit_of` is the share that a time of so many ns may grow, the noise included; a group is
    `slower` that exceeds it at the level of the alarms of so many `operations`, in all batches.
    """
    known = {seen.draw: seen for seen in base if seen.driver == "sql"}
    pairs = {
        seen.draw: (known[seen.draw], seen)
        for seen in head
        if seen.driver == "sql" and seen.draw in known
    }
    plans = {draw: (old.plan, new.plan) for draw, (old, new) in pairs.items()}
    if timed is not None and any(old and new for old, new in timed.plans):
        plans = dict(enumerate(timed.plans))
    groups: dict[tuple[Plan, Plan], list[int]] = {}
    for draw, both in plans.items():
        if all(both):
            groups.setdefault(both, []).append(draw)
    if len(groups) < 2 or not parameters:
        return ()
    tail = alarm_tail(max(1, operations) * len(groups))
    judged = []
    for (old_plan, new_plan), draws in groups.items():
        counted = next((pairs[draw] for draw in draws if draw in pairs), None)
        shown = [parameters_text(parameters[draw]) for draw in sorted(draws)]
        group = PlanGroup(
            parameters=tuple(shown[:SHOWN_PARAMETERS]),
            draws=len(draws),
            plans=PlanPair(base=old_plan, head=new_plan),
            base=None if counted is None else counted[0].counted(),
            head=None if counted is None else counted[1].counted(),
            ratio=None, ci95=None, limit=None, slower=False,
        )  # fmt: skip
        judged.append(group if timed is None else _with_times(group, timed, draws, limit_of, tail))
    return tuple(judged)


def _with_times(
    group: PlanGroup,
    timed: Timed,
    draws: Sequence[int],
    limit_of: Callable[[float], float],
    tail: float,
) -> PlanGroup:
    """A group with the ratio of its rounds, its interval, its limit, and whether it is slower."""
    batches = list(_rounds(timed, draws))
    values = [value for batch in batches for value in batch]
    if not values:
        return group
    drawn = [draw for batch in timed.draws for draw in batch]
    base_ns = [ns for ns, draw in zip(timed.base_ns, drawn, strict=True) if draw in draws]
    limit = limit_of(stats.median(base_ns))
    alarm = stats.interval_at(values, tail)
    medians = [stats.median(batch) for batch in batches if batch]
    times = {
        "ratio": math.exp(stats.median(values)),
        "ci95": interval_95(values),
        "limit": limit,
        "slower": alarm is not None
        and len(medians) >= LEAST_GENERATIONS
        and min(alarm.low, *medians) > math.log1p(limit),
    }
    return group.model_copy(update=times)


def _rounds(timed: Timed, draws: Sequence[int]) -> Iterator[list[float]]:
    for heads, drawn in zip(timed.heads, timed.draws, strict=False):
        yield [value for value, draw in zip(heads, drawn, strict=True) if draw in draws]


def plans_sentence(groups: Sequence[PlanGroup]) -> str:
    """The times of each plan in one sentence."""
    parts = [
        f"{'not timed' if group.ratio is None else f'{group.ratio:.3g} times as long'} "
        f"for {group.whose}"
        for group in groups
    ]
    return f"Its parameters run {len(groups)} plans: {', '.join(parts)}."
