"""migration.json: what the migration of each arm took, statement by statement."""

from __future__ import annotations

from collections.abc import Mapping

from bench.results.model import Document, Model


class StatementCost(Model):
    """One statement of a migration: its time, and by how much it changed the used pages."""

    migration: str
    sql: str
    kind: str
    object: str
    duration_ns: int
    size_bytes: int


class ArmMigration(Model):
    """All migrations of one arm, each a transaction, and what followed them."""

    arm: str
    statements: tuple[StatementCost, ...]
    duration_ns: int
    checkpoint_ns: int
    statistics_ns: int
    database_bytes_before: int
    database_bytes_after: int

    @property
    def bytes_added(self) -> int:
        """By how much the database has grown."""
        return self.database_bytes_after - self.database_bytes_before

    def of_kind(self, kind: str) -> list[StatementCost]:
        """Return the statements of one kind, such as `create_index`, in their order."""
        return [statement for statement in self.statements if statement.kind == kind]


class Migration(Document):
    """The whole document; `facts` are those of the judged arm, None where unknown."""

    base: str
    judged: str
    arms: tuple[ArmMigration, ...]
    facts: Mapping[str, int | float | None]
