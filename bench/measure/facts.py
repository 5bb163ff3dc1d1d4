"""What a migration made of the schema, in figures that claims can state."""

from __future__ import annotations

from bench.engines.base import Connection, Engine
from bench.measure.files import ArmBuilt

SCHEMA_FACTS = (
    "indexes", "new_tables", "foreign_keys", "new_indexes", "new_indexes_on_older_tables",
    "migration_seconds",
)  # fmt: skip
"""The facts of every migration."""


def schema_facts(
    engine: Engine, connection: Connection, arm: ArmBuilt
) -> dict[str, int | float | None]:
    """Facts of the migrated database, by name."""
    made = {cost.object for cost in arm.statements if cost.kind == "create_index"}
    new_tables = {cost.object for cost in arm.statements if cost.kind == "create_table"}
    indexes = engine.tables_by_index(connection)
    # What a later statement of the migration has dropped again is none of its new ones.
    new_indexes = {name: table for name, table in indexes.items() if name in made}
    return {
        "indexes": len(indexes),
        "new_tables": len(new_tables & engine.tables(connection)),
        "foreign_keys": int(engine.settings(connection)["foreign_keys"]),
        "new_indexes": len(new_indexes),
        "new_indexes_on_older_tables": sum(
            table not in new_tables for table in new_indexes.values()
        ),
        "migration_seconds": arm.duration_ns / 1e9,
    }
