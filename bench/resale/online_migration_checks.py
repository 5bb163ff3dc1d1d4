"""What has to hold of a database after a migration beside an open shop, and whether it does.

It reads one database that nobody serves any more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bench.engines.base import Connection
from bench.engines.sqlite.connection import tables
from bench.study import Study
from reference_app.database import connect
from reference_app.stock.audit import RULES, audit

RULES_HERE = tuple(name for name in RULES if name not in ("damage", "stock_mismatches"))
"""The shop's rules without two: reading the whole file takes longer than the migration, and a
ledger that a migration has just made is empty until an opening balance is written."""

WRITTEN: Mapping[str, str] = MappingProxyType(
    {
        "track_events": "analytics_events",
        "checkout": "orders",
        "submit_sell_request": "sell_submissions",
        "reserve": "product_reservations",
    }
)
"""Writes that add rows to a table to which nothing else adds any, by operation."""

_VERIFIED: Mapping[str, str] = MappingProxyType(
    {
        "indexes": "SELECT count(*) FROM sqlite_master WHERE type = 'index'",
        "new_tables": "SELECT count(*) FROM sqlite_master WHERE type = 'table'"
        " AND name IN ('stock_moves', 'analytics_daily')",
        "foreign_keys": "PRAGMA foreign_keys",
    }
)


@dataclass(frozen=True, slots=True)
class Told:
    """How many rows the answers of an operation speak of.

    `acknowledged` rows have to be there; `open` ones may be: nobody was told how they ended.
    """

    acknowledged: int
    open: int


@dataclass(frozen=True, slots=True)
class Checked:
    """What was checked, in words, and what did not hold, in sentences."""

    checked: tuple[str, ...]
    violations: tuple[str, ...]


def greatest_ids(path: Path) -> dict[str, int]:
    """The greatest id of each table that WRITTEN names; 0 of an empty one."""
    connection = connect(path, query_only=True)
    try:
        return {table: greatest_id(connection, table) for table in WRITTEN.values()}
    finally:
        connection.close()


def check(
    path: Path,
    study: Study,
    made: Sequence[str],
    before: Mapping[str, int],
    told: Mapping[str, Told],
) -> Checked:
    """Check a migrated database: the shop's rules, the report's own facts, indexes and writes.

    `made` are the names of the migration's tables and indexes, `before` what `greatest_ids`
    gave before the server was started, `told` what the answers said, by operation.

    Raises:
        DatabaseError: the file cannot be read.
    """
    findings = audit(path, rules=RULES_HERE, without_ledger=True).findings
    violations = [
        f"Not so: {finding.rule}; for example {dict(finding.broken_by[0])}."
        for finding in findings
        if finding.broken_by
    ]
    connection = connect(path, query_only=True)
    try:
        violations += _facts(connection, study)
        violations += _indexes(connection, made)
        violations += _writes(connection, before, told)
    finally:
        connection.close()
    words = (
        *(finding.rule for finding in findings),
        "the migration's tables and indexes are there, and the report's verification queries agree",
        "every new index has as many entries as its table has rows",
        "every acknowledged write is there, and no refused one",
    )
    return Checked(words, tuple(violations))


def _facts(connection: Connection, study: Study) -> list[str]:
    found = []
    for claim in study.claims:
        sql = _VERIFIED.get(claim.fact or "")
        if sql is not None and claim.expected is not None:
            value = _number(connection, sql)
            if not claim.expected[0] <= value <= claim.expected[1]:
                found.append(
                    f"{claim.fact} is {value:g} after the migration, not {claim.expected[0]:g} "
                    f"({claim.quote!r})."
                )
    return found


def _indexes(connection: Connection, made: Sequence[str]) -> list[str]:
    have = {
        str(name): str(table)
        for name, table in connection.execute(
            "SELECT name, CASE type WHEN 'index' THEN tbl_name ELSE '' END FROM sqlite_master"
        )
    }
    found = [f"{name} was made by the migration and is not there." for name in made
             if name not in have]  # fmt: skip
    rows: dict[str, int] = {}
    for name in made:
        table = have.get(name)
        if not table:
            continue
        if table not in rows:
            rows[table] = _number(connection, f'SELECT count(*) FROM "{table}" NOT INDEXED')
        # A plain count(*) is answered from the smallest index, whichever is named.
        entries = _number(connection, f'SELECT total(1) FROM "{table}" INDEXED BY "{name}"')
        if entries != rows[table]:
            found.append(f"{name} has {entries} entries and {table} {rows[table]} rows.")
    return found


def _writes(
    connection: Connection, before: Mapping[str, int], told: Mapping[str, Told]
) -> list[str]:
    found = []
    have = tables(connection)
    for operation, said in told.items():
        table = WRITTEN[operation]
        if table not in have:
            continue
        grown = greatest_id(connection, table) - before[table]
        if not said.acknowledged <= grown <= said.acknowledged + said.open:
            found.append(
                f"{table} grew by {grown} rows, but {said.acknowledged} were acknowledged to "
                f"{operation} and {said.open} more were left without an answer."
            )
    return found


def greatest_id(connection: Connection, table: str) -> int:
    """The greatest rowid of a table; 0 of an empty one."""
    return _number(connection, f'SELECT coalesce(max(rowid), 0) FROM "{table}"')


def _number(connection: Connection, sql: str) -> int:
    return int(float(str(connection.execute(sql).fetchall()[0][0])))
