"""What must always hold of a shop's database, and whether it does after load or a migration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from bench.engines.sqlite.connection import connect
from bench.engines.sqlite.rewind import reading_with_state_before
from bench.study import Study
from bench.study.service import Finding
from reference_app.stock.audit import RULES, audit

# Reads every page of the file; and every row of it, events included, where the harness checks
# the new ones.
_TOO_DEAR = ("damage", "rows_without_parents")
# Reading the whole file takes longer than the migration, and a ledger that a migration has just
# made is empty until an opening balance is written.
_NOT_MIGRATED = ("damage", "stock_mismatches")
_SHOWN = 3

INVARIANTS: Mapping[str, str] = MappingProxyType(
    {
        **{name: rule for name, rule in RULES.items() if name not in _TOO_DEAR},
        "pieces_lost_or_made": "no piece is lost or sold twice: what is there, held and sold "
        "adds up to what there was",
    }
)
"""What `served` checks, by name. Sums of the ledger are checked where there is one; that no piece
is lost holds while nobody adjusts stock by hand, which no visitor of a load does."""

_GIVEN_BACK = "('cancelled', 'returned')"
# A reservation takes its piece out of what is available, and an order that is cancelled or
# returned puts its pieces back. Only what differs from the state before is added up.
_PIECES = f"""
WITH differs (product_id, pieces) AS (
    SELECT id, product.quantity_available - old.quantity_available
    FROM main.products AS product JOIN was.products AS old USING (id)
    WHERE product.quantity_available <> old.quantity_available
    UNION ALL
    SELECT held.product_id, held.quantity * ((held.status = 'active') - (old.status IS 'active'))
    FROM main.product_reservations AS held LEFT JOIN was.product_reservations AS old USING (id)
    WHERE (held.status = 'active') <> (old.status IS 'active')
    UNION ALL
    SELECT item.product_id, item.quantity * (
        (bought.status NOT IN {_GIVEN_BACK}) - coalesce(old.status NOT IN {_GIVEN_BACK}, 0))
    FROM main.orders AS bought LEFT JOIN was.orders AS old USING (id)
    JOIN main.order_items AS item ON item.order_id = bought.id
    WHERE bought.status IS NOT old.status
)
SELECT product_id, sum(pieces) FROM differs
WHERE product_id IN (SELECT id FROM was.products)
GROUP BY product_id HAVING sum(pieces) <> 0 ORDER BY product_id LIMIT ?
"""

_VERIFIED: Mapping[str, str] = MappingProxyType(
    {
        "indexes": "SELECT count(*) FROM sqlite_schema WHERE type = 'index'",
        "new_tables": "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
        " AND name IN ('stock_moves', 'analytics_daily')",
        "foreign_keys": "PRAGMA foreign_keys",
    }
)
"""The report's verification queries, by the fact that they look up."""


def served(path: Path, *, whole: bool) -> tuple[Finding, ...]:
    """Check INVARIANTS in the state that a file has with its log; `whole` checks all of it too.

    The state before is that of the file without its log. Neither is changed.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """
    names = (*INVARIANTS, "damage") if whole else tuple(INVARIANTS)
    broken = _broken(path, names)
    with reading_with_state_before(path) as connection:
        pieces = connection.execute(_PIECES, (_SHOWN,)).fetchall()
    broken["pieces_lost_or_made"] = tuple(
        f"product {product}: {count:+d}" for product, count in pieces
    )
    rules = {**RULES, **INVARIANTS}
    return tuple(Finding(rules[name], broken.get(name, ())) for name in names)


def migrated(path: Path, study: Study) -> tuple[Finding, ...]:
    """Check the shop's rules and the report's facts on a database that nobody serves any more.

    Raises:
        DatabaseError: the file cannot be read.
    """
    names = tuple(name for name in RULES if name not in _NOT_MIGRATED)
    broken = _broken(path, names)
    return (
        *(Finding(RULES[name], broken.get(name, ())) for name in names),
        Finding("the report's verification queries agree", tuple(_facts(path, study))),
    )


def _broken(path: Path, names: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """The first rows that break the shop's rules, by rule."""
    return {
        finding.name: tuple(
            ", ".join(f"{key} {row[key]}" for key in row) for row in finding.broken_by[:_SHOWN]
        )
        for finding in audit(path, rules=names, without_ledger=True).findings
    }


def _facts(path: Path, study: Study) -> Iterator[str]:
    connection = connect(path, query_only=True)
    try:
        for claim in study.claims:
            sql = _VERIFIED.get(claim.fact or "")
            if sql is None or claim.expected is None:
                continue
            value = int(str(connection.execute(sql).fetchall()[0][0]))
            if not claim.expected[0] <= value <= claim.expected[1]:
                yield (
                    f"{claim.fact} is {value:g} after the migration, not {claim.expected[0]:g} "
                    f"({claim.quote!r})"
                )
    finally:
        connection.close()
