"""One operation without one index: the cell of the ablation's map, worded once.

Room show: every figure stands in the document; nothing is measured or judged here.
"""

from __future__ import annotations

from dataclasses import dataclass

from bench.report import palette, units
from bench.show.evidence_parts import steps_effect
from bench.show.view import Range, anchor


@dataclass(frozen=True, slots=True)
class CellView:
    """One operation without one index, or without a pair; ratios above 1 say it helps.

    `steps_ratio` is steps without it / with all, `speedup` time without / with all.
    `steps` are the VM steps with all, without it, with it alone and with none.
    """

    operation: str
    title: str
    effect: str
    steps_ratio: float | None
    speedup: float | None
    ci95: Range | None
    confirmed: bool | None
    reason: str
    steps: tuple[float | None, ...]
    source: str
    it: str = "it"

    @property
    def verdict(self) -> palette.Verdict:
        """The effect as word, shape and tone."""
        return palette.verdict(self.effect)

    @property
    def anchor(self) -> str:
        """The operation's place on the page."""
        return anchor(self.operation)

    @property
    def by_time(self) -> bool:
        """Whether the steps do not go the way of the effect, so that the time tells it."""
        if self.speedup is None or self.steps_ratio is None:
            return False
        return (self.effect == "harms" and self.steps_ratio >= 1 > self.speedup) or (
            self.effect == "helps" and self.steps_ratio <= 1 < self.speedup
        )

    @property
    def ratio(self) -> float | None:
        """The ratio that tells the effect: of steps, or of time where steps do not."""
        return self.speedup if self.by_time else self.steps_ratio

    @property
    def steps_text(self) -> str:
        """The effect in steps, such as `×830`."""
        return steps_effect(self.steps_ratio)

    @property
    def time_text(self) -> str:
        """The effect in time, with what the interval decides."""
        if self.speedup is None or self.ci95 is None:
            return "not timed"
        low, high = self.ci95
        if not units.decided(low, high):
            return f"no decided difference ({units.span(low, high)}×)"
        # From the index's side: a query that is slower without it is one that it helps.
        words = units.effect(self.speedup)
        return f"{words} with {self.it} ({units.effect_interval(self.speedup, low, high)})"
