"""Does it last: how each operation grows with the data."""

from __future__ import annotations

from collections.abc import Iterator

from bench.judge.sizes import largest_table, rows_text
from bench.report import blocks, units
from bench.report.arms import Arms
from bench.report.provenance import at
from bench.report.text import anchor, counted, number_word
from bench.results.growth import ArmGrowth, Growth, OperationGrowth
from bench.results.model import Interval

_GROWS = ("linear", "above linear")
_OPERATIONS = at("growth", "operations")


@blocks.section("growth", "Does it last")
def growth_section(growth: Growth, arms: Arms) -> Iterator[blocks.Block]:
    """The section on growth; operations that grow most on the judged arm stand first."""
    named = ", ".join(o.title for o in growing(growth, arms, judged_of(growth, arms)))
    answer = "After the migration no operation takes steps in step with the data."
    if named:
        answer = f"In step with the data, after the migration: {named}."
    yield blocks.Text(answer, "answer", _OPERATIONS)
    if has_lines(growth):
        words = (
            f"VM steps against the size of the data: {title(growth, arms)}. "
            "The table below holds the exponents."
        )
        yield blocks.Figure("growth", words, at("growth"))
    names, rows = arms_of(growth, arms), []
    for operation in ordered(growth, arms):
        cells = [_exponent_cell(operation.arms.get(name)) for name in names]
        link = blocks.Link(operation.title, anchor(operation.name))
        source = at("growth", "operations", growth.operations.index(operation))
        rows.append(blocks.Row([link], cells, source))
    yield blocks.Table(
        blocks.columns("operation", ranges=map(arms.label, names)),
        rows,
        "Exponent of the VM steps against the number of rows, with its interval; the worst after "
        "the migration first",
        _OPERATIONS,
        "evidence",
    )
    yield blocks.Details("Steps and times at each size", (_sizes(growth, arms),))
    yield from blocks.limits("Limits of the fit", growth.limits, at("growth", "limits"))


def _sizes(growth: Growth, arms: Arms) -> blocks.Table:
    rows, table = [], table_of(growth, arms)
    for operation in ordered(growth, arms):
        source = at("growth", "operations", growth.operations.index(operation))
        for name in arms_of(growth, arms):
            if (grown := operation.arms.get(name)) is None:
                continue
            known = {point.scale: point for point in grown.points}
            points = [known.get(size.scale) for size in growth.points]
            values = [(p.vm_steps, p.median_ns) if p else (None, None) for p in points]
            cells = [f"{units.count(steps)}, {units.duration(ns)}" for steps, ns in values]
            exponent = exponent_text(grown.time_exponent, grown.time_ci95)
            rows.append(blocks.Row(operation.title, [arms.label(name), *cells, exponent], source))
    sizes = [rows_text(arms.nouns, {table: size.rows[table]}) for size in growth.points]
    return blocks.Table(
        blocks.columns("operation", "arm", ranges=(*sizes, "exponent of time")),
        rows,
        "VM steps and median time of one execution, and the exponent of the time",
        f"{_OPERATIONS} {at('growth', 'points')}",
        "small",
    )


def _exponent_cell(grown: ArmGrowth | None) -> blocks.Inlines:
    if grown is None:
        return [blocks.Span(units.DASH, "aside")]
    exponent = exponent_text(grown.steps_exponent, grown.steps_ci95)
    return [exponent, " ", blocks.Span(grown.word, "line")]


def table_of(growth: Growth, arms: Arms) -> str:
    """The table over whose rows the exponents are taken."""
    return largest_table(arms.nouns, growth.points[-1].rows)


def arms_of(growth: Growth, arms: Arms) -> list[str]:
    """The arms that growth was measured on, in the study's order."""
    return arms.ordered({name for operation in growth.operations for name in operation.arms})


def judged_of(growth: Growth, arms: Arms) -> str:
    """The judged arm, or the last one that was measured where it was not."""
    names = arms_of(growth, arms)
    return arms.judged if arms.judged in names or not names else names[-1]


def ordered(growth: Growth, arms: Arms) -> list[OperationGrowth]:
    """The operations, those that grow most on the judged arm first."""
    judged = judged_of(growth, arms)

    def weight(operation: OperationGrowth) -> tuple[float, float]:
        exponents = {name: grown.steps_exponent or 0.0 for name, grown in operation.arms.items()}
        return -exponents.get(judged, 0.0), -max(exponents.values(), default=0.0)

    return sorted(growth.operations, key=weight)


def growing(growth: Growth, arms: Arms, name: str) -> list[OperationGrowth]:
    """The operations that take steps in proportion to the data, or more, on that arm."""
    return [
        operation
        for operation in ordered(growth, arms)
        if (grown := operation.arms.get(name)) is not None and grown.word in _GROWS
    ]


def has_lines(growth: Growth) -> bool:
    """Whether there is anything to draw a line of."""
    return len(growth.points) > 1 and bool(growth.operations)


def chosen(growth: Growth, arms: Arms, most: int) -> list[OperationGrowth]:
    """What a picture has room for: what grows on the judged arm, then whose growth changed."""
    grows = growing(growth, arms, judged_of(growth, arms))
    words = {o.name: {g.word for g in o.arms.values()} - {"undecided"} for o in growth.operations}
    others = [o for o in ordered(growth, arms) if len(words[o.name]) > 1 and o not in grows]
    # Of both kinds, so that what was mended is seen beside what was not.
    kept = grows[: max(most - min(len(others), most // 3), 0)]
    kept += others[: most - len(kept)]
    return [operation for operation in ordered(growth, arms) if operation in kept]


def title(growth: Growth, arms: Arms) -> str:
    """What the picture shows, in one sentence without its point."""
    names, judged = arms_of(growth, arms), judged_of(growth, arms)
    left = len(growing(growth, arms, judged))
    if not left:
        return "After the migration nothing grows in step with the data"
    several = counted(left, "operation still grows", "operations still grow")
    text = f"After the migration {several} in step with the data"
    if names[-1] == judged:
        return text
    rest = len(growing(growth, arms, names[-1]))
    return f"{text}; {arms.label(names[-1])}: {number_word(rest)}"


def exponent_text(exponent: float | None, ci95: Interval | None) -> str:
    """An exponent with two decimals and its interval: `0.98 (0.95 to 1.01)`."""
    if exponent is None:
        return units.DASH
    if ci95 is None:
        return _two(exponent)
    return f"{_two(exponent)} ({_two(ci95[0])} to {_two(ci95[1])})"


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-0.00", "0.00").replace("-", "\N{MINUS SIGN}")
