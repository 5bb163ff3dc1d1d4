"""Why the head of a gate does other work than the base, in sentences."""

from __future__ import annotations

import re

from bench.judge.explain import cause
from bench.judge.gate_seen import Schema, Seen

_SHOWN_SQL = 90


def cause_of(base: Seen, head: Seen, schemas: tuple[Schema, Schema], *, worse: bool) -> str | None:
    """Why the head does other work, in sentences: what its database lacks, its statements, plan.

    `worse` says that a counter exceeds its limit; the plan tells nothing of answers alone.
    """
    if head.refused is not None:
        return None
    lacking = None
    if schemas[0].analysed and not schemas[1].analysed:
        lacking = (
            "The head's database has no statistics (sqlite_stat1 is empty), the base's has: "
            "ANALYZE was not run."
        )
    new = " and ".join(new_indexes(head, schemas))
    sentences = [
        lacking,
        _lacking_indexes(base, schemas),
        _more_statements(base, head),
        _lost_limit(base, head),
        f"What it writes goes into {new} too, which the base's database lacks." if new else None,
    ]
    if base.plan and head.plan and worse:
        grown = head.vm_steps > base.vm_steps
        # Fewer steps are dearer, if at all, by a time that this layer does not know.
        counters = (base.counters, head.counters) if grown else (None, None)
        if base.plan != head.plan or (grown and not any(sentences)):
            sentences.append(cause(base.plan, head.plan, *counters))
    return " ".join(filter(None, sentences)) or None


def _lacking_indexes(base: Seen, schemas: tuple[Schema, Schema]) -> str | None:
    """Indexes that the base's plan uses and the head's database does not have."""
    lost = [name for name in schemas[0].indexes if name not in schemas[1].indexes]
    # A name may hold spaces.
    uses = {name: re.compile(rf"\bINDEX {re.escape(name)}(?: \(|$)") for name in lost}
    used = [name for name in lost if any(map(uses[name].search, base.plan))]
    if not used:
        return None
    indexes = f"the index {used[0]}" if len(used) == 1 else f"the indexes {', '.join(used)}"
    return f"The head's database lacks {indexes}, which the base's plan uses."


def _more_statements(base: Seen, head: Seen) -> str | None:
    if base.statements is None or head.statements is None or head.statements <= base.statements:
        return None
    text, times = max(
        head.texts.items(), key=lambda item: item[1] - base.texts.get(item[0], 0), default=("", 0)
    )
    before = base.texts.get(text, 0)
    runs = f"It runs {head.statements:,} statements instead of {base.statements:,}"
    if times > max(1, before):
        return (
            f"{runs}: one of them {times:,} times (base: {before:,}), a loop of queries (N+1): "
            f"{_short(text)}."
        )
    return f"{runs}, among them {_short(text)}." if text else f"{runs}."


def _lost_limit(base: Seen, head: Seen) -> str | None:
    """A statement that had a LIMIT, and one in its place that has none."""
    old = [sql for sql in base.texts if sql not in head.texts]
    new = [sql for sql in head.texts if sql not in base.texts]
    had, has = (sum(bool(_LIMIT.search(sql)) for sql in texts) for texts in (old, new))
    if not new or has >= had:
        return None
    bare = next((sql for sql in new if not _LIMIT.search(sql)), new[0])
    return f"A LIMIT of the base's statement is gone: {_short(bare)}."


def new_indexes(head: Seen, schemas: tuple[Schema, Schema]) -> list[str]:
    """Indexes, with their tables, that the head has anew on a table which the operation writes."""
    written = {written_table(sql) for sql in head.texts}
    return [
        f"{name} on {table}"
        for name, table in schemas[1].indexes.items()
        if name not in schemas[0].indexes and table.lower() in written
    ]


def written_table(sql: str) -> str | None:
    """The table that a statement writes, in lower case and without its quotes; None for a read."""
    bare = _HIDDEN.sub(" ", sql)
    match = _WRITES.search(bare)
    if match is None or not _WRITING.match(bare):
        return None
    name = match["name"]
    quote = _QUOTES.get(name[0])
    return (name[1:-1].replace(quote * 2, quote) if quote else name).lower()


_LIMIT = re.compile(r"\bLIMIT\b", re.I)
# Comments and strings, which may hold any words.
_HIDDEN = re.compile(r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'", re.S)
_WRITING = re.compile(r"\s*(?:WITH|INSERT|REPLACE|UPDATE|DELETE)\b", re.I)
_QUOTES = {'"': '"', "`": "`", "[": "]"}
_PART = r"""(?:"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[^\W\d][\w$]*)"""
_WRITES = re.compile(
    r"\b(?:(?:INSERT|REPLACE)(?:\s+OR\s+\w+)?\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)"
    rf"\s*(?:{_PART}\s*\.\s*)?(?P<name>{_PART})",
    re.I,
)


def _short(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= _SHOWN_SQL else f"{line[: _SHOWN_SQL - 1]}…"
