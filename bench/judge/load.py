"""From blocks of load to the judged part of load.json.

Judging room: no file, no clock, no database may enter; randomness only from a Generator that
the caller passes. `LoadBlock` is what it is given, `validity` says whether verdicts on it mean
anything, and `percentiles` and `timeline` are what its pictures are drawn from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bench.codes import INVALID
from bench.errors import BenchError
from bench.judge.load_causes import load_cause
from bench.judge.load_lanes import lane_figures, names_of
from bench.judge.load_ratios import QUANTILES, Group, whole_groups
from bench.judge.load_records import ALL, LoadBlock
from bench.judge.load_series import BlockTimes, percentiles, timeline
from bench.judge.load_validity import validity
from bench.judge.load_verdicts import MOST_ERRORS_APART as _APART
from bench.judge.load_verdicts import Judged, errors_apart, errors_sentence, verdicts

__all__ = [
    "ALL",
    "BlockTimes",
    "LoadBlock",
    "load_document",
    "percentiles",
    "timeline",
    "validity",
]

_NONE: Mapping[str, str] = {}
_MOVED = ("faster", "slower")


def load_document(
    blocks: Sequence[LoadBlock],
    *,
    base: str,
    arm: str,
    minimum_effect: float,
    rng: np.random.Generator,
    http: Mapping[str, str] = _NONE,
) -> dict[str, Any]:
    """The part "judged" of load.json: {"noise_floor", "overall", "operations"}.

    Times judged are those since a request was due, in nanoseconds; service time stands beside
    them. `speedup` is base time / arm time. `http` gives each operation's endpoint by name.
    Blocks that lack a partner count in their lane's figures and in no comparison. The verdict
    of an entry is that of its median.

    Raises:
        BenchError: the lanes are one, or a lane has no block.
    """
    lanes = {lane: [block for block in blocks if block.arm == lane] for lane in (base, arm)}
    if len(lanes) < 2 or not all(lanes.values()):
        raise BenchError(
            f"A load compares two lanes and was given {base} and {arm}, of which one has no block; "
            "play both, an arm against itself under two names.",
            INVALID,
        )
    groups = whole_groups(blocks, base, arm)
    names = [ALL, *names_of([*lanes[base], *lanes[arm]])]
    found = verdicts(groups, names, minimum_effect, rng)
    entries = [
        _entry(lanes, groups, name, found.judged[name], rng, http.get(name)) for name in names
    ]
    return {"noise_floor": found.noise, "overall": entries[0], "operations": entries[1:]}


def _entry(
    lanes: Mapping[str, Sequence[LoadBlock]],
    groups: Sequence[Group],
    name: str,
    judged: Mapping[str, Judged],
    rng: np.random.Generator,
    http: str | None,
) -> dict[str, Any]:
    figures = {lane: lane_figures(blocks, name, rng) for lane, blocks in lanes.items()}
    base, arm = figures.values()
    failed = errors_apart(groups, name)
    apart = abs(failed[0] - failed[1]) > _APART
    moved = [judged[q].verdict for q in ("p50", "p95") if judged[q].verdict in _MOVED]
    return {
        "name": name,
        "http": http,
        "lanes": figures,
        "comparisons": [judged[quantile].to_json(quantile) for quantile in QUANTILES],
        "verdict": judged["p50"].verdict,
        "reason": errors_sentence(*failed) if apart else judged["p50"].reason,
        "cause": load_cause(base["counters"], arm["counters"], slower=moved[0] == "slower")
        if moved
        else None,
    }
