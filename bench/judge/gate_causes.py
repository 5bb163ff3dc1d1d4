"""Why the head of a gate does other work than the base, in sentences.

Judging room: no file, no clock, no database and no randomness may enter.
"""

from __future__ import annotations

import re

from bench.judge.causes import cause
from bench.judge.gate_seen import Schema, Seen

_SHOWN_SQL = 90


def cause_of(base: Seen, head: Seen, schemas: tuple[Schema, Schema], *, worse: bool) -> str | None:
    """Why the head does other work, in sentences: what its database lacks, its statements, plan.

    `worse` says that a counter exceeds its limit; the plan tells nothing of answers alone.
    """
    if head.refused is not None:
        return None
    found = [
        sentence
        for sentence in (
            _lacking_statistics(schemas),
            _lacking_indexes(base, schemas),
            _more_statements(base, head),
            _lost_limit(base, head),
            _more_upkeep(head, schemas),
        )
        if sentence
    ]
    if base.plan and head.plan and worse:
        told = cause(base.plan, head.plan, base.counters, head.counters)
        if base.plan != head.plan or not found:
            found.append(told)
    return " ".join(found) or None


def _lacking_statistics(schemas: tuple[Schema, Schema]) -> str | None:
    if schemas[0].analysed and not schemas[1].analysed:
        return (
            "The head's database has no statistics (sqlite_stat1 is empty), the base's has: "
            "ANALYZE was not run."
        )
    return None


def _lacking_indexes(base: Seen, schemas: tuple[Schema, Schema]) -> str | None:
    """Indexes that the base's plan uses and the head's database does not have."""
    lost = [name for name in schemas[0].indexes if name not in schemas[1].indexes]
    words = {word for line in base.plan for word in line.split()}
    used = [name for name in lost if name in words]
    if not used:
        return None
    one = f"the index {used[0]}" if len(used) == 1 else f"the indexes {', '.join(used)}"
    return f"The head's database lacks {one}, which the base's plan uses."


def _more_statements(base: Seen, head: Seen) -> str | None:
    if base.statements is None or head.statements is None or head.statements <= base.statements:
        return None
    text, times = max(
        head.texts.items(), key=lambda item: item[1] - base.texts.get(item[0], 0), default=("", 0)
    )
    before = base.texts.get(text, 0)
    told = f"It runs {head.statements:,} statements instead of {base.statements:,}"
    if times > max(1, before):
        return (
            f"{told}: one of them {times:,} times (base: {before:,}), a loop of queries (N+1): "
            f"{_short(text)}."
        )
    return f"{told}, among them {_short(text)}." if text else f"{told}."


def _lost_limit(base: Seen, head: Seen) -> str | None:
    """A statement that had a LIMIT, and one in its place that has none."""
    old = [sql for sql in base.texts if sql not in head.texts]
    new = [sql for sql in head.texts if sql not in base.texts]
    had, has = (sum(bool(_LIMIT.search(sql)) for sql in texts) for texts in (old, new))
    if not new or has >= had:
        return None
    bare = next((sql for sql in new if not _LIMIT.search(sql)), new[0])
    return f"A LIMIT of the base's statement is gone: {_short(bare)}."


def _more_upkeep(head: Seen, schemas: tuple[Schema, Schema]) -> str | None:
    """Indexes that are new on a table which the operation writes."""
    written = {match[1].lower() for sql in head.texts if (match := _WRITES.match(sql))}
    new = [
        f"{name} on {table}"
        for name, table in schemas[1].indexes.items()
        if name not in schemas[0].indexes and table.lower() in written
    ]
    if not new:
        return None
    return (
        f"What it writes goes into {' and '.join(new)} too, which the base's database lacks; if "
        "that is worth it, raise `vm_steps` of this operation in the limits."
    )


_LIMIT = re.compile(r"\bLIMIT\b", re.I)
_WRITES = re.compile(
    r"\s*(?:INSERT(?:\s+OR\s+\w+)?\s+INTO|REPLACE\s+INTO|UPDATE(?:\s+OR\s+\w+)?|DELETE\s+FROM)"
    r"\s+[\"`\[]?(\w+)",
    re.I,
)


def _short(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= _SHOWN_SQL else f"{line[: _SHOWN_SQL - 1]}…"
