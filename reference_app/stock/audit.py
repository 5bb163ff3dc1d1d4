"""Audit the invariants of a shop's database, read-only.

All rules are checked on one snapshot; a server may be running.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import apsw

from reference_app import database, queries, untouched
from reference_app.database import DatabaseError
from reference_app.port import Row
from reference_app.queries import Parameters
from reference_app.queryset import QuerySet
from reference_app.stock.constraints import broken_checks

SHOWN = 10

RULES = MappingProxyType(
    {
        "stock_mismatches": "the stock of a product is the sum of its ledger",
        "stock_below_nothing": "no stock is below nothing",
        "status_that_disagrees": "the status of a product follows its stock",
        "orders_without_items": "no order is without its items",
        "answers_that_disagree": "an offer of the shop has one answer",
        "rows_without_parents": "no row points to one that is not there",
        "damage": "the file is whole",
    }
)
"""The queries that find violations, and the rule that each breaks."""


class NoLedger(DatabaseError):
    """The database has no stock ledger."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule, and the first rows that break it."""

    name: str
    rule: str
    broken_by: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Audited:
    """The result of an audit."""

    products: int
    moves: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether every rule holds."""
        return not any(finding.broken_by for finding in self.findings)


def audit(
    path: Path,
    *,
    rules: Collection[str] = tuple(RULES),
    without_ledger: bool = False,
) -> Audited:
    """Check the named rules of a database, all by default.

    `without_ledger` allows a database without one, and skips the rules that need it.

    Raises:
        NoLedger: the database has none.
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """
    with untouched.looking(path) as connection:
        return audited(connection, path, rules, without_ledger=without_ledger)


def audited(
    connection: apsw.Connection,
    path: Path,
    rules: Collection[str] = tuple(RULES),
    *,
    without_ledger: bool = False,
) -> Audited:
    """Ask the rules of a database that is open to be read; see `audit`."""
    known = QuerySet(connection, database.parts(connection), path)
    ledger = known.can("stock_mismatches")
    if not ledger and not without_ledger:
        raise NoLedger(
            f"The database {path} has no stock ledger; bring it to the arm `after` with "
            "`resale-bench migrate` first."
        )

    def rows(name: str, params: Parameters) -> list[Row]:
        return queries.read_named(connection, known.find(name, params), params)

    # One snapshot for all rules: a server may be writing meanwhile.
    connection.execute("BEGIN")
    [counted] = rows("stock_counts" if ledger else "product_count", {})
    findings = tuple(
        Finding(name, rule, tuple(rows(name, {"limit": SHOWN})))
        for name, rule in RULES.items()
        if name in rules and known.can(name)
    )
    if "damage" in rules and connection.readonly("main"):
        findings = tuple(
            _with_checks(connection, finding) if finding.name == "damage" else finding
            for finding in findings
        )
    connection.execute("COMMIT")
    return Audited(counted["products"], counted.get("moves", 0), findings)


def _with_checks(connection: apsw.Connection, damage: Finding) -> Finding:
    rows = (*damage.broken_by, *({"id": message} for message in broken_checks(connection)))
    return Finding(damage.name, damage.rule, rows[:SHOWN])
