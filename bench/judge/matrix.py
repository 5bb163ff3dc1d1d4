"""From states of the planner's statistics to statistics.json: what each state mends and harms.

Judging room: no file, no clock, no database may enter, and no randomness. Plans and
counters say what changed, paired times whether it matters; what cannot be told is
inconclusive with its reason, and nothing is left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from bench.codes import INVALID
from bench.errors import BenchError
from bench.judge import stats
from bench.judge.causes import cause
from bench.judge.evidence import Observed, band_of, floor
from bench.judge.matrix_records import BASE, Matrix, StateGathered
from bench.judge.matrix_words import answers
from bench.judge.misjudged import misjudged

SCHEMA_VERSION = 1
# Planning takes microseconds: samples of values do not explain that more than this is lost.
_PLANNING_NS = 1_000_000


def statistics_document(matrix: Matrix) -> dict[str, Any]:
    """The content of statistics.json.

    Times are integers in ns; `speedup` is time without statistics / time with the state: above
    1 the state is faster. `flipped` says that the plan is another than without statistics.
    `shared` of a comparison says that both states were timed as one, since they do the same.

    Raises:
        BenchError: there is no state `none`.
    """
    if BASE not in [state.name for state in matrix.states]:
        raise BenchError(
            "States are held against no statistics; measure the state none too.", INVALID
        )
    noise = floor(list(matrix.timed.values()))
    operations = [_operation(matrix, one, noise) for one in matrix.observed]
    return {
        "schema_version": SCHEMA_VERSION,
        "study": matrix.study.name,
        "dataset": dict(matrix.dataset),
        "arm": matrix.arm,
        "sqlite_version": matrix.sqlite_version,
        "base": BASE,
        "minimum_effect": matrix.study.minimum_effect,
        "states": [_state(state) for state in matrix.states],
        "beside": [_state(state) for state in matrix.beside],
        "noise_floor": noise,
        "operations": operations,
        "answers": answers(matrix.states, matrix.beside, operations),
        "limits": list(matrix.limits),
    }


def _state(state: StateGathered) -> dict[str, Any]:
    return asdict(state) | {
        "statements": list(state.statements),
        "rows_per_key": dict(sorted(state.rows_per_key.items())),
    }


def _operation(matrix: Matrix, one: Observed, noise: Mapping[str, Any]) -> dict[str, Any]:
    known = matrix.study.operation(one.operation)
    paired = matrix.timed.get(one.operation)
    names = [state.name for state in matrix.states]
    return {
        "name": known.name,
        "title": known.title,
        "kind": one.kind,
        "not_timed": None if paired is not None else _untimed(matrix, one),
        "states": {
            name: {
                **one.states[name].document(None if paired is None else paired.median_ns(name)),
                "p95_ns": None if paired is None else paired.quantile_ns(name, 0.95),
                "flipped": one.states[name].plan != one.states[BASE].plan,
            }
            for name in names
        },
        "comparisons": [
            _comparison(matrix, one, name, noise)
            for name in names
            if name != BASE and one.kind == "read"
        ],
    }


def _untimed(matrix: Matrix, one: Observed) -> str:
    return one.difference or matrix.untimed.get(one.operation, "it was not timed")


def _comparison(
    matrix: Matrix, one: Observed, state: str, noise: Mapping[str, Any]
) -> dict[str, Any]:
    effect = matrix.study.minimum_effect
    band = band_of(noise, one.operation, effect)
    found: dict[str, Any] = {"base": BASE, "state": state, "band": band, "shared": False}
    paired = matrix.timed.get(one.operation)
    base = None if paired is None else paired.rounds_of(BASE)
    rounds = None if paired is None else paired.rounds_of(state)
    if paired is None or base is None or rounds is None or one.difference:
        return found | _undecided(_untimed(matrix, one))
    if paired.lane_of[state] == paired.lane_of[BASE]:
        # The same program on the same file: what was timed once holds for both.
        return found | {
            "shared": True, "speedup": 1.0, "ci95": [1.0, 1.0], "verdict": "same", "cause": None,
        }  # fmt: skip
    try:
        speedup = stats.speedup(base, rounds)
    except stats.StatisticsError as error:
        return found | _undecided(str(error))
    verdict = stats.verdict(speedup.low, speedup.high, band, effect)
    return found | {
        "speedup": speedup.ratio,
        "ci95": [speedup.low, speedup.high],
        "verdict": verdict,
        "ratio_rounds": list(speedup.rounds),
        "cause": _cause(matrix, one, state) if verdict == "slower" else None,
    }


def _undecided(reason: str) -> dict[str, Any]:
    return {"speedup": None, "ci95": None, "verdict": "inconclusive", "cause": reason}


def _cause(matrix: Matrix, one: Observed, state: str) -> str:
    """Why the state is slower than no statistics."""
    base, seen = one.states[BASE], one.states[state]
    paired = matrix.timed[one.operation]
    lost_ns = (paired.median_ns(state) or 0) - (paired.median_ns(BASE) or 0)
    samples = (base.samples, seen.samples) if lost_ns < _PLANNING_NS else None
    found = cause(base.plan, seen.plan, base.counters, seen.counters, samples=samples)
    if seen.plan == base.plan:
        return found
    told = {known.name: known.rows_per_key for known in matrix.states}
    wrong = misjudged(seen.plan, told[state], true_rows_per_key(matrix.states))
    return " ".join(filter(None, [found, wrong]))


def true_rows_per_key(states: Sequence[StateGathered]) -> Mapping[str, int]:
    """Rows for one value of each index's first column, by the state that read every row."""
    full = [state for state in states if state.name in ("full", "samples")]
    return full[0].rows_per_key if full else {}
