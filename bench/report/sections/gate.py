"""The gate's verdict, what got slower or lost first: for a pull request and for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bench.report import blocks, units
from bench.report.markdown import blocks_markdown, without_mentions
from bench.report.palette import verdict
from bench.results.gate import Gate, GatedOperation, GateSide, OperationVerdict
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
_COLUMNS = blocks.columns(
    "operation", "verdict", figures=("base → head", "head / base (95 %)", "steps")
)


def gate_markdown(gate: Gate) -> str:
    """The gate as a comment; what exceeds the length of one loses its details, and says so."""
    for brief in (False, True):
        text = without_mentions(blocks_markdown(gate_blocks(gate, brief=brief))).strip() + "\n"
        if len(text) <= MOST_CHARACTERS:
            break
    return text


def gate_blocks(gate: Gate, *, brief: bool = False) -> Iterator[blocks.Block]:
    """The verdict, the reasons, what changed, and the details; `brief` leaves these out."""
    operations = ordered(gate)
    changed = [operation for operation in operations if operation.verdict != "pass"]
    rest = operations[len(changed) :]
    shown = changed[:MOST_ROWS] if brief else changed
    yield blocks.Text([blocks.Span(headline(gate), "strong", verdict(gate.verdict).tone)])
    if reasons := besides(gate):
        yield blocks.Bullets([_cut(reason, brief) for reason in reasons])
    if changed:
        yield _table(shown, brief=brief)
    if len(shown) < len(changed):
        yield blocks.Text(f"And {len(changed) - len(shown)} more.")
    if gate.notes and len(gate.notes) <= MOST_NOTES:
        yield blocks.Bullets(gate.notes)
    elif gate.notes and not brief:
        yield _folded(f"{len(gate.notes)} notes on the two sides", [blocks.Bullets(gate.notes)])
    if brief:
        too_long = "The details are too long for a comment; gate.json and gate.xml hold them."
        yield blocks.Text(too_long)
        return
    for summary, among, lines_of in (
        ("Rows that differ", changed, rows_that_differ),
        ("By plan, where parameters run different ones", operations, plans_of_parameters),
    ):
        texts = [(operation.name, lines_of(operation)) for operation in among]
        code_blocks = [blocks.CodeBlock(blocks.lines(text), name) for name, text in texts if text]
        if code_blocks:
            yield _folded(summary, code_blocks)
    if plans := [block for operation in changed for block in _counted(operation)]:
        yield blocks.Details("Counters and plans of what changed", plans, folded=True)
    if rest:
        yield _folded(f"Operations that pass ({len(rest)})", [_table(rest)])
    yield _folded("What was compared", [blocks.Bullets(tuple(_compared(gate)))])


def _folded(summary: str, body: Sequence[blocks.Block]) -> blocks.Details:
    return blocks.Details(summary, body, elsewhere=True, folded=True)


def _table(operations: Sequence[GatedOperation], *, brief: bool = False) -> blocks.Table:
    rows = []
    for operation in operations:
        cells: list[blocks.Inlines] = [[blocks.Badge(verdict(operation.verdict))]]
        cells += [time_text(operation), ratio_text(operation), steps_text(operation)]
        reason = why(operation) if operation.verdict != "pass" else ""
        below = [blocks.Text(_cut(reason, brief))] if reason else []
        rows.append(blocks.Row([blocks.Code(operation.name)], cells, below=below))
    return blocks.Table(_COLUMNS, rows)


def _counted(operation: GatedOperation) -> Iterator[blocks.Block]:
    if changes := changes_text(operation):
        yield blocks.Text([blocks.Code(operation.name), f": {changes}"])
        if operation.exact is not None:
            for name, side in (("base", operation.exact.base), ("head", operation.exact.head)):
                yield blocks.CodeBlock(blocks.lines(side.plan), name)


def _compared(gate: Gate) -> Iterator[str]:
    yield side_text("base", gate.base)
    yield side_text("head", gate.head)
    size = gate.size
    parts = [f"a database of {units.size(size.bytes)}"]
    if size.rows:
        parts.append(f"{sum(size.rows.values()):,} rows in {len(size.rows)} tables")
    if gate.noise_floor.floor and gate.operations:
        parts.append(f"noise floor {units.share(gate.noise_floor.floor)}")
    yield ", ".join([*parts, f"{gate.seconds.whole:.0f} s"])
    for key, value in sorted(gate.machine.items()):
        text = value
        if isinstance(value, list | tuple):
            text = ", ".join(f"{v:.2f}" if isinstance(v, float) else str(v) for v in value)
        yield f"{key.replace('_', ' ')}: {text}"


def _cut(text: str, brief: bool) -> str:
    return f"{text[: BRIEF - 1]}…" if brief and len(text) > BRIEF else text


def ordered(gate: Gate) -> list[GatedOperation]:
    """The operations, what needs a hand first; those of one verdict as gate.json has them."""
    return sorted(gate.operations, key=lambda operation: ORDER.index(operation.verdict))


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
    names = ", ".join(operation.name for operation in operations[:_NAMED])
    return names + (f" and {more} more" if more > 0 else "")


def besides(gate: Gate) -> list[str]:
    """The reasons that are of the whole, not of one operation that speaks for itself."""
    starts = tuple(f"{operation.name}: " for operation in gate.operations)
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
    groups = [group.ratio for group in operation.by_plan or () if group.ratio is not None]
    if groups:
        return f"{' / '.join(map(units.times, groups))}, by plan"
    return _ratio(operation.time.ratio, operation.time.ci95)


def _ratio(ratio: float, ci95: Interval | None) -> str:
    if ci95 is None:
        return units.times(ratio)
    return f"{units.times(ratio)} ({' to '.join(map(units.significant, ci95))})"


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
    parts = [f"{change.counter} {change.base:,} → {change.head:,}" for change in exact.changes]
    parts += ["another plan"] if exact.plan_changed else []
    parts += ["another answer"] if exact.answers_equal is False else []
    return ", ".join(parts)


def plans_of_parameters(operation: GatedOperation) -> list[str]:
    """What each plan took, where parameter sets run different ones; a line each, then its plan."""
    lines = []
    for group in operation.by_plan or ():
        parts = []
        if group.base is not None and group.head is not None:
            parts.append(f"steps {group.base.vm_steps:,} → {group.head.vm_steps:,}")
        if group.ratio is not None:
            parts.append(f"head / base {_ratio(group.ratio, group.ci95)}")
        lines.append(f"for {' '.join(group.whose.split())}: {', '.join(parts) or 'not counted'}")
        for side, plan in (("base", group.plans.base), ("head", group.plans.head)):
            lines += [f"  {side}: {line}" for line in plan]
    return lines


def rows_that_differ(operation: GatedOperation) -> list[str]:
    """The first rows that differ between the sides, a line each; none where answers are equal."""
    difference = operation.difference
    if difference is None or not difference.rows:
        return []
    parameters = f", for {difference.parameters}" if difference.parameters else ""
    lines = [f"the first that differ{parameters}:"]
    for row in difference.rows:
        position = "" if row.row is None else f"row {row.row:,}, "
        for side, row_text in (("base", row.base), ("head", row.head)):
            text = "no such row" if row_text is None else " ".join(row_text.split())
            lines.append(f"  {position}{side}: {text}")
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
    details = ", ".join(filter(None, parts))
    return f"{name}: {side.what}" + (f" ({details})" if details else "")
