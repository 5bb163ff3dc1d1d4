"""From samples to comparison.json: every arm of every operation, and every pair judged.

Judging room: no file, no clock, no database may enter; randomness only from a
Generator that the caller passes. What cannot be judged comes out as
`inconclusive` with the reason beside it, never as a difference and never left out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.judge import resample, stats
from bench.judge.causes import cause
from bench.judge.records import ArmSamples, Counters, JudgementError
from bench.study import Operation, Study

SCHEMA_VERSION = 1
ANSWERS_DIFFER = "answers differ"

Key = tuple[str, str]


class MissingNoiseFloor(JudgementError):
    """A run without an A/A pair, whose differences therefore mean nothing."""


class MissingAnswers(JudgementError):
    """A run that does not say whether the arms' answers were equal."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What a run measured, by operation and arm."""

    study: Study
    samples: Mapping[Key, ArmSamples]
    twins: Mapping[Key, ArmSamples]
    counters: Mapping[Key, Counters]
    plans: Mapping[Key, Sequence[str]]
    answers_equal: Mapping[str, bool]


def comparison_document(
    study: Study,
    dataset: Mapping[str, Any],
    samples: Sequence[ArmSamples],
    counters: Mapping[Key, Counters],
    plans: Mapping[Key, Sequence[str]],
    answers_equal: Mapping[str, bool],
    rng: np.random.Generator,
) -> dict[str, Any]:
    """The content of comparison.json.

    `counters` and `plans` go by (operation, arm). Samples with `twin` set are
    second copies of an arm: operation by operation they are held against the first copy
    and give the noise floor. Times are integers in nanoseconds; `speedup` is base time / arm
    time. The base is compared with every other arm, and the judged arm with every arm that
    the study names after it; an operation that the base cannot answer is compared from the
    judged arm on only. The band of a verdict is the largest of the study's
    minimum effect, the operation's own noise floor and the run's.

    Raises:
        JudgementError: two samples of one arm and operation, no A/A pair in the run, or no word
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
    )
    noise = _noise_floor(evidence)
    measured = {name for name, _ in evidence.samples}
    return {
        "schema_version": SCHEMA_VERSION,
        "study": study.name,
        "base": study.base,
        "judged": study.judged,
        "minimum_effect": study.minimum_effect,
        "dataset": dict(dataset),
        "noise_floor": noise,
        "operations": [
            _operation(evidence, operation, noise, rng)
            for operation in study.operations
            if operation.name in measured
        ],
    }


def _by_key(study: Study, samples: Sequence[ArmSamples]) -> dict[Key, ArmSamples]:
    found: dict[Key, ArmSamples] = {}
    for entry in samples:
        key = (study.operation(entry.operation).name, study.arm(entry.arm).name)
        if key in found:
            raise JudgementError(
                f"The arm {entry.arm} of {entry.operation} was given twice; "
                "mark the second copy of an A/A pair as a twin."
            )
        found[key] = entry
    return found


def _noise_floor(evidence: _Evidence) -> dict[str, Any]:
    """Each operation's A/A pair, and one floor for the run from all of them."""
    pairs: dict[str, tuple[str, stats.Speedup]] = {}
    unusable: dict[str, str] = {}
    for (operation, arm), twin in evidence.twins.items():
        first = evidence.samples.get((operation, arm))
        if first is None:
            raise JudgementError(
                f"The twin of {arm} was measured on {operation} but {arm} itself was not; "
                "measure both."
            )
        try:
            pairs[operation] = (arm, stats.speedup(first.rounds, twin.rounds))
        except stats.StatisticsError as error:
            unusable[operation] = str(error)
    if not pairs:
        raise MissingNoiseFloor(
            "The run has no usable A/A pair, so its noise floor is unknown; "
            "measure one arm twice in the same rounds."
        )
    found = [pair for _, pair in pairs.values()]
    reach = math.exp(stats.NORMAL_95 * stats.spread_of_run(found))
    worst = max(pairs, key=lambda name: (stats.floor_of(pairs[name][1]), name))
    return {
        "floor": stats.floor_of_run(found),
        "ci95": [1 / reach, reach],
        "worst_operation": worst,
        "worst_floor": stats.floor_of(pairs[worst][1]),
        "operations": {
            name: {
                "arm": arm,
                "ratio": pair.ratio,
                "ci95": [pair.low, pair.high],
                "floor": stats.floor_of(pair),
                "rounds": list(pair.rounds),
            }
            for name, (arm, pair) in sorted(pairs.items())
        },
        "unusable": dict(sorted(unusable.items())),
    }


def _operation(
    evidence: _Evidence, operation: Operation, noise: Mapping[str, Any], rng: np.random.Generator
) -> dict[str, Any]:
    name = operation.name
    if name not in evidence.answers_equal:
        raise MissingAnswers(
            f"The run does not say whether the arms answer {name} alike; "
            "compare their answers before judging times."
        )
    arms = [arm.name for arm in evidence.study.arms if (name, arm.name) in evidence.samples]
    return {
        "name": name,
        "title": operation.title,
        "family": operation.family,
        "kind": operation.kind,
        "http": operation.http,
        "control": operation.control,
        "needs": list(operation.needs),
        "indexes": list(operation.indexes),
        "answers_equal": evidence.answers_equal[name],
        "arms": {arm: _arm(evidence, (name, arm), rng) for arm in arms},
        "comparisons": [
            _comparison(evidence, operation, base, arm, noise)
            for base, arm in _pairs(evidence.study, arms)
        ],
    }


def _pairs(study: Study, arms: Collection[str]) -> list[tuple[str, str]]:
    """Base against every other arm, then the judged arm against every later one."""
    order = [arm.name for arm in study.arms if arm.name in arms]
    pairs = [(study.base, arm) for arm in order if arm != study.base and study.base in order]
    if study.judged in order and study.judged != study.base:
        later = order[order.index(study.judged) + 1 :]
        pairs += [(study.judged, arm) for arm in later if arm != study.base]
    return pairs


def _arm(evidence: _Evidence, key: Key, rng: np.random.Generator) -> dict[str, Any]:
    """One arm's figures; latencies are quantiles of all its draws together."""
    entry = evidence.samples[key]
    pooled = [latency for draws in entry.rounds for latency in draws]
    counted = evidence.counters.get(key)
    return {
        "median_ns": _point(pooled, 0.5),
        "ci95_ns": _ends(entry, 0.5, rng),
        "p95_ns": _point(pooled, 0.95),
        "p95_ci95_ns": _ends(entry, 0.95, rng),
        "p99_ns": _point(pooled, 0.99),
        "rounds": len(entry.rounds),
        "samples": len(pooled),
        "vm_steps": None if counted is None else counted.vm_steps,
        "fullscan_steps": None if counted is None else counted.fullscan_steps,
        "sorts": None if counted is None else counted.sorts,
        "autoindexes": None if counted is None else counted.autoindexes,
        "rows": None if counted is None else counted.rows,
        "plan": list(evidence.plans.get(key, ())),
    }


def _point(pooled: Sequence[int], share: float) -> int | None:
    return round(stats.quantile(pooled, share)) if pooled else None


def _ends(entry: ArmSamples, share: float, rng: np.random.Generator) -> list[int] | None:
    """The interval in whole nanoseconds, or None where too little was measured for one."""
    try:
        interval = resample.quantile_interval(entry.rounds, share, rng)
    except (stats.NoSamples, stats.TooFewRounds):
        return None
    return [round(interval.low), round(interval.high)]


def _comparison(
    evidence: _Evidence, operation: Operation, base: str, arm: str, noise: Mapping[str, Any]
) -> dict[str, Any]:
    name = operation.name
    own = noise["operations"].get(name)
    band = stats.band(
        evidence.study.minimum_effect, noise["floor"], None if own is None else own["floor"]
    )
    found: dict[str, Any] = {
        "base": base,
        "arm": arm,
        "speedup": None,
        "ci95": None,
        "verdict": "inconclusive",
        "band": band,
        "ratio_rounds": [],
        "cause": None,
    }
    if not evidence.answers_equal[name]:
        return {**found, "cause": ANSWERS_DIFFER}
    try:
        speedup = stats.speedup(
            evidence.samples[name, base].rounds, evidence.samples[name, arm].rounds
        )
    except stats.StatisticsError as error:
        return {**found, "cause": str(error)}
    verdict = stats.verdict(speedup.low, speedup.high, band)
    return {
        **found,
        "speedup": speedup.ratio,
        "ci95": [speedup.low, speedup.high],
        "verdict": verdict,
        "ratio_rounds": list(speedup.rounds),
        "cause": _cause(evidence, operation, base, arm) if verdict == "slower" else None,
    }


def _cause(evidence: _Evidence, operation: Operation, base: str, arm: str) -> str:
    name = operation.name
    written = operation.kind == "write" and base == evidence.study.base
    return cause(
        evidence.plans.get((name, base), ()),
        evidence.plans.get((name, arm), ()),
        evidence.counters.get((name, base)),
        evidence.counters.get((name, arm)),
        maintains=operation.indexes if written else (),
    )
