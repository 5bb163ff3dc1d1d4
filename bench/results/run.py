"""run.json and realism.json: what was run, and the data against the published shapes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.results.model import DatasetSummary, Document, Model


class RunArm(Model):
    """One arm as the study has it."""

    name: str
    label: str
    description: str
    migrations: tuple[str, ...]
    statistics: tuple[str, ...]


class Stage(Model):
    """One stage of the run and how long it took."""

    name: str
    duration_ns: int


class Run(Document):
    """What was run, where, and with which versions."""

    schema_version: int = 2
    name: str
    study: str
    title: str
    scale: float | None
    seed: int | None
    commit: str | None
    started_at: str
    dataset: DatasetSummary
    environment: Mapping[str, Any]
    pragmas: Mapping[str, Any]
    arms: tuple[RunArm, ...]
    rounds: int
    quick_rounds: int
    parameter_scheme: int = 1
    minimum_effect: float
    commands: tuple[str, ...]
    limits: tuple[str, ...]
    stages: tuple[Stage, ...]
    peak_rss_bytes: int | None = None


class Shape(Model):
    """One published shape against the data; `own_target` where its own rules leave another one."""

    name: str
    target: float
    actual: float
    tolerance: float
    source: str
    ok: bool
    note: str
    own_target: float | None = None


class Realism(Document):
    """Every shape that was checked."""

    schema_version: int = 2
    shapes: tuple[Shape, ...]
