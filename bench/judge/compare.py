"""From samples to comparison.json: every arm of every operation, and every pair judged.

What cannot be judged comes out as `inconclusive` with the reason beside it, never as a difference
and never left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.judge import stats
from bench.judge.explain import Upkeep, cause, write_cause
from bench.judge.latencies import arm_figures
from bench.judge.noise import MissingNoiseFloor, noise_floor
from bench.judge.records import ArmSamples, Counters
from bench.results.comparison import Comparison, OperationComparison, Pair
from bench.results.noise import NoiseFloor
from bench.study import Operation, Study

ANSWERS_DIFFER = "answers differ"
NOT_MEASURED = "it was not measured"

__all__ = ["BenchError", "MissingNoiseFloor", "comparison_document"]

Key = tuple[str, str]
# Planning takes microseconds: statistics do not explain that an execution loses more than this.
_PLANNING_NS = 1_000_000
_NONE: Mapping[str, Mapping[str, Any]] = {}


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a run measured, by operation and arm."""

    study: Study
    samples: Mapping[Key, ArmSamples]
    twins: Mapping[Key, ArmSamples]
    counters: Mapping[Key, Counters]
    plans: Mapping[Key, Sequence[str]]
    answers_equal: Mapping[str, bool]
    not_measured: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    arm_facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


def comparison_document(
    study: Study,
    dataset: Mapping[str, Any],
    samples: Sequence[ArmSamples],
    counters: Mapping[Key, Counters],
    plans: Mapping[Key, Sequence[str]],
    answers_equal: Mapping[str, bool],
    rng: np.random.Generator,
    *,
    not_measured: Mapping[str, Mapping[str, str]] = _NONE,
    arm_facts: Mapping[str, Mapping[str, Any]] = _NONE,
) -> Comparison:
    """The whole comparison.

    `counters` and `plans` go by (operation, arm). Samples with `twin` set are second
    measurements of an arm: operation by operation they are held against the first
    and give the noise floor. `not_measured` says by operation and arm why there are no samples;
    an operation without any stays in the document, inconclusive for that reason.
    `arm_facts` gives for each arm its "tables", its "indexes" by table and whether the
    planner has "samples" of its values; causes of slowness are sought there.

    Times are integers in nanoseconds; `speedup` is base time / arm time. The base is compared
    with every other arm, and the judged arm with every arm that the study names after it; an
    operation that the base cannot answer is compared from the judged arm on only. `band` is
    what a difference has to exceed: the largest of the study's minimum effect, the operation's
    own noise floor and the run's.

    Raises:
        BenchError: two samples of one arm and operation, no A/A pair in the run, or no word
            on whether the answers are equal.
        bench.study.StudyError: samples of an operation or arm that the study does not name.
    """
    evidence = _Evidence(
        study,
        _by_key(study, [entry for entry in samples if not entry.twin]),
        _by_key(study, [entry for entry in samples if entry.twin]),
        counters,
        plans,
        answers_equal,
        not_measured,
        arm_facts,
    )
    noise = noise_floor(evidence.samples, evidence.twins)
    named = {name for name, _ in evidence.samples}
    named |= {study.operation(name).name for name in not_measured}
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
            _operation(evidence, operation, noise, rng)
            for operation in study.operations
            if operation.name in named
        ),
    )


def _by_key(study: Study, samples: Sequence[ArmSamples]) -> dict[Key, ArmSamples]:
    found: dict[Key, ArmSamples] = {}
    for entry in samples:
        key = (study.operation(entry.operation).name, study.arm(entry.arm).name)
        if key in found:
            raise BenchError(
                f"The arm {entry.arm} of {entry.operation} was given twice; "
                "mark the second copy of an A/A pair as a twin.",
                INVALID,
            )
        found[key] = entry
    return found


def _operation(
    evidence: _Evidence, operation: Operation, noise: NoiseFloor, rng: np.random.Generator
) -> OperationComparison:
    name = operation.name
    arms = [arm.name for arm in evidence.study.arms if (name, arm.name) in evidence.samples]
    if arms and name not in evidence.answers_equal:
        raise BenchError(
            f"The run does not say whether the arms answer {name} alike; "
            "compare their answers before judging times.",
            INVALID,
        )
    pairs = [
        _comparison(evidence, operation, *pair, noise) for pair in _pairs(evidence.study, arms)
    ]
    return OperationComparison(
        name=name,
        title=operation.title,
        family=operation.family,
        kind=operation.kind,
        http=operation.http,
        control=operation.control,
        needs=operation.needs,
        indexes=operation.indexes,
        answers_equal=evidence.answers_equal.get(name, False),
        not_measured=evidence.not_measured.get(name, {}),
        arms={
            arm: arm_figures(
                evidence.samples[name, arm],
                evidence.counters.get((name, arm)),
                evidence.plans.get((name, arm), ()),
                rng,
            )
            for arm in arms
        },
        comparisons=tuple(pairs) if arms else (_unmeasured(evidence, name, noise),),
    )


def _pairs(study: Study, arms: Collection[str]) -> list[tuple[str, str]]:
    """Base against every other arm, then the judged arm against every later one."""
    order = [arm.name for arm in study.arms if arm.name in arms]
    pairs = [(study.base, arm) for arm in order if arm != study.base and study.base in order]
    if study.judged in order and study.judged != study.base:
        later = order[order.index(study.judged) + 1 :]
        pairs += [(study.judged, arm) for arm in later if arm != study.base]
    return pairs


def _undecided(base: str, arm: str, band: float, reason: str) -> Pair:
    return Pair(
        base=base, arm=arm, speedup=None, ci95=None, verdict="inconclusive", band=band,
        ratio_rounds=(), cause=reason,
    )  # fmt: skip


def _band(evidence: _Evidence, name: str, noise: NoiseFloor) -> float:
    own = noise.operations.get(name)
    return stats.band(
        evidence.study.minimum_effect, noise.floor, None if own is None else own.floor
    )


def _unmeasured(evidence: _Evidence, name: str, noise: NoiseFloor) -> Pair:
    """The comparison of an operation of which nothing was timed, with the reason for that."""
    study = evidence.study
    reasons = evidence.not_measured.get(name, {})
    known = [reasons[arm] for arm in (study.judged, study.base, *reasons) if arm in reasons]
    differ = not evidence.answers_equal.get(name, True)
    reason = known[0] if known else ANSWERS_DIFFER if differ else NOT_MEASURED
    return _undecided(study.base, study.judged, _band(evidence, name, noise), reason)


def _comparison(
    evidence: _Evidence, operation: Operation, base: str, arm: str, noise: NoiseFloor
) -> Pair:
    name = operation.name
    band = _band(evidence, name, noise)
    if not evidence.answers_equal[name]:
        return _undecided(base, arm, band, ANSWERS_DIFFER)
    try:
        speedup = stats.speedup(
            evidence.samples[name, base].rounds, evidence.samples[name, arm].rounds
        )
    except stats.StatisticsError as error:
        return _undecided(base, arm, band, str(error))
    verdict = stats.verdict(speedup.low, speedup.high, band, evidence.study.minimum_effect)
    return Pair(
        base=base,
        arm=arm,
        speedup=speedup.ratio,
        ci95=(speedup.low, speedup.high),
        verdict=verdict,
        band=band,
        ratio_rounds=speedup.rounds,
        cause=_cause(evidence, operation, base, arm) if verdict == "slower" else None,
    )


def _cause(evidence: _Evidence, operation: Operation, base: str, arm: str) -> str:
    name = operation.name
    old, new = evidence.arm_facts.get(base), evidence.arm_facts.get(arm)
    samples: tuple[bool, bool] | None = None
    if old is not None and new is not None:
        if _lost_ns(evidence, (name, base), (name, arm)) < _PLANNING_NS:
            samples = (bool(old["samples"]), bool(new["samples"]))
        paid = write_cause(_upkeep(operation, old, new))
        if paid is not None:
            return paid
    return cause(
        evidence.plans.get((name, base), ()),
        evidence.plans.get((name, arm), ()),
        evidence.counters.get((name, base)),
        evidence.counters.get((name, arm)),
        samples=samples,
    )


def _lost_ns(evidence: _Evidence, base: Key, arm: Key) -> float:
    medians = [
        stats.median([time for draws in evidence.samples[key].rounds for time in draws])
        for key in (base, arm)
    ]
    return medians[1] - medians[0]


def _upkeep(
    operation: Operation, old: Mapping[str, Any], new: Mapping[str, Any]
) -> tuple[Upkeep, ...]:
    """What the arm has to write more than the base, for each table that the operation writes."""
    found = []
    for table in operation.writes:
        if table not in new["tables"]:
            continue
        before = old["indexes"].get(table, ())
        added = tuple(name for name in new["indexes"].get(table, ()) if name not in before)
        is_new = table not in old["tables"]
        if added or is_new:
            found.append(Upkeep(table, added, new=is_new, updated=table in operation.updates))
    return tuple(found)
