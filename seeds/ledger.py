"""Fill the two tables that the migration adds, the stock ledger and the daily rollup.

The ledger follows from products, orders and reservations; the rollup from the daily counts that
the seeding wrote next to the database.
"""

from __future__ import annotations

from pathlib import Path

import apsw
import pyarrow.parquet as pq

from reference_app.database import transaction
from seeds.checks import SeedError
from seeds.manifest import manifest_path, rollup_path

# Reserved pieces that were neither sold nor are still reserved came back after 24 hours.
# A completed reservation has no row of its own: the sale has one.
# The intake of a product is its stock and everything that went.
_LEDGER = """
WITH moves (product_id, order_id, quantity_change, reason, created_at) AS (
    SELECT i.product_id, o.id, -i.quantity, 'sale', o.created_at
    FROM order_items i JOIN orders o ON o.id = i.order_id
    UNION ALL
    SELECT i.product_id, o.id, i.quantity, 'return', o.updated_at
    FROM order_items i JOIN orders o ON o.id = i.order_id
    WHERE o.status IN ('cancelled', 'returned')
    UNION ALL
    SELECT product_id, NULL, -quantity, 'reservation', created_at
    FROM product_reservations WHERE status <> 'completed'
    UNION ALL
    SELECT product_id, NULL, quantity, 'reservation_expired', expires_at
    FROM product_reservations WHERE status IN ('expired', 'cancelled')
), net (product_id, quantity) AS (
    SELECT product_id, sum(quantity_change) FROM moves GROUP BY product_id
)
INSERT INTO stock_moves
    (product_id, order_id, submission_id, quantity_change, reason, created_at)
SELECT product_id, order_id, submission_id, quantity_change, reason, created_at FROM (
    SELECT p.id AS product_id, NULL AS order_id, s.submission_id,
           p.quantity_available - coalesce(n.quantity, 0) AS quantity_change,
           'intake' AS reason, p.created_at
    FROM products p
    LEFT JOIN net n ON n.product_id = p.id
    LEFT JOIN sell_items s ON s.product_id = p.id
    UNION ALL
    SELECT product_id, order_id, NULL, quantity_change, reason, created_at FROM moves
)
ORDER BY created_at, reason <> 'intake', product_id, order_id, quantity_change
"""


class NotMigrated(SeedError):
    """The database lacks the tables to fill."""


class RollupMissing(SeedError):
    """The daily counts next to the database are missing."""


def can_fill(db: Path) -> bool:
    """Whether the manifest and the daily counts of a database are there."""
    return manifest_path(db).is_file() and rollup_path(db).is_file()


def fill_after_tables(connection: apsw.Connection, source: Path | None = None) -> None:
    """Fill stock_moves and analytics_daily of a freshly migrated database, in one transaction.

    ``source`` is the seeded file whose rollup is read, if the connection's file is a copy of it.
    The tables are emptied first, so that the call can be repeated.
    Raises NotMigrated and RollupMissing.
    """
    row = connection.execute(
        "SELECT count(*) FROM sqlite_master WHERE name IN ('stock_moves', 'analytics_daily')"
    ).fetchone()
    if row is None or row[0] != 2:
        raise NotMigrated("stock_moves and analytics_daily are not there: migrate first.")
    daily = _daily_rows(source or Path(connection.filename))
    with transaction(connection):
        connection.execute("DELETE FROM stock_moves")
        connection.execute("DELETE FROM analytics_daily")
        connection.execute(_LEDGER)
        connection.executemany(
            "INSERT INTO analytics_daily (date, event_type, events, sessions, users, revenue_cents)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            daily,
        )


def _daily_rows(db: Path) -> list[tuple[str | int, ...]]:
    path = rollup_path(db)
    if not path.is_file():
        raise RollupMissing(f"{path} is missing: seed the database again, or put the file back.")
    columns = pq.read_table(path).to_pydict()
    return list(zip(*columns.values(), strict=True))
