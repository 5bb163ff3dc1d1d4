"""Whether it lasts: growth.json as flat records, ordered and worded once.

Room show: every figure stands in the document; nothing is fitted or judged here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.show import units
from bench.show.evidence_parts import (
    counted,
    number_word,
    range_of,
    reading,
)
from bench.show.report import Document, Report
from bench.show.sources import at
from bench.show.view import Range, anchor, arm_label, arm_names

GROWS = ("linear", "above linear")


@dataclass(frozen=True, slots=True)
class SizeView:
    """One size that was measured."""

    scale: float
    products: int
    events: int


@dataclass(frozen=True, slots=True)
class GrownView:
    """One operation on one arm: its steps and time at each scale, and how they grow."""

    arm: str
    label: str
    vm_steps: Mapping[float, float]
    median_ns: Mapping[float, float]
    steps_exponent: float | None
    steps_ci95: Range | None
    time_exponent: float | None
    time_ci95: Range | None
    word: str

    @property
    def steps_text(self) -> str:
        """The exponent of the steps with its interval."""
        return exponent_text(self.steps_exponent, self.steps_ci95)

    @property
    def time_text(self) -> str:
        """The exponent of the time with its interval."""
        return exponent_text(self.time_exponent, self.time_ci95)


@dataclass(frozen=True, slots=True)
class GrowingView:
    """One operation on every arm."""

    name: str
    title: str
    kind: str
    arms: tuple[GrownView, ...]
    source: str

    @property
    def anchor(self) -> str:
        """The operation's place on the page."""
        return anchor(self.name)

    def arm(self, name: str) -> GrownView | None:
        """The operation on that arm, None where it cannot answer."""
        return next((arm for arm in self.arms if arm.arm == name), None)

    @property
    def changed(self) -> bool:
        """Whether an arm's word differs from the first arm's."""
        return len({arm.word for arm in self.arms if arm.word != "undecided"}) > 1

    @property
    def worst(self) -> float:
        """The largest exponent of its steps on any arm."""
        return max((arm.steps_exponent or 0.0 for arm in self.arms), default=0.0)


@dataclass(frozen=True, slots=True)
class GrowthView:
    """The whole document; operations whose growth is worst on the judged arm first."""

    judged: str
    last: str
    arms: tuple[tuple[str, str], ...]
    sizes: tuple[SizeView, ...]
    operations: tuple[GrowingView, ...]
    limits: tuple[str, ...]

    def growing(self, arm: str) -> tuple[GrowingView, ...]:
        """The operations that take steps in proportion to the data, or more, on that arm."""
        return tuple(o for o in self.operations if (a := o.arm(arm)) and a.word in GROWS)

    @property
    def drawn(self) -> bool:
        """Whether there is anything to draw a line of."""
        return len(self.sizes) > 1 and bool(self.operations)

    @property
    def answer(self) -> str:
        """Which operations still grow on the judged arm, in one sentence."""
        named = ", ".join(operation.title for operation in self.growing(self.judged))
        if not named:
            return "After the migration no operation takes steps in step with the data."
        return f"In step with the data, after the migration: {named}."

    @property
    def title(self) -> str:
        """What the picture shows, in one sentence without its point."""
        left = len(self.growing(self.judged))
        if not left:
            return "After the migration nothing grows in step with the data"
        several = counted(left, "operation still grows", "operations still grow")
        told = f"After the migration {several} in step with the data"
        if self.last == self.judged:
            return told
        rest = len(self.growing(self.last))
        return f"{told}; {dict(self.arms)[self.last]}: {number_word(rest)}"


def exponent_text(exponent: float | None, ci95: Range | None) -> str:
    """An exponent with two decimals and its interval: `0.98 (0.95 to 1.01)`."""
    if exponent is None:
        return units.DASH
    if ci95 is None:
        return _two(exponent)
    return f"{_two(exponent)} ({_two(ci95[0])} to {_two(ci95[1])})"


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")


def growth_view(report: Report) -> GrowthView | None:
    """The growth of every operation, None where it was not measured.

    Raises:
        BenchError: the document lacks what is shown.
    """
    document = report.growth
    if document is None:
        return None
    with reading("growth"):
        measured = {arm for entry in document["operations"] for arm in entry["arms"]}
        names = [name for name in arm_names(report) if name in measured]
        names += sorted(measured - set(names))
        operations = [
            _operation(report, names, entry, n) for n, entry in enumerate(document["operations"])
        ]
        judged = report.judged if report.judged in names or not names else names[-1]
        return GrowthView(
            judged=judged,
            last=names[-1] if names else judged,
            arms=tuple((name, arm_label(report, name)) for name in names),
            sizes=tuple(
                SizeView(float(p["scale"]), int(p["products"]), int(p["events"]))
                for p in document["points"]
            ),
            operations=tuple(sorted(operations, key=lambda o: _weight(o, judged))),
            limits=tuple(document.get("limits") or ()),
        )


def chosen(growth: GrowthView, most: int) -> tuple[GrowingView, ...]:
    """What a picture has room for: what grows on the judged arm, then whose growth changed."""
    growing = growth.growing(growth.judged)
    others = [o for o in growth.operations if o.changed and o not in growing]
    # Of both kinds, so that what was mended is seen beside what was not.
    kept = list(growing[: max(most - min(len(others), most // 3), 0)])
    kept += others[: most - len(kept)]
    return tuple(o for o in growth.operations if o in kept)


def _weight(operation: GrowingView, judged: str) -> tuple[float, float]:
    arm = operation.arm(judged)
    return -(arm.steps_exponent or 0.0 if arm else 0.0), -operation.worst


def _operation(report: Report, names: list[str], entry: Document, n: int) -> GrowingView:
    return GrowingView(
        name=str(entry["name"]),
        title=str(entry.get("title") or entry["name"]),
        kind=str(entry.get("kind") or "read"),
        arms=tuple(
            _grown(name, arm_label(report, name), entry["arms"][name])
            for name in names
            if name in entry["arms"]
        ),
        source=at("growth", "operations", n),
    )


def _grown(name: str, label: str, entry: Document) -> GrownView:
    def line(key: str) -> dict[float, float]:
        known = [(float(p["scale"]), p.get(key)) for p in entry["points"]]
        return {scale: float(value) for scale, value in known if value is not None}

    return GrownView(
        arm=name,
        label=label,
        vm_steps=line("vm_steps"),
        median_ns=line("median_ns"),
        steps_exponent=entry.get("steps_exponent"),
        steps_ci95=range_of(entry.get("steps_ci95")),
        time_exponent=entry.get("time_exponent"),
        time_ci95=range_of(entry.get("time_ci95")),
        word=str(entry.get("word") or "undecided"),
    )
