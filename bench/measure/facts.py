"""What the report states as fact, looked up or tried on the migrated database.

Nothing is kept: every try runs in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import apsw

from bench.measure.arms import ArmBuilt
from reference_app import queries
from reference_app.database import tables

NEW_TABLES = ("stock_moves", "analytics_daily")


def facts(
    connection: apsw.Connection,
    arm: ArmBuilt,
    *,
    offer: Mapping[str, Any],
    purchase: Mapping[str, Any],
) -> dict[str, int | float | None]:
    """Facts of the migrated database, by name, each a number.

    `offer` are the parameters of an answer to an open offer, `purchase` those
    of a checkout. A fact that cannot be established is None.
    """
    made = {cost.object for cost in arm.statements if cost.kind == "create_index"}
    new_tables = {cost.object for cost in arm.statements if cost.kind == "create_table"}
    # What a later statement of the migration has dropped again is none of its new indexes.
    table_of = {name: table for name, table in _indexes(connection) if name in made}
    return {
        "indexes": _number(connection, "SELECT count(*) FROM sqlite_master WHERE type = 'index'"),
        "new_tables": sum(name in tables(connection) for name in NEW_TABLES),
        "foreign_keys": _number(connection, "PRAGMA foreign_keys"),
        "new_indexes": len(table_of),
        "new_indexes_on_older_tables": sum(table not in new_tables for table in table_of.values()),
        "migration_seconds": arm.duration_ns / 1e9,
        "offer_answers_overwritten": _offer_answers_overwritten(connection, offer),
        "checkout_pieces_oversold": _pieces_oversold(connection, purchase),
    }


def _indexes(connection: apsw.Connection) -> list[tuple[str, str]]:
    """Every index there is, with its table."""
    return [
        (str(name), str(table))
        for name, table in connection.execute(
            "SELECT name, tbl_name FROM sqlite_master WHERE type = 'index'"
        )
    ]


def _number(connection: apsw.Connection, sql: str, *values: Any) -> int:
    row: tuple[Any, ...] = connection.execute(sql, values).fetchall()[0]
    return int(row[0])


def _offer_answers_overwritten(connection: apsw.Connection, offer: Mapping[str, Any]) -> int:
    """Refuse an offer, then accept it, with the report's own UPDATE; count overwritten answers."""
    have = tables(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        for name in ("reported_refuse_offer", "reported_accept_offer"):
            queries.write(connection, queries.load(name, have), offer)
        rows = queries.read(
            connection,
            queries.load("submission_by_batch_id", have),
            {"batch_id": offer["batch_id"]},
        )
        return sum("accepted" in row for row in rows)
    finally:
        # SQLite has already rolled back after some errors, a full disk for one.
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _pieces_oversold(connection: apsw.Connection, purchase: Mapping[str, Any]) -> int | None:
    """Buy the last piece of a product twice with the report's checkout; count pieces too many."""
    have = tables(connection)
    last = connection.execute(
        "SELECT id FROM products WHERE status = 'available' AND quantity_available = 1 "
        "ORDER BY id LIMIT 1"
    ).fetchall()
    if not last:
        return None
    product_id = last[0][0]
    ordered = "SELECT coalesce(sum(quantity), 0) FROM order_items WHERE product_id = ?"
    checkout = queries.load("reported_checkout", have)
    connection.execute("BEGIN IMMEDIATE")
    try:
        before = _number(connection, ordered, product_id)
        for buyer in ("first", "second"):
            buying = {
                **purchase,
                "product_id": product_id,
                "order_number": f"{purchase['order_number']}-{buyer}",
            }
            queries.write(connection, checkout, buying)
        return max(0, _number(connection, ordered, product_id) - before - 1)
    finally:
        # SQLite has already rolled back after some errors, a full disk for one.
        if connection.in_transaction:
            connection.execute("ROLLBACK")
