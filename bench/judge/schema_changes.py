"""What a migration takes away: two inventories of one database, and the statements between them.

The rule: what a migration takes away silently is a regression. That is rows of a table that it
keeps, a trigger of a table that it keeps, a view that no longer works, an AUTOINCREMENT counter
that falls back, and rows that break a foreign key. Silently means that no statement names it: no
DROP TRIGGER, no DELETE or REPLACE of the table (or of one from which it cascades), no copy of it
that filters. What a statement writes out is told and allowed: a dropped table with all that is on
it, and a table's new definition without a column, foreign key, NOT NULL or AUTOINCREMENT.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain, pairwise

from bench.engines.records import Inventory
from bench.judge.format import counted
from bench.results.gate import Gate, SchemaChanges

_TOKEN = re.compile(
    r"--[^\n]*|/\*.*?(?:\*/|\Z)|'(?:[^']|'')*'|\"((?:[^\"]|\"\")*)\"|`([^`]*)`|\[([^\]]*)\]|(\w+)",
    re.S,
)
_FILTERS = frozenset(
    ("where", "distinct", "group", "limit", "join", "except", "intersect", "ignore", "replace")
)

# Words in a row by which a statement deletes rows, wherever they stand in it.
_REMOVING = frozenset((("delete", "from"), ("or", "replace"), ("replace", "into")))


def compare(before: Inventory, after: Inventory, statements: Sequence[str]) -> SchemaChanges:
    """Hold a database after a migration against the same before it, by the rule above."""
    words = [_words(sql) for sql in statements]
    names = _renamed(before, after, words)
    before = _under(before, names)
    words = [[names.get(word, word) for word in statement] for statement in words]
    return SchemaChanges(
        losses=tuple(_losses(before, after, words)), told=tuple(_changes(before, after, words))
    )


def vanishing(head: Inventory, in_transaction: Inventory) -> str | None:
    """A sentence on the rows that only a run within a transaction deletes; None without any."""
    lost = [
        f"{_rows(facts.rows - in_transaction.tables[name].rows)} of {name}"
        for name, facts in head.tables.items()
        if name in in_transaction.tables and in_transaction.tables[name].rows < facts.rows
    ]
    if not lost:
        return None
    return (
        "PRAGMA foreign_keys does nothing within a transaction. Where a tool runs this migration "
        "in one, with foreign keys on (as Cloudflare D1, drizzle and Rails do), it deletes "
        f"{', '.join(lost)}: see that foreign keys are off before the tool begins, or keep the "
        "table that they refer to."
    )


def with_changes(gate: Gate, changes: SchemaChanges | None) -> Gate:
    """Add what a migration takes away: a silent loss makes it a regression."""
    if changes is None:
        return gate
    update: dict[str, object] = {
        "migration": changes,
        "reasons": (*changes.losses, *changes.warnings, *gate.reasons),
        "notes": (*changes.told, *gate.notes),
    }
    if changes.losses and gate.verdict != "incomparable":
        update |= {"verdict": "regression", "exit_code": 1}
    return gate.model_copy(update=update)


def _losses(before: Inventory, after: Inventory, words: Sequence[list[str]]) -> Iterator[str]:
    for name, table in before.triggers.items():
        kept = name in after.triggers or table not in after.tables
        if not kept and not _named(name, words, ("drop",)):
            yield (
                f"The migration loses the trigger {name} on {table}, which went with the table "
                "that was made anew; create it again, or write DROP TRIGGER where that is meant."
            )
    for name, reason in after.views.items():
        if reason is not None and before.views.get(name, reason) is None:
            yield f"The view {name} no longer works after the migration ({reason}); make it anew."
    for name, old in before.tables.items():
        new = after.tables.get(name)
        if new is None:
            continue
        if new.rows < old.rows and not _deletes(name, before, words):
            yield (
                f"The migration loses {_rows(old.rows - new.rows)} of {name} ({old.rows:,} -> "
                f"{new.rows:,}), which no statement of it deletes; a foreign key that cascades "
                "may. Keep them, or write a DELETE where that is meant."
            )
        if old.sequence is None or new.sequence is None or new.sequence >= old.sequence:
            continue
        if not _named("sqlite_sequence", words, ("update", "delete", "insert")):
            yield (
                f"AUTOINCREMENT of {name} falls back from {old.sequence:,} to {new.sequence:,}, "
                "so ids that were used before are given again; set its row in sqlite_sequence."
            )
    for name, count in after.violations.items():
        # Of a table whose keys could not be checked before, nothing is known to be new.
        more = count - before.violations.get(name, count if name in before.tables else 0)
        if more > 0:
            yield (
                f"{_rows(more)} of {name} refer to rows that are not there after the migration "
                "(PRAGMA foreign_key_check); mend or delete them."
            )


def _changes(before: Inventory, after: Inventory, words: Sequence[list[str]]) -> Iterator[str]:
    for name, old in before.tables.items():
        new = after.tables.get(name)
        if new is None:
            yield f"The migration removes the table {name} with its {_rows(old.rows)}."
            continue
        if new.rows < old.rows and _deletes(name, before, words):
            yield f"The migration removes {old.rows - new.rows:,} of {old.rows:,} rows of {name}."
        if new.rows > old.rows:
            yield f"The migration adds {_rows(new.rows - old.rows)} to {name}."
        if old.sequence is not None and new.sequence is None:
            yield f"{name} no longer has AUTOINCREMENT, so ids of deleted rows are given again."
        for what, gone in (
            ("the column", [part for part in old.columns if part not in new.columns]),
            ("NOT NULL of", [part for part in old.not_null if part in new.columns]),
            ("the foreign key", list(old.foreign_keys)),
        ):
            kept = (*new.not_null, *new.foreign_keys)
            for part in gone:
                if part not in kept:
                    yield f"{name} no longer has {what} {part}."
    for kind, old_names, new_names in (
        ("trigger", before.triggers, after.triggers), ("view", before.views, after.views)
    ):  # fmt: skip
        for name in old_names:
            if name not in new_names and _named(name, words, ("drop",)):
                yield f"The migration drops the {kind} {name}."


def _words(sql: str) -> list[str]:
    """Words and quoted names of a statement, in small letters; no comment and no string."""
    quoted = (
        next((group for group in match.groups() if group is not None), None)
        for match in _TOKEN.finditer(sql)
    )
    return [word.replace('""', '"').lower() for word in quoted if word]


def _rows(count: int) -> str:
    return counted(count, "row")


def _named(name: str, words: Sequence[list[str]], verbs: Sequence[str]) -> bool:
    return any(sql and sql[0] in verbs and name.lower() in sql for sql in words)


def _deletes(name: str, before: Inventory, words: Sequence[list[str]]) -> bool:
    """Whether a statement deletes rows of a table, by name, by cascade, or by a copy that filters.

    A DROP TABLE that cascades is none: nothing in it says that other tables lose rows.
    """
    reaching: set[str] = set()
    more = {name.lower()}
    while more:
        reaching |= more
        parents = (f.cascades_from for table, f in before.tables.items() if table.lower() in more)
        more = set(chain.from_iterable(parents)) - reaching
    for statement in words:
        if statement[:1] == ["create"] and {"view", "trigger"} & set(statement[1:3]):
            # What is only defined has deleted nothing yet.
            continue
        removes = statement[:1] in (["delete"], ["replace"]) or _REMOVING & {*pairwise(statement)}
        if removes and reaching & set(statement):
            return True
        copies = "select" in statement and statement[:1] in (["insert"], ["create"], ["with"])
        if copies and name.lower() in statement and _FILTERS & set(statement):
            return True
    return False


def _renamed(before: Inventory, after: Inventory, words: Sequence[list[str]]) -> dict[str, str]:
    """The new name of each table that ALTER TABLE renames for good, both in small letters."""
    names: dict[str, str] = {}
    for sql in words:
        if sql[:2] == ["alter", "table"] and sql[-3:-1] == ["rename", "to"]:
            old, new = sql[-4], sql[-1]
            names = {name: new if now == old else now for name, now in names.items()}
            names.setdefault(old, new)
    old_tables, new_tables = (
        {table.lower() for table in inventory.tables} for inventory in (before, after)
    )
    return {
        old: new
        for old, new in names.items()
        if old in old_tables - new_tables and new in new_tables - old_tables
    }


def _under(before: Inventory, names: Mapping[str, str]) -> Inventory:
    """The inventory as it would be if its tables had the names that they get."""

    def name(table: str) -> str:
        return names.get(table.lower(), table)

    return replace(
        before,
        tables={
            name(table): replace(facts, cascades_from=tuple(map(name, facts.cascades_from)))
            for table, facts in before.tables.items()
        },
        triggers={trigger: name(table) for trigger, table in before.triggers.items()},
        violations={name(table): count for table, count in before.violations.items()},
    )
