"""What the recommended migration is judged from: what each arm's schema holds, and SQL texts.

Judging room: no file, no clock, no database may enter. `bench.evidence.schema` fills these.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class IndexHeld:
    """An index that a CREATE INDEX made, as an arm's schema has it.

    `columns` are in order, an expression as `(expression)`; `only` is the condition of a
    partial index, None for one that holds every row.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    sql: str
    only: str | None = None


@dataclass(frozen=True, slots=True)
class ArmSchema:
    """What one arm's file holds.

    `all_indexes` counts those that SQLite makes for UNIQUE constraints too; `used_bytes` are
    the pages that hold something.
    """

    indexes: tuple[IndexHeld, ...]
    all_indexes: int
    used_bytes: int


@dataclass(frozen=True, slots=True)
class MigrationText:
    """One migration, as a user reads and runs it."""

    name: str
    sql: str
