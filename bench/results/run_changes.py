"""What `compare --json` prints: what changed from the runs of one side to those of the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from bench.results.comparison import Verdict
from bench.results.model import Document, Interval, Model

Work = Literal["more", "less", "mixed", "same", "unknown"]


class PairChange(Model):
    """One operation and pair of arms; pairs of values are those of base and head.

    `times` is the verdict of the speedups, `work` that of the counters; `verdict` is that of the
    times, and where they decide nothing that of the work. `ratio` is head speedup / base speedup.
    """

    operation: str
    base: str
    arm: str
    speedup: tuple[float | None, float | None]
    speedups: tuple[tuple[float | None, ...], tuple[float | None, ...]]
    ratio: float | None
    ci95: Interval | None
    counters: tuple[Mapping[str, int | None], Mapping[str, int | None]]
    plan_changed: bool
    times: Verdict
    work: Work
    verdict: Verdict

    @property
    def name(self) -> str:
        """Operation and arms as a sentence has them."""
        return f"{self.operation} ({self.base} → {self.arm})"


class RunChanges(Document):
    """The whole document; `missing` and `new` name what only one side has."""

    schema_version: int = 2
    base: tuple[str, ...]
    head: tuple[str, ...]
    changes: tuple[PairChange, ...]
    missing: tuple[str, ...]
    new: tuple[str, ...]
    slower: tuple[str, ...]
    inconclusive: tuple[str, ...]
    undecided: bool
