"""What must be true of a database after its server was killed: looked at in the file itself.

No HTTP. Everything is asked of what was written since the load began.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from reference_app.database import connect, tables, transaction

EVENTS_A_BATCH = 10
PRODUCTS = 16
_PLENTY = 1_000_000


class NotUsable(Exception):
    """The database has faults before anything was killed; the text says which."""


@dataclass(slots=True)
class Acknowledged:
    """What clients were told is done: orders by key, with their number and items; sessions."""

    orders: dict[str, tuple[str, int]] = field(default_factory=dict)
    batches: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Context:
    """Where the load stands: its products, and the last rows that were there before it."""

    products: tuple[int, ...]
    last_order: int
    last_event: int
    ledger: bool


def prepare(database: Path) -> Context:
    """Stock products of which nobody can buy the last one, through the ledger if there is one.

    Raises:
        NotUsable: the database has faults already.
    """
    connection = connect(database)
    try:
        ledger = "stock_moves" in tables(connection)
        with transaction(connection):
            products = tuple(_stock(connection, number, ledger) for number in range(PRODUCTS))
        ground = Context(
            products,
            _number(connection, "SELECT coalesce(max(id), 0) FROM orders"),
            _number(connection, "SELECT coalesce(max(id), 0) FROM analytics_events"),
            ledger,
        )
        already = _faults(connection, ground, Acknowledged())
        if already:
            raise NotUsable(f"Before anything was killed: {already[0]}; seed the database anew.")
        return ground
    finally:
        connection.close()


def _stock(connection: apsw.Connection, number: int, ledger: bool) -> int:
    connection.execute(
        "INSERT INTO products (sku, name, category, brand, size, condition, price_cents,"
        " quantity_available) VALUES (?, 'Kill test', 'BN-SHOES', 'Probe', 'UK 9', 'new', 100, ?)",
        (f"KILL-{number}", _PLENTY),
    )
    product_id = connection.last_insert_rowid()
    if ledger:
        connection.execute(
            "INSERT INTO stock_moves (product_id, quantity_change, reason) VALUES (?, ?, 'intake')",
            (product_id, _PLENTY),
        )
    return product_id


def faults(database: Path, ground: Context, told: Acknowledged) -> list[str]:
    """Everything that is wrong with the file of a killed server; opening it recovers the log."""
    connection = connect(database)
    try:
        return _faults(connection, ground, told)
    finally:
        connection.close()


def _faults(connection: apsw.Connection, ground: Context, told: Acknowledged) -> list[str]:
    found = [
        f"integrity_check: {line}"
        for (line,) in connection.execute("PRAGMA integrity_check")
        if line != "ok"
    ]
    found += [
        f"foreign_key_check: {row[0]} row {row[1]} points to nothing in {row[2]}"
        for row in connection.execute("PRAGMA foreign_key_check")
    ]
    found += _of_orders(connection, ground, told.orders)
    found += _of_events(connection, ground, told.batches)
    if ground.ledger:
        found += [
            f"product {row[0]} has a stock of {row[1]}, its ledger adds up to {row[2]}"
            for row in connection.execute(_UNEQUAL)
        ]
    return found


_UNEQUAL = """
SELECT p.id, p.quantity_available, coalesce(m.total, 0) FROM products AS p
LEFT JOIN (SELECT product_id, sum(quantity_change) AS total FROM stock_moves GROUP BY product_id)
  AS m ON m.product_id = p.id
WHERE p.quantity_available <> coalesce(m.total, 0) OR p.quantity_available < 0
"""
_ORDERS = """
SELECT o.order_number, o.customer_email, count(i.id) FROM orders AS o
LEFT JOIN order_items AS i ON i.order_id = o.id WHERE o.id > ? GROUP BY o.id
"""
_EVENTS = "SELECT session_id, count(*) FROM analytics_events WHERE id > ? GROUP BY session_id"


def _of_orders(
    connection: apsw.Connection, ground: Context, told: Mapping[str, tuple[str, int]]
) -> list[str]:
    items: dict[str, int] = {}
    by_key: dict[str, str] = {}
    found = []
    for number, email, count in connection.execute(_ORDERS, (ground.last_order,)):
        items[number] = count
        key = str(email).partition("@")[0]
        if key in by_key:
            found.append(f"the key {key} made two orders, {by_key[key]} and {number}")
        by_key[key] = number
        if not count:
            found.append(f"the order {number} has no items")
    for number, count in told.values():
        if number not in items:
            found.append(f"the acknowledged order {number} is lost")
        elif items[number] != count:
            found.append(f"the acknowledged order {number} has {items[number]} of {count} items")
    return found


def _of_events(connection: apsw.Connection, ground: Context, told: list[str]) -> list[str]:
    rows = connection.execute(_EVENTS, (ground.last_event,))
    kept = {str(session): count for session, count in rows}
    found = [f"the acknowledged batch of events {one} is lost" for one in told if one not in kept]
    return found + [
        f"the batch of events {session} has {count} of {EVENTS_A_BATCH} events"
        for session, count in kept.items()
        if count != EVENTS_A_BATCH
    ]


def _number(connection: apsw.Connection, sql: str) -> int:
    value: Any = connection.execute(sql).fetchone()
    return int(value[0])
