"""load.json and the raw files beside it: room load, puts together what the others made.

No server, no clock and no statistic of its own may enter; verdicts are bench.judge's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.judge.load import LoadBlock, load_document, validity
from bench.load import blocks as values
from bench.load import hdrlog, records
from bench.load.duel import Block, LoadOutcome
from bench.load.records import MOST_CPU_SHARE, MOST_LATE_SHARE
from bench.study import Study

SCHEMA_VERSION = 1
RECORDS = "load"
"""The folder of a run in which raw records and histograms lie."""

LIMITS = (
    "One machine plays and serves: the player has the last core and the server all others; the "
    "network is the loopback.",
    "The server's log is not folded into its file during a block, so that every block can "
    "begin from the same bytes: the cost of checkpoints is in none of these times.",
    "Every block begins with a server that has just started and with a file whose pages are in "
    "the system's cache; the warm-up is played and not counted, except in the server's counters.",
    "Limits on tries of one address are lifted, since all visitors share one.",
    "Time is judged from when a request was due; service time, from when it was sent, stands "
    "beside it.",
    "After each block the rules of the shop are checked on what was written; whether the file is "
    "whole, which reads all of it, once for each lane.",
)
_COLD = (
    "The files do not fit in the memory that is free: some of the times are the disk's, and the "
    "first blocks may have begun colder."
)


def write_records(folder: Path, outcome: LoadOutcome) -> None:
    """Write each block's raw record as Parquet and each lane's histograms, into `folder`/load."""
    into = folder / RECORDS
    into.mkdir()
    for block in outcome.blocks:
        name = f"{slug(block.lane)}-group-{block.group + 1}-place-{block.place + 1}.parquet"
        records.write(into / name, block.played.answers)
    for lane in outcome.lanes:
        _write_histograms(into / f"{slug(lane)}.hlog", outcome, lane)


def _write_histograms(path: Path, outcome: LoadOutcome, lane: str) -> None:
    """One log of all blocks of a lane, without their warm-ups."""
    parts: list[Path] = []
    for block in outcome.blocks:
        if block.lane == lane:
            parts.append(path.with_suffix(f".{len(parts)}.part"))
            counted = values.without_warm_up(block.played.answers, outcome.offer.warm_up_seconds)
            hdrlog.write_answers(parts[-1], counted, block.played.begun_at_ns // 1_000_000)
    hdrlog.write(path, hdrlog.merged(hdrlog.read(part) for part in parts))
    for part in parts:
        part.unlink()


def slug(lane: str) -> str:
    """A lane's name as a file's: "before (again)" is before-again."""
    return "-".join(lane.replace("(", " ").replace(")", " ").split())


def load_json(
    outcome: LoadOutcome,
    study: Study,
    *,
    without: Sequence[str],
    dataset: Mapping[str, Any],
    environment: Mapping[str, Any],
    own_cost: Mapping[str, Any],
) -> dict[str, Any]:
    """The content of load.json.

    `without` names the requests that were left out, because a lane's tables cannot answer them;
    `own_cost` is the generator's against an endpoint that does nothing: "rate_per_second",
    "p50_ns", "p99_ns".
    """
    judged = values.load_blocks(outcome)
    return {
        "schema_version": SCHEMA_VERSION,
        "study": study.name,
        "base": outcome.lanes[0],
        "arm": outcome.lanes[1],
        "plan": _plan(outcome, without),
        "dataset": dict(dataset),
        "environment": dict(environment),
        "placement": asdict(outcome.placement),
        "generator": _generator(judged, own_cost),
        **_valid(judged),
        "invariants": invariants(outcome.blocks),
        "blocks": [
            _block(block, counted, outcome.blocks[0].begun_at_ns)
            for block, counted in zip(outcome.blocks, judged, strict=True)
        ],
        "judged": _judged(judged, outcome, study),
        "percentiles": values.curves(outcome),
        "timeline": values.timelines(outcome),
        "limits": [*LIMITS, *(() if outcome.warm else (_COLD,)), *_left_out(without)],
    }


def _generator(judged: Sequence[LoadBlock], own_cost: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "own_cost": dict(own_cost),
        "cpu_share_max": max(block.cpu_share for block in judged),
        "late": sum(block.late for block in judged),
        "missed": sum(block.missed for block in judged),
    }


def _valid(judged: Sequence[LoadBlock]) -> dict[str, Any]:
    because = validity(judged, most_late_share=MOST_LATE_SHARE, most_cpu_share=MOST_CPU_SHARE)
    return {"valid": not because, "invalid_because": because}


def _judged(judged: Sequence[LoadBlock], outcome: LoadOutcome, study: Study) -> dict[str, Any]:
    base, arm = outcome.lanes
    return load_document(
        judged,
        base=base,
        arm=arm,
        minimum_effect=study.minimum_effect,
        rng=np.random.default_rng(outcome.offer.seed),
        http=addresses(outcome, study),
    )


def addresses(outcome: LoadOutcome, study: Study) -> dict[str, str]:
    """How each request that was played is asked: as the study has it, or as the application."""
    found = {operation.name: operation.http for operation in study.operations}
    endpoints = {name for block in outcome.blocks for name in block.counters}
    for tape in outcome.tapes:
        for slot in tape.slots:
            if slot.name not in found:
                endpoint = values.endpoint_of(slot.request, endpoints)
                found[slot.name] = endpoint or f"{slot.request.method} {slot.request.path}"
    return found


def _plan(outcome: LoadOutcome, without: Sequence[str]) -> dict[str, Any]:
    offer = asdict(outcome.offer)
    return {
        **{key: value for key, value in offer.items() if key != "families"},
        "families": list(outcome.offer.families),
        "slots_per_block": len(outcome.tapes[0].slots),
        "tape_digests": [tape.digest for tape in outcome.tapes],
        "shares": dict(outcome.shares),
        "without": list(without),
    }


def _left_out(without: Sequence[str]) -> list[str]:
    if not without:
        return []
    return [f"Not asked, because one of the arms has no table for it: {', '.join(without)}."]


def invariants(blocks: Sequence[Block]) -> dict[str, Any]:
    """Whether the shop's rules held after every block; `checked` counts rules asked."""
    violations = [
        f"{block.lane}, block {block.place + 1} of group {block.group + 1}: {sentence}"
        for block in blocks
        for sentence in block.violations
    ]
    return {
        "held": not violations,
        "violations": violations,
        "checked": sum(block.rules_asked for block in blocks),
    }


def _block(block: Block, judged: LoadBlock, first_ns: int) -> dict[str, Any]:
    errors: dict[str, int] = {}
    for kinds in judged.errors.values():
        for kind, count in kinds.items():
            errors[kind] = errors.get(kind, 0) + count
    good = sum(len(times) for times in judged.since_due_ns.values())
    return {
        "arm": judged.arm,
        "group": judged.group,
        "place": judged.place,
        "begun_s": (block.begun_at_ns - first_ns) / 1e9,
        "seconds": judged.seconds,
        "requests_per_second": good / judged.seconds,
        "errors": errors,
        "late": judged.late,
        "missed": judged.missed,
        "cpu_share": judged.cpu_share,
        "server_cpu_s": judged.server_cpu_s,
        "log_bytes": block.log_bytes,
    }
