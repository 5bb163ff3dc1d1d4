"""What the arms' schemas hold: indexes with their SQL, pages in use.

A measuring room: reads databases and migrations, and changes nothing. What follows from it
stands in `bench.judge.recommended`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import apsw

from bench.engines.sqlite import index_hiding
from bench.judge.recommended import ArmSchema, IndexHeld
from bench.measure.arms import ArmFiles, used_pages
from bench.results.recommended import MigrationText
from bench.study import Study
from bench.study.hooks import hooks_of

# After the list of columns only the condition of a partial index may come:
# https://www.sqlite.org/lang_createindex.html
_ONLY = re.compile(r"\)\s*WHERE\s+(?P<only>.+?);?\s*$", re.IGNORECASE | re.DOTALL)


def indexes_of(connection: apsw.Connection) -> tuple[IndexHeld, ...]:
    """The indexes that a CREATE INDEX made, in the order in which the schema has them."""
    return tuple(
        IndexHeld(index.name, index.table, index.columns, index.sql, _condition(index.sql))
        for index in index_hiding.indexes(connection)
    )


def _condition(sql: str) -> str | None:
    found = _ONLY.search(sql)
    return None if found is None else " ".join(found["only"].split())


def schema_of(connection: apsw.Connection) -> ArmSchema:
    """What the file holds right now."""
    count = "SELECT count(*) FROM sqlite_schema WHERE type = 'index'"
    return ArmSchema(
        indexes=indexes_of(connection),
        all_indexes=int(str(connection.execute(count).fetchall()[0][0])),
        used_bytes=used_pages(connection) * int(connection.pragma("page_size")),
    )


def schemas_of(files: ArmFiles, arms: Sequence[str]) -> dict[str, ArmSchema]:
    """The schemas of these arms, by arm; nothing is changed but their statistics, by `switch`."""
    found = {}
    for arm in arms:
        connection = files.open(arm)
        try:
            found[arm] = schema_of(connection)
        finally:
            connection.close()
    return found


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
