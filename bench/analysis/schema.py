"""What the arms' schemas hold: indexes with their SQL, pages in use."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing

from bench.engines.base import Connection, Engine
from bench.judge.recommended import ArmSchema, IndexHeld
from bench.measure.files import ArmFiles
from bench.results.recommended import MigrationText
from bench.study import Study
from bench.study.hooks import hooks_of


def schema_of(engine: Engine, connection: Connection) -> ArmSchema:
    """What a database holds right now."""
    return ArmSchema(
        indexes=tuple(
            IndexHeld(index.name, index.table, index.columns, index.sql, index.condition)
            for index in engine.indexes(connection)
        ),
        all_indexes=len(engine.tables_by_index(connection)),
        used_bytes=engine.used_bytes(connection),
    )


def schemas_of(files: ArmFiles, arms: Sequence[str]) -> dict[str, ArmSchema]:
    """The schemas of these arms, by arm; nothing is changed but their statistics, by `switch`."""
    schemas = {}
    for arm in arms:
        with closing(files.open(arm)) as connection:
            schemas[arm] = schema_of(files.engine, connection)
    return schemas


def migration_texts(study: Study, arm: str) -> tuple[MigrationText, ...]:
    """The migrations that an arm runs after those of the study's judged arm, in order.

    Raises:
        StudyError: the study has no such arm.
        MigrationMissing: a migration has no file.
    """
    done = study.arm(study.judged).migrations
    names = [name for name in study.arm(arm).migrations if name not in done]
    hooks = hooks_of(study)
    return tuple(MigrationText(name=name, sql=hooks.migration_text(name)) for name in names)
