"""Whether operations run on every arm at all, tried before anything is timed."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import replace

import numpy as np

from bench.errors import BenchError
from bench.measure.failures import failures
from bench.measure.files import ArmFiles
from bench.measure.series import Measured, lacking, parts_of_arms
from bench.study import Operation, Study
from bench.study.hooks import ParameterSampler, hooks_of


def failing_operations(
    study: Study, files: ArmFiles, sample_parameters: ParameterSampler, *, seed: int
) -> Mapping[str, Mapping[str, str]]:
    """Why arms cannot execute operations, by operation and arm; those that all can are left out.

    Reads are prepared, writes executed once and rolled back. An arm that lacks a table which the
    operation `needs` is passed over.

    Raises:
        BenchError: the base arm cannot execute one: it is the operation that has to be mended.
    """
    parts = parts_of_arms(files)
    failures_by_operation: dict[str, dict[str, str]] = {}
    for operation in study.operations:
        absent = lacking(operation, parts)
        for arm in files.arms:
            if arm in absent:
                continue
            why = _refusal(study, files, sample_parameters, seed, operation, arm, parts[arm])
            if why is not None and arm == study.base:
                raise BenchError(
                    f"{operation.name} cannot run on the database as it is ({why}); mend it, or "
                    "take it out of the study."
                )
            if why is not None:
                failures_by_operation.setdefault(operation.name, {})[arm] = why
    return failures_by_operation


def _refusal(
    study: Study,
    files: ArmFiles,
    sample_parameters: ParameterSampler,
    seed: int,
    operation: Operation,
    arm: str,
    parts: Collection[str],
) -> str | None:
    rng = np.random.default_rng([seed, *operation.name.encode()])
    reads = operation.kind == "read"
    try:
        values = sample_parameters(operation.name, rng)
        bound = hooks_of(study).bind(operation.name, parts)
        with closing(files.open(arm, query_only=reads)) as connection:
            if reads:
                files.engine.plan(connection, bound.statements, values)
                return None
            with files.engine.rolled_back(connection):
                bound.run(connection, values)
    except failures(files.engine) as error:
        return str(error)
    return None


def not_run(study: Study, operation: Operation, why: Mapping[str, str]) -> Measured:
    """An operation that some arms refuse, as it is not measured on any."""
    first = next(iter(why))
    reasons = {arm.name: why.get(arm.name, f"{first} refuses it") for arm in study.arms}
    return Measured(operation.name, operation.kind, (), {}, {}, study.base, False, None, reasons)


def without(study: Study, refusals: Mapping[str, Mapping[str, str]]) -> Study:
    """The study without operations that an arm refuses."""
    kept = tuple(entry for entry in study.operations if entry.name not in refusals)
    return study if len(kept) == len(study.operations) else replace(study, operations=kept)
