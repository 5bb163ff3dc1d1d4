"""load.json and the raw files beside it, put together from what was measured and judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from bench.judge.load import LoadBlock, judge_load, validity
from bench.judge.load_blocks import errors_of
from bench.load import blocks as values
from bench.load import hdrlog, records
from bench.load.ab_test import Block, LoadOutcome
from bench.results.load import (
    BlockFigures,
    Generator,
    GeneratorOverhead,
    Invariants,
    Load,
    LoadPlan,
    Placement,
)
from bench.results.model import DatasetSummary
from bench.study import Study

RECORDS = "load"
"""The folder of a run in which raw records and histograms lie."""

LIMITS = (
    "One machine sends and serves: the generator has the last core and the server all others; "
    "the network is the loopback.",
    "The server's log is not folded into its file during a block, so that every block can "
    "begin from the same bytes: the cost of checkpoints is in none of these times.",
    "Every block begins with a server that has just started and with a file whose pages are in "
    "the system's cache; the warm-up is sent and not counted, except in the server's counters.",
    "Time is judged from when a request was due; service time, from when it was sent, is given "
    "as well.",
    "After each block the rules of the study are checked on what was written; whether the file is "
    "whole, which reads all of it, once for each series.",
)
_COLD = (
    "The files do not fit in the memory that is free: some of the times are the disk's, and the "
    "first blocks may have begun colder."
)


def write_records(folder: Path, outcome: LoadOutcome) -> None:
    """Write each block's raw record as Parquet and each series' histograms, into `folder`/load."""
    into = folder / RECORDS
    into.mkdir()
    for block in outcome.blocks:
        name = f"{slug(block.series)}-group-{block.group + 1}-place-{block.position + 1}.parquet"
        records.write(into / name, block.sent.result.answers)
    for series in outcome.series:
        _write_histograms(into / f"{slug(series)}.hlog", outcome, series)


def _write_histograms(path: Path, outcome: LoadOutcome, series: str) -> None:
    """One log of all blocks of a series, without their warm-ups."""
    parts: list[Path] = []
    for block in outcome.blocks:
        if block.series == series:
            parts.append(path.with_suffix(f".{len(parts)}.part"))
            counted = values.without_warm_up(
                block.sent.result.answers, outcome.profile.warm_up_seconds
            )
            hdrlog.write_answers(parts[-1], counted, block.sent.result.begun_at_ns // 1_000_000)
    hdrlog.write(path, hdrlog.merged(hdrlog.read(part) for part in parts))
    for part in parts:
        part.unlink()


def slug(series: str) -> str:
    """A series' name as a file's: "before (again)" is before-again."""
    return "-".join(series.replace("(", " ").replace(")", " ").split())


def load_document(
    outcome: LoadOutcome,
    study: Study,
    *,
    limits: Sequence[str],
    without: Sequence[str],
    dataset: DatasetSummary,
    environment: Mapping[str, Any],
    own_cost: Mapping[str, float],
) -> Load:
    """Judge what was measured and describe it.

    `limits` are the service's own; `without` names the requests that were left out, because a
    series' tables cannot answer them; `own_cost` is the generator's overhead.
    """
    blocks = values.load_blocks(outcome)
    base, arm = outcome.series
    because = validity(blocks)
    return Load(
        study=study.name,
        base=base,
        arm=arm,
        plan=_plan(outcome, without),
        dataset=dataset,
        environment=environment,
        placement=Placement(**asdict(outcome.placement)),
        generator=_generator(blocks, own_cost),
        valid=not because,
        invalid_because=tuple(because),
        invariants=invariants(outcome.blocks),
        blocks=tuple(
            _block(block, counted, outcome.blocks[0].sent.begun_at_ns)
            for block, counted in zip(outcome.blocks, blocks, strict=True)
        ),
        judged=judge_load(
            blocks,
            base=base,
            arm=arm,
            minimum_effect=study.minimum_effect,
            rng=np.random.default_rng(outcome.profile.seed),
            http=addresses(outcome, study),
        ),
        percentiles=values.curves(outcome),
        timeline=values.timelines(outcome),
        limits=(*LIMITS, *limits, *_own_limits(outcome, without)),
    )


def _own_limits(outcome: LoadOutcome, without: Sequence[str]) -> Iterator[str]:
    if not outcome.warm:
        yield _COLD
    if without:
        yield f"Not requested, because one of the arms has no table for it: {', '.join(without)}."


def _plan(outcome: LoadOutcome, without: Sequence[str]) -> LoadPlan:
    return LoadPlan(
        **asdict(outcome.profile),
        slots_per_block=len(outcome.schedules[0].requests),
        tape_digests=tuple(schedule.digest for schedule in outcome.schedules),
        shares=outcome.shares,
        without=tuple(without),
    )


def _generator(blocks: Sequence[LoadBlock], own_cost: Mapping[str, float]) -> Generator:
    return Generator(
        own_cost=GeneratorOverhead.model_validate(own_cost),
        cpu_share_max=max(block.cpu_share for block in blocks),
        late=sum(block.late for block in blocks),
        missed=sum(block.missed for block in blocks),
    )


def addresses(outcome: LoadOutcome, study: Study) -> dict[str, str]:
    """The address of each operation: as the study has it, or as the service."""
    by_name = {operation.name: operation.http for operation in study.operations}
    endpoints = {name for block in outcome.blocks for name in block.sent.counters}
    for schedule in outcome.schedules:
        for scheduled in schedule.requests:
            if scheduled.name not in by_name:
                request = scheduled.request
                endpoint = values.endpoint_of(request, endpoints)
                by_name[scheduled.name] = endpoint or f"{request.method} {request.path}"
    return by_name


def invariants(blocks: Sequence[Block]) -> Invariants:
    """Whether the study's rules held after every block; `checked` counts rules checked."""
    violations = tuple(
        f"{block.series}, block {block.position + 1} of group {block.group + 1}: {sentence}"
        for block in blocks
        for sentence in block.sent.invariants.violations
    )
    return Invariants(
        held=not violations,
        violations=violations,
        checked=sum(len(block.sent.invariants.rules) for block in blocks),
    )


def _block(block: Block, counted: LoadBlock, first_ns: int) -> BlockFigures:
    good = sum(len(times) for times in counted.since_due_ns.values())
    return BlockFigures(
        arm=counted.arm,
        group=counted.group,
        place=counted.position,
        begun_s=(block.sent.begun_at_ns - first_ns) / 1e9,
        seconds=counted.seconds,
        requests_per_second=good / counted.seconds,
        errors=errors_of([counted]),
        late=counted.late,
        missed=counted.missed,
        cpu_share=counted.cpu_share,
        server_cpu_s=counted.server_cpu_s,
        log_bytes=block.sent.log_bytes,
    )
