"""growth.json: by which power of the data an operation's steps and times grow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bench.results.model import DatasetSummary, Document, Interval, Measured, Model

Shape = Literal["flat", "below linear", "linear", "above linear", "undecided"]
"""What the interval of an exponent says."""


class Size(Model):
    """One size of the data: its scale as the study's generator has it, and rows by table."""

    scale: float
    rows: Mapping[str, int]


class Point(Model):
    """One operation on one arm at one size: medians over `draws` parameter sets."""

    scale: float
    draws: int
    vm_steps: int
    median_ns: int | None
    median_ci95_ns: tuple[int, int] | None


class ArmGrowth(Model):
    """One operation on one arm; an exponent of 1 grows in step with the data.

    `word` is that of the steps, which no noise of the machine touches.
    """

    points: tuple[Point, ...]
    steps_exponent: float | None
    steps_ci95: Interval | None
    time_exponent: float | None
    time_ci95: Interval | None
    word: Shape


class OperationGrowth(Model):
    """One operation on every arm that can answer it."""

    name: str
    title: str
    kind: str
    arms: Mapping[str, ArmGrowth]


class Growth(Document):
    """The whole document; `dataset` is that of the largest size, `points` the sizes."""

    schema_version: int = 2
    study: str
    dataset: DatasetSummary
    points: tuple[Size, ...]
    operations: tuple[OperationGrowth, ...]
    limits: tuple[str, ...]
    measured: Measured | None = None
