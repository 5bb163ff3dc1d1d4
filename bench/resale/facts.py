"""What the report states of races, tried on the migrated database with its own statements.

Nothing is kept: every try runs in a transaction that is rolled back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.engines.base import Connection
from bench.engines.sqlite.connection import parts, rolled_back
from bench.resale import queries
from bench.study.hooks import Facts

NAMES = ("offer_answers_overwritten", "checkout_pieces_oversold")
NEW_TABLES = ("stock_moves", "analytics_daily")


def tried(
    connection: Connection, *, offer: Mapping[str, Any], purchase: Mapping[str, Any]
) -> Facts:
    """How often the report's statements overwrite an answer and sell a piece too many.

    `offer` are the parameters of an answer to an open offer, `purchase` those of a checkout.
    What cannot be tried is None.
    """
    return {
        "offer_answers_overwritten": _offer_answers_overwritten(connection, offer),
        "checkout_pieces_oversold": _pieces_oversold(connection, purchase),
    }


def _number(connection: Connection, sql: str, *values: Any) -> int:
    row: tuple[Any, ...] = connection.execute(sql, values).fetchall()[0]
    return int(row[0])


def _offer_answers_overwritten(connection: Connection, offer: Mapping[str, Any]) -> int:
    """Refuse an offer, then accept it, with the report's own UPDATE; count overwritten answers."""
    have = parts(connection)
    answers = queries.bound(("reported_refuse_offer", "reported_accept_offer"), have)
    submission = queries.bound(("submission_by_batch_id",), have)
    with rolled_back(connection):
        answers.run(connection, offer)
        rows = submission.read(connection, {"batch_id": offer["batch_id"]})
        return sum("accepted" in row for row in rows)


def _pieces_oversold(connection: Connection, purchase: Mapping[str, Any]) -> int | None:
    """Buy the last piece of a product twice with the report's checkout; count pieces too many."""
    last = connection.execute(
        "SELECT id FROM products WHERE status = 'available' AND quantity_available = 1 "
        "ORDER BY id LIMIT 1"
    ).fetchall()
    if not last:
        return None
    product_id = last[0][0]
    ordered = "SELECT coalesce(sum(quantity), 0) FROM order_items WHERE product_id = ?"
    checkout = queries.bound(("reported_checkout",), parts(connection))
    with rolled_back(connection):
        before = _number(connection, ordered, product_id)
        for buyer in ("first", "second"):
            buying = {
                **purchase,
                "product_id": product_id,
                "order_number": f"{purchase['order_number']}-{buyer}",
            }
            checkout.run(connection, buying)
        return max(0, _number(connection, ordered, product_id) - before - 1)
