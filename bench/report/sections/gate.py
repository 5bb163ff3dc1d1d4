"""The gate's verdict, what got slower or lost first: for a pull request and for a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from bench.report import units
from bench.report.blocks import (
    Badge,
    Block,
    Bullets,
    Code,
    CodeBlock,
    CodeLine,
    Column,
    Details,
    Row,
    Span,
    Table,
    Text,
)
from bench.report.markdown import blocks_markdown, without_mentions
from bench.report.palette import verdict
from bench.results.gate import Gate, GatedOperation, GateSide, OperationVerdict, PlanGroup
from bench.results.model import Interval

# The order in which a reader wants them: what needs a hand first.
ORDER: tuple[OperationVerdict, ...] = (
    "regression", "inconclusive", "missing", "new", "improved", "pass",
)  # fmt: skip
_NAMED = 4
# GitHub takes comments of up to 65,536 characters.
MOST_CHARACTERS = 60_000
# Where it is too long: so much of each text, and of the operations the worst.
BRIEF, MOST_ROWS = 300, 60
# A change of the schema has a note for each index; more than these are folded.
MOST_NOTES = 5
_COLUMNS = (
    Column("operation"), Column("verdict"), Column("base → head", "figure"),
    Column("head / base (95 %)", "figure"), Column("steps", "figure"),
)  # fmt: skip


def gate_markdown(gate: Gate) -> str:
    """The gate as a comment; what exceeds the length of one loses its details, and says so."""
    for brief in (False, True):
        found = without_mentions(blocks_markdown(gate_blocks(gate, brief=brief))).strip() + "\n"
        if len(found) <= MOST_CHARACTERS:
            break
    return found


def gate_blocks(gate: Gate, *, brief: bool = False) -> Iterator[Block]:
    """The verdict, the reasons, what changed, and the details; `brief` leaves these out."""
    operations = ordered(gate)
    changed = [one for one in operations if one.verdict != "pass"]
    rest = operations[len(changed) :]
    shown = changed[:MOST_ROWS] if brief else changed
    yield Text([Span(headline(gate), "strong", verdict(gate.verdict).tone)])
    if reasons := besides(gate):
        yield Bullets([_cut(reason, brief) for reason in reasons])
    if changed:
        yield _table(shown, brief=brief)
    if len(shown) < len(changed):
        yield Text(f"And {len(changed) - len(shown)} more.")
    if gate.notes and len(gate.notes) <= MOST_NOTES:
        yield Bullets(gate.notes)
    elif gate.notes and not brief:
        summary = f"{len(gate.notes)} notes on the two sides"
        yield _shown(summary, [Bullets(gate.notes)])
    if brief:
        yield Text("The details are too long for a comment; gate.json and gate.xml hold them.")
        return
    yield from _details("Rows that differ", changed, rows_that_differ)
    yield from _details(
        "By plan, where parameters run different ones", operations, plans_of_parameters
    )
    if plans := [block for one in changed for block in _counted(one)]:
        yield Details("Counters and plans of what changed", plans, folded=True)
    if rest:
        yield _shown(f"Operations that pass ({len(rest)})", [_table(rest)])
    yield _shown("What was compared", [Bullets(tuple(_compared(gate)))])


def _shown(summary: str, blocks: Sequence[Block]) -> Details:
    return Details(summary, blocks, elsewhere=True, folded=True)


def _details(
    summary: str,
    operations: Sequence[GatedOperation],
    lines_of: Callable[[GatedOperation], Sequence[str]],
) -> Iterator[Details]:
    """Lines of each operation that has some."""
    blocks = [
        CodeBlock([CodeLine(line) for line in lines], one.name)
        for one in operations
        if (lines := lines_of(one))
    ]
    if blocks:
        yield _shown(summary, blocks)


def _table(operations: Sequence[GatedOperation], *, brief: bool = False) -> Table:
    rows = [
        Row(
            [Code(one.name)],
            [[Badge(verdict(one.verdict))], time_text(one), ratio_text(one), steps_text(one)],
            below=[Text(_cut(why(one), brief))] if why(one) and one.verdict != "pass" else (),
        )
        for one in operations
    ]
    return Table(_COLUMNS, rows)


def _counted(operation: GatedOperation) -> Iterator[Block]:
    if changes := changes_text(operation):
        yield Text([Code(operation.name), f": {changes}"])
        if operation.exact is not None:
            for side in ("base", "head"):
                plan = getattr(operation.exact, side).plan
                yield CodeBlock([CodeLine(line) for line in plan], side)


def _compared(gate: Gate) -> Iterator[str]:
    yield side_text("base", gate.base)
    yield side_text("head", gate.head)
    yield _size_text(gate)
    for key, value in sorted(gate.machine.items()):
        told = value
        if isinstance(value, list | tuple):
            told = ", ".join(f"{one:.2f}" if isinstance(one, float) else str(one) for one in value)
        yield f"{key.replace('_', ' ')}: {told}"


def _cut(text: str, brief: bool) -> str:
    return f"{text[: BRIEF - 1]}…" if brief and len(text) > BRIEF else text


def ordered(gate: Gate) -> list[GatedOperation]:
    """The operations, what needs a hand first; those of one verdict as gate.json has them."""
    return sorted(gate.operations, key=lambda one: ORDER.index(one.verdict))


def headline(gate: Gate) -> str:
    """The verdict in one sentence."""
    total = len(gate.operations)
    if gate.verdict == "incomparable":
        return "Gate: incomparable; nothing was compared."
    if gate.verdict == "regression":
        worse = gate.with_verdict("regression")
        parts = [f"{len(worse)} of {total} operations: {_some(worse)}"] if worse else []
        if gate.migration is not None and gate.migration.losses:
            parts.append("what the migration takes away or breaks")
        return f"Gate: regression in {', and in '.join(parts)}."
    if gate.verdict == "inconclusive":
        # A missing operation is what is undecided where nothing else is.
        undecided = gate.with_verdict("inconclusive") or gate.with_verdict("missing")
        what = f" on {len(undecided)} of {total} operations: {_some(undecided)}"
        return f"Gate: inconclusive{what if undecided else ''}; that is not a pass."
    return f"Gate: pass; none of {total} operations got worse."


def _some(operations: Sequence[GatedOperation]) -> str:
    more = len(operations) - _NAMED
    names = ", ".join(one.name for one in operations[:_NAMED])
    return names + (f" and {more} more" if more > 0 else "")


def besides(gate: Gate) -> list[str]:
    """The reasons that are of the whole, not of one operation that speaks for itself."""
    starts = tuple(f"{one.name}: " for one in gate.operations)
    return [reason for reason in gate.reasons if not (starts and reason.startswith(starts))]


def why(operation: GatedOperation) -> str:
    """Message and cause in one text; empty where there is nothing to say."""
    return " ".join(part for part in (operation.message, operation.cause) if part)


def time_text(operation: GatedOperation) -> str:
    """Median times of base and head."""
    time = operation.time
    if time is None:
        return units.DASH
    return f"{units.duration(time.base_median_ns)} → {units.duration(time.head_median_ns)}"


def ratio_text(operation: GatedOperation) -> str:
    """Head's time / base's time with its interval."""
    if operation.time is None:
        return units.DASH
    groups = [one.ratio for one in operation.by_plan or () if one.ratio is not None]
    if groups:
        return f"{' / '.join(map(units.times, groups))}, by plan"
    return _ratio(operation.time.ratio, operation.time.ci95)


def _ratio(ratio: float, ci95: Interval | None) -> str:
    if ci95 is None:
        return units.times(ratio)
    low, high = map(units.significant, ci95)
    return f"{units.times(ratio)} ({low} to {high})"


def steps_text(operation: GatedOperation) -> str:
    """SQLite's steps in base and head, exact; one figure where they are equal."""
    if operation.exact is None:
        return units.DASH
    base, head = operation.exact.base.vm_steps, operation.exact.head.vm_steps
    return f"{base:,}" if base == head else f"{base:,} → {head:,}"


def changes_text(operation: GatedOperation) -> str:
    """The counters that moved, such as `vm_steps 120 → 9,120`."""
    exact = operation.exact
    if exact is None:
        return ""
    parts = [f"{one.counter} {one.base:,} → {one.head:,}" for one in exact.changes]
    parts += ["another plan"] if exact.plan_changed else []
    parts += ["another answer"] if exact.answers_equal is False else []
    return ", ".join(parts)


def plans_of_parameters(operation: GatedOperation) -> list[str]:
    """What each plan took, where parameter sets run different ones; a line each, then its plan."""
    return [line for group in operation.by_plan or () for line in _plan_lines(group)]


def _plan_lines(group: PlanGroup) -> Iterator[str]:
    parts = []
    if group.base is not None and group.head is not None:
        parts.append(f"steps {group.base.vm_steps:,} → {group.head.vm_steps:,}")
    if group.ratio is not None:
        parts.append(f"head / base {_ratio(group.ratio, group.ci95)}")
    yield f"for {' '.join(group.whose.split())}: {', '.join(parts) or 'not counted'}"
    for side, plan in (("base", group.plans.base), ("head", group.plans.head)):
        yield from (f"  {side}: {line}" for line in plan)


def rows_that_differ(operation: GatedOperation) -> list[str]:
    """The first rows that differ between the sides, a line each; none where answers are equal."""
    found = operation.difference
    if found is None or not found.rows:
        return []
    parameters = f", for {found.parameters}" if found.parameters else ""
    lines = [f"the first that differ{parameters}:"]
    for row in found.rows:
        place = "" if row.row is None else f"row {row.row:,}, "
        for side, told in (("base", row.base), ("head", row.head)):
            text = "no such row" if told is None else " ".join(told.split())
            lines.append(f"  {place}{side}: {text}")
    return lines


def side_text(name: str, side: GateSide) -> str:
    """What a side was, in one line."""
    parts = [
        f"commit {side.commit[:12]}{' with changes' if side.dirty else ''}" if side.commit else "",
        f"arm {side.arm}" if side.arm else "",
        f"SQLite {side.sqlite_version}" if side.sqlite_version else "",
        f"Python {side.python}" if side.python else "",
        f"content {side.content_hash[:12]}" if side.content_hash else "",
    ]
    told = ", ".join(filter(None, parts))
    return f"{name}: {side.what}" + (f" ({told})" if told else "")


def _size_text(gate: Gate) -> str:
    """Size of the data and the time that the gate took."""
    size = gate.size
    parts = [f"a database of {units.size(size.bytes)}"]
    if size.rows:
        parts.append(f"{sum(size.rows.values()):,} rows in {len(size.rows)} tables")
    if gate.noise_floor.floor and gate.operations:
        parts.append(f"noise floor {units.share(gate.noise_floor.floor)}")
    return ", ".join([*parts, f"{gate.seconds.whole:.0f} s"])
