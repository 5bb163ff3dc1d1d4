"""Seeded shops as datasets: what their rows are and how parameters are drawn from them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from bench.study.hooks import Dataset
from seeds.manifest import Manifest
from seeds.plan import Plan, sample_parameters


def dataset_of(manifest: Manifest) -> Dataset:
    """The dataset that a manifest tells of."""
    return _dataset(manifest.plan(), manifest.content_hash, manifest.counts)


def planned(plan: Plan) -> Dataset:
    """The dataset that a plan makes, before it is seeded."""
    return _dataset(plan, "", plan.counts)


def _dataset(plan: Plan, content_hash: str, rows: Mapping[str, int]) -> Dataset:
    return Dataset(
        rows=rows,
        content_hash=content_hash,
        sample_parameters=partial(sample_parameters, plan),
        scale=plan.scale,
        seed=plan.seed,
    )
