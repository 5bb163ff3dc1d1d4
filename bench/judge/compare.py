"""From samples to comparison.json: every arm of every operation, and every pair judged.

What cannot be judged comes out as `inconclusive` with the reason beside it, never as a difference
and never left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge import stats
from bench.judge.explain import PLANNING_NS, WriteCost, cause, write_cause
from bench.judge.latencies import arm_figures, pooled
from bench.judge.noise import NO_CONTROLS, Controls, noise_floor
from bench.judge.noise import MissingNoiseFloor as MissingNoiseFloor
from bench.judge.records import ArmFacts, ArmSamples, Counters
from bench.results.comparison import Comparison, OperationComparison, Pair
from bench.results.model import DatasetSummary, NoiseFloor
from bench.study import Operation, Study

ANSWERS_DIFFER = "answers differ"
NOT_MEASURED = "it was not measured"

Key = tuple[str, str]
"""An operation and an arm."""
_NONE: Mapping[str, Mapping[str, str]] = {}
_NO_FACTS: Mapping[str, ArmFacts] = {}


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run measured, and the noise floor that follows."""

    study: Study
    samples: Mapping[Key, ArmSamples]
    counters: Mapping[Key, Counters]
    plans: Mapping[Key, Sequence[str]]
    answers_equal: Mapping[str, bool]
    not_measured: Mapping[str, Mapping[str, str]]
    arm_facts: Mapping[str, ArmFacts]
    controls: Controls

    def threshold(self, operation: str) -> float:
        return self.controls.threshold(operation, self.study.minimum_effect)


def comparison_document(
    study: Study,
    dataset: DatasetSummary,
    samples: Sequence[ArmSamples],
    counters: Mapping[Key, Counters],
    plans: Mapping[Key, Sequence[str]],
    answers_equal: Mapping[str, bool],
    rng: np.random.Generator,
    *,
    not_measured: Mapping[str, Mapping[str, str]] = _NONE,
    arm_facts: Mapping[str, ArmFacts] = _NO_FACTS,
) -> Comparison:
    """The whole comparison.

    `not_measured` says by operation and arm why there are no samples; an operation without any
    stays in the document, inconclusive for that reason. Causes
    of slowness are sought in `arm_facts`.

    Times are in nanoseconds; `speedup` is base time / arm time. The base is compared with every
    other arm, and the judged arm with every arm that the study names after it; an operation that
    the base cannot answer is compared from the judged arm on only.

    Raises:
        BenchError: two samples of one arm and operation, no A/A pair in the run, or no word
            on whether the answers are equal.
        bench.study.StudyError: samples of an operation or arm that the study does not name.
    """
    measured = _by_key(study, [entry for entry in samples if not entry.control])
    seconds = _by_key(study, [entry for entry in samples if entry.control])
    controls, noise = _noise(measured, seconds)
    run = _Run(
        study, measured, counters, plans, answers_equal, not_measured, arm_facts, controls
    )  # fmt: skip
    named = {name for name, _ in measured} | {study.operation(name).name for name in not_measured}
    # Answers that differed at the first look were never timed.
    named |= {name for name, equal in answers_equal.items() if not equal}
    return Comparison(
        study=study.name,
        base=study.base,
        judged=study.judged,
        minimum_effect=study.minimum_effect,
        dataset=dataset,
        noise_floor=noise,
        operations=tuple(
            _operation(run, operation, rng)
            for operation in study.operations
            if operation.name in named
        ),
    )


def _by_key(study: Study, samples: Sequence[ArmSamples]) -> dict[Key, ArmSamples]:
    by_key: dict[Key, ArmSamples] = {}
    for entry in samples:
        key = (study.operation(entry.operation).name, study.arm(entry.arm).name)
        if key in by_key:
            raise BenchError(
                f"The arm {entry.arm} of {entry.operation} was given twice; "
                "mark the second copy of an A/A pair as a twin.",
                INVALID,
            )
        by_key[key] = entry
    return by_key


def _noise(
    samples: Mapping[Key, ArmSamples], seconds: Mapping[Key, ArmSamples]
) -> tuple[Controls, NoiseFloor]:
    if not samples and not seconds:
        # Answers differ everywhere, so that nothing was timed.
        return NO_CONTROLS, NoiseFloor(floor=0.0)
    for operation, arm in seconds.keys() - samples.keys():
        raise BenchError(
            f"The A/A control of {arm} was measured on {operation} but {arm} itself was not; "
            "measure both.",
            INVALID,
        )
    return noise_floor(
        {
            operation: (arm, samples[operation, arm].rounds, second.rounds)
            for (operation, arm), second in seconds.items()
        }
    )


def _operation(run: _Run, operation: Operation, rng: np.random.Generator) -> OperationComparison:
    name = operation.name
    arms = [arm.name for arm in run.study.arms if (name, arm.name) in run.samples]
    if arms and name not in run.answers_equal:
        raise BenchError(
            f"The run does not say whether the arms answer {name} alike; "
            "compare their answers before judging times.",
            INVALID,
        )
    pairs = [_pair(run, operation, base, arm) for base, arm in _pairs(run.study, arms)]
    return OperationComparison(
        name=name,
        title=operation.title,
        family=operation.family,
        kind=operation.kind,
        http=operation.http,
        control=operation.control,
        needs=operation.needs,
        indexes=operation.indexes,
        answers_equal=run.answers_equal.get(name, False),
        not_measured=run.not_measured.get(name, {}),
        arms={
            arm: arm_figures(
                run.samples[name, arm],
                run.counters.get((name, arm)),
                run.plans.get((name, arm), ()),
                rng,
            )
            for arm in arms
        },
        comparisons=tuple(pairs) if arms else (_unmeasured(run, name),),
    )


def _pairs(study: Study, arms: Sequence[str]) -> list[tuple[str, str]]:
    """Base against every other arm, then the judged arm against every later one."""
    pairs = [(study.base, arm) for arm in arms if arm != study.base and study.base in arms]
    if study.judged in arms and study.judged != study.base:
        later = arms[arms.index(study.judged) + 1 :]
        pairs += [(study.judged, arm) for arm in later if arm != study.base]
    return pairs


def _undecided(run: _Run, operation: str, base: str, arm: str, reason: str) -> Pair:
    return Pair(
        base=base, arm=arm, speedup=None, ci95=None, verdict="inconclusive",
        band=run.threshold(operation), ratio_rounds=(), cause=reason,
    )  # fmt: skip


def _unmeasured(run: _Run, name: str) -> Pair:
    """The comparison of an operation of which nothing was timed, with the reason for that."""
    study = run.study
    reasons = run.not_measured.get(name, {})
    known = [reasons[arm] for arm in (study.judged, study.base, *reasons) if arm in reasons]
    differ = not run.answers_equal.get(name, True)
    reason = known[0] if known else ANSWERS_DIFFER if differ else NOT_MEASURED
    return _undecided(run, name, study.base, study.judged, reason)


def _pair(run: _Run, operation: Operation, base: str, arm: str) -> Pair:
    name = operation.name
    if not run.answers_equal[name]:
        return _undecided(run, name, base, arm, ANSWERS_DIFFER)
    try:
        speedup = stats.speedup(run.samples[name, base].rounds, run.samples[name, arm].rounds)
    except stats.StatisticsError as error:
        return _undecided(run, name, base, arm, str(error))
    threshold = run.threshold(name)
    verdict = stats.verdict(*speedup.ci95, threshold, run.study.minimum_effect)
    return Pair(
        base=base,
        arm=arm,
        speedup=speedup.ratio,
        ci95=speedup.ci95,
        verdict=verdict,
        band=threshold,
        ratio_rounds=speedup.rounds,
        cause=_cause(run, operation, base, arm) if verdict == "slower" else None,
    )


def _cause(run: _Run, operation: Operation, base: str, arm: str) -> str:
    keys = (operation.name, base), (operation.name, arm)
    old, new = run.arm_facts.get(base), run.arm_facts.get(arm)
    samples: tuple[bool, bool] | None = None
    if old is not None and new is not None:
        before, after = (stats.median(pooled(run.samples[key].rounds)) for key in keys)
        if after - before < PLANNING_NS:
            samples = (old.samples, new.samples)
        paid = write_cause(_write_costs(operation, old, new))
        if paid is not None:
            return paid
    old_plan, new_plan = (run.plans.get(key, ()) for key in keys)
    old_counters, new_counters = (run.counters.get(key) for key in keys)
    return cause(old_plan, new_plan, old_counters, new_counters, samples=samples)


def _write_costs(operation: Operation, old: ArmFacts, new: ArmFacts) -> tuple[WriteCost, ...]:
    """What the arm has to write more than the base, for each table that the operation writes."""
    costs = []
    for table in operation.writes:
        if table not in new.tables:
            continue
        before = old.indexes.get(table, ())
        added = tuple(name for name in new.indexes.get(table, ()) if name not in before)
        is_new = table not in old.tables
        if added or is_new:
            costs.append(WriteCost(table, added, new=is_new, updated=table in operation.updates))
    return tuple(costs)
