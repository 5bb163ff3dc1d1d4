"""The noise floor of a document: what two measurements of one thing differ by."""

from __future__ import annotations

from collections.abc import Mapping

from bench.results.model import Interval, Model


class ControlPair(Model):
    """One operation measured twice on `arm`; `ratio` is one measurement's time / the other's."""

    arm: str
    ratio: float
    ci95: Interval
    floor: float
    rounds: tuple[float, ...]


class NoiseFloor(Model):
    """The floor of a run and of each operation, shares; `unusable` says why a pair is none.

    `ci95` holds 95 % of the run's A/A ratios. Where nothing was timed `floor` is 0.
    """

    floor: float
    ci95: Interval | None = None
    worst_operation: str | None = None
    worst_floor: float | None = None
    operations: Mapping[str, ControlPair] = {}
    unusable: Mapping[str, str] = {}
