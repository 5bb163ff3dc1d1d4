"""From states of the planner's statistics to statistics.json: what each state mends and harms."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge import explain, stats
from bench.judge.evidence import Observed, Paired, floor, observation
from bench.judge.format import duration, effect, sentence_case
from bench.judge.noise import Controls
from bench.results import statistics as results
from bench.results.comparison import DECIDED
from bench.results.model import DatasetSummary
from bench.study import Study

BASE = "none"
# The state that the first answer is about.
ADVISED = "optimize"


@dataclass(frozen=True, slots=True)
class StatisticsRecord:
    """What was measured on one arm: its states, the first of them `none`, and operations.

    `observed` are operations in every state, `timed` the paired times of those that were timed,
    by operation; `untimed` says by operation why others were not. `beside` are states that were
    gathered and not measured: `same_as` tells the state that they wrote the same as.
    """

    study: Study
    dataset: DatasetSummary
    arm: str
    sqlite_version: str
    states: tuple[results.State, ...]
    observed: tuple[Observed, ...]
    timed: Mapping[str, Paired]
    untimed: Mapping[str, str] = field(default_factory=dict)
    beside: tuple[results.State, ...] = ()
    limits: tuple[str, ...] = ()


def statistics_document(record: StatisticsRecord) -> results.Statistics:
    """Compare each state with no statistics; BenchError where there is no state `none`."""
    if BASE not in [state.name for state in record.states]:
        raise BenchError(
            "States are held against no statistics; measure the state none too.", INVALID
        )
    controls, noise = floor(list(record.timed.values()))
    operations = tuple(_operation(record, seen, controls) for seen in record.observed)
    return results.Statistics(
        study=record.study.name,
        dataset=record.dataset,
        arm=record.arm,
        sqlite_version=record.sqlite_version,
        base=BASE,
        minimum_effect=record.study.minimum_effect,
        states=record.states,
        beside=record.beside,
        noise_floor=noise,
        operations=operations,
        answers=tuple(_answers(record, operations)),
        limits=record.limits,
    )


def _operation(
    record: StatisticsRecord, seen: Observed, controls: Controls
) -> results.OperationStatistics:
    names = [state.name for state in record.states]
    compared = [name for name in names if name != BASE] if seen.kind == "read" else []
    return results.OperationStatistics(
        name=seen.operation,
        title=record.study.operation(seen.operation).title,
        kind=seen.kind,
        not_timed=None if seen.operation in record.timed else _untimed(record, seen),
        states={name: _observation(record, seen, name) for name in names},
        comparisons=tuple(_comparison(record, seen, name, controls) for name in compared),
    )


def _observation(record: StatisticsRecord, seen: Observed, state: str) -> results.StateObservation:
    paired = record.timed.get(seen.operation)
    return results.StateObservation(
        **dict(observation(seen, state, paired)),
        p95_ns=None if paired is None else paired.quantile_ns(state, 0.95),
        flipped=seen.states[state].plan != seen.states[BASE].plan,
    )


def _untimed(record: StatisticsRecord, seen: Observed) -> str:
    return seen.difference or record.untimed.get(seen.operation, "it was not timed")


def _comparison(
    record: StatisticsRecord, seen: Observed, state: str, controls: Controls
) -> results.StateComparison:
    minimum_effect = record.study.minimum_effect
    plain = results.StateComparison(
        base=BASE,
        state=state,
        band=controls.threshold(seen.operation, minimum_effect),
        verdict="inconclusive",
    )
    paired = record.timed.get(seen.operation)
    if paired is None or not paired.has(BASE, state) or seen.difference:
        return plain.model_copy(update={"cause": _untimed(record, seen)})
    if paired.same_work(BASE, state):
        # The same program on the same file: what was timed once holds for both.
        shared = {"shared": True, "speedup": 1.0, "ci95": (1.0, 1.0), "verdict": "same"}
        return plain.model_copy(update=shared)
    try:
        speedup = paired.speedup(BASE, state)
    except stats.StatisticsError as error:
        return plain.model_copy(update={"cause": str(error)})
    verdict = stats.verdict(*speedup.ci95, plain.band, minimum_effect)
    return plain.model_copy(
        update={
            "speedup": speedup.ratio,
            "ci95": speedup.ci95,
            "verdict": verdict,
            "ratio_rounds": speedup.rounds,
            "cause": _cause(record, seen, state) if verdict == "slower" else None,
        }
    )


def _cause(record: StatisticsRecord, operation: Observed, state: str) -> str:
    """Why the state is slower than no statistics."""
    base, seen = operation.states[BASE], operation.states[state]
    paired = record.timed[operation.operation]
    lost_ns = (paired.median_ns(state) or 0) - (paired.median_ns(BASE) or 0)
    samples = (base.samples, seen.samples) if lost_ns < explain.PLANNING_NS else None
    why = explain.cause(base.plan, seen.plan, base.counters, seen.counters, samples=samples)
    if seen.plan == base.plan:
        return why
    estimates = {known.name: known.rows_per_key for known in record.states}[state]
    wrong = explain.misestimate(seen.plan, estimates, _true_rows_per_key(record.states))
    return " ".join(filter(None, [why, wrong]))


def _true_rows_per_key(states: Sequence[results.State]) -> Mapping[str, int]:
    """Rows for one value of each index's first column, by the state that read every row."""
    full = (state.rows_per_key for state in states if state.name in ("full", "samples"))
    return next(full, {})


def _answers(
    record: StatisticsRecord, operations: Sequence[results.OperationStatistics]
) -> Iterator[str]:
    """First what the advised step does to the study's example, then what each state changes."""
    known, example = {state.name: state for state in record.states}, record.study.example
    focus = next((operation for operation in operations if operation.name == example), None)
    if focus is not None and ADVISED in known:
        yield _advised(focus, record.states, known[ADVISED])
        yield from _first_mending(focus, record.states)
    for state in record.states:
        if state.name != BASE:
            yield _state(state, known, operations)
    for state in record.beside:
        same = known.get(state.same_as or "")
        writes = "what no other state holds" if same is None else f"the same as {same.title}"
        took = duration(state.duration_ns)
        yield f"{sentence_case(state.title)} writes {writes}, in {took}."


def _advised(
    focus: results.OperationStatistics, states: Sequence[results.State], advised: results.State
) -> str:
    """What D1's step does to the example: plan, steps and time, before and after."""
    before, after = focus.states[BASE], focus.states[ADVISED]
    comparison = focus.comparison(ADVISED)
    plans = (
        f"changes the plan of {focus.name} from {_plan(before)} to {_plan(after)}"
        if after.flipped
        else f"leaves the plan of {focus.name} as it is, {_plan(after)}"
    )
    verdict = "" if comparison is None else f" ({_verdict(comparison)})"
    text = (
        f"The step that D1 advises, {advised.title}, {plans}: "
        f"{_steps_text(before)} before, {_steps_text(after)} after{verdict}."
    )
    wrong = explain.misestimate(after.plan, advised.rows_per_key, _true_rows_per_key(states))
    return text if wrong is None else f"{text} {wrong}"


def _first_mending(
    focus: results.OperationStatistics, states: Sequence[results.State]
) -> Iterator[str]:
    """The first state that makes the example faster, and what it tells the planner."""
    for state in states:
        comparison = focus.comparison(state.name)
        if comparison is not None and comparison.verdict == "faster":
            seen = focus.states[state.name]
            yield (
                f"{sentence_case(state.title)} mends {focus.name}: {_plan(seen)}, "
                f"{_steps_text(seen)}, {effect(comparison.speedup)} than without "
                f"statistics{_estimate(focus.states[BASE].plan, state)}."
            )
            return


def _estimate(plan: Sequence[str], state: results.State) -> str:
    """What a state says of the index that the planner took without statistics."""
    for access in explain.parse_plan(plan).accesses:
        index = explain.by_equality(access)
        if index is not None and index in state.rows_per_key:
            rows = state.rows_per_key[index]
            return (
                f"; it counts {rows:,} rows for each value of {index}, not {explain.GUESSED_ROWS}"
            )
    return ""


def _state(
    state: results.State,
    known: Mapping[str, results.State],
    operations: Sequence[results.OperationStatistics],
) -> str:
    """Which operations a state mends and which it harms, with how much."""
    if state.same_as is not None:
        like = known[state.same_as].title
        return f"{sentence_case(state.title)} writes the same as {like} and so changes the same."
    names: dict[str, list[str]] = defaultdict(list)
    flips = [operation.name for operation in operations if operation.states[state.name].flipped]
    for operation in operations:
        comparison = operation.comparison(state.name)
        if comparison is None:
            continue
        size = f" ({effect(comparison.speedup)})" if comparison.verdict in DECIDED else ""
        same_plan = comparison.verdict == "slower" and operation.name not in flips
        names["slowed" if same_plan else comparison.verdict].append(operation.name + size)
    parts = [
        f"mends {_list(names['faster'])}",
        f"harms {_list(names['slower'])}",
        f"leaves {len(names['same'])} as they were",
    ]
    if names["slowed"]:
        parts.append(f"slows {_list(names['slowed'])} without a change of plan")
    if names["inconclusive"]:
        parts.append(f"leaves {_list(names['inconclusive'])} undecided")
    flipped = f"; it changes the plan of {_list(flips)}" if flips else "; it changes no plan"
    took = f" (gathered in {duration(state.duration_ns)})"
    return f"{sentence_case(state.title)}{took} {', '.join(parts)}{flipped}."


def _plan(seen: results.StateObservation) -> str:
    return "; ".join(line.strip() for line in seen.plan) or "no plan"


def _steps_text(seen: results.StateObservation) -> str:
    took = "" if seen.median_ns is None else f" in {duration(seen.median_ns)}"
    return f"{seen.vm_steps:,} steps{took}"


def _verdict(comparison: results.StateComparison) -> str:
    if comparison.speedup is None:
        return comparison.verdict
    if comparison.verdict == "same":
        return "no difference"
    return f"{comparison.verdict}, {effect(comparison.speedup)}"


def _list(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"
