"""A shop to trade in, for the tests of trade and stock: a clock to turn, and rules to hold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import httpx
from fastapi.testclient import TestClient

from reference_app import database
from reference_app.app import create_app
from reference_app.clock import TEXT
from reference_app.mail import MemoryOutbox
from reference_app.migrate import MIGRATIONS
from reference_app.settings import Settings

NOW = "2025-10-05 10:00:00"
GUEST = {"customer_name": "Gil", "customer_email": "Gil@example.ie"}

# What may never be found, whatever happened: each row is a broken rule.
RULES = {
    "stock below nothing": "SELECT id FROM products WHERE quantity_available < 0",
    "stock is not the sum of the ledger": """
        SELECT id, quantity_available FROM products AS p WHERE quantity_available <>
        (SELECT coalesce(sum(quantity_change), 0) FROM stock_moves WHERE product_id = p.id)""",
    "an order without items": """
        SELECT id FROM orders WHERE id NOT IN (SELECT order_id FROM order_items)""",
    "a total that is not that of its items": """
        SELECT id FROM orders WHERE subtotal_cents <>
        (SELECT sum(quantity * price_cents) FROM order_items WHERE order_id = orders.id)""",
    "a status that does not follow the stock": """
        SELECT id, status, quantity_available FROM products AS p WHERE status <> 'removed'
        AND status <> CASE WHEN quantity_available > 0 THEN 'available'
        WHEN EXISTS (SELECT 1 FROM product_reservations
                     WHERE product_id = p.id AND status = 'active')
        THEN 'reserved' ELSE 'sold' END""",
    "two who lead": """
        SELECT product_id FROM customer_offers WHERE status = 'open'
        GROUP BY product_id HAVING count(*) > 1""",
    "two reservations of one person": """
        SELECT product_id FROM product_reservations WHERE status = 'active'
        GROUP BY product_id, coalesce(user_id, session_id) HAVING count(*) > 1""",
    "sold pieces that no order has": """
        SELECT product_id FROM stock_moves AS m WHERE reason = 'sale' AND NOT EXISTS
        (SELECT 1 FROM order_items AS i WHERE i.order_id = m.order_id
         AND i.product_id = m.product_id AND i.quantity = -m.quantity_change)""",
}


class TurningClock:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self._now = datetime.strptime(NOW, TEXT)

    def now(self) -> datetime:
        return self._now

    def turn(self, **by: float) -> None:
        self._now += timedelta(**by)


class Market:
    """A running shop with a ledger that agrees, and doors for everybody."""

    def __init__(self, path: Path, client: TestClient, clock: TurningClock) -> None:
        self.path = path
        self.clock = clock
        self._client = client

    def ask(self, who: str | None, method: str, url: str, **more: Any) -> httpx.Response:
        """Send a request as ann, bob or staff, or as a guest."""
        headers = {} if who is None else {"Authorization": f"Bearer {who}"}
        headers |= more.pop("headers", {})
        return self._client.request(method, url, headers=headers, **more)

    def buy(
        self, who: str | None, *lines: tuple[int, int], key: str | None = None, **more: Any
    ) -> httpx.Response:
        items = [{"product_id": product, "quantity": quantity} for product, quantity in lines]
        body = {"items": items, "fulfilment": "collection", **more}
        if who is None:
            body = {**GUEST, **body}
        headers = {} if key is None else {"Idempotency-Key": key}
        return self.ask(who, "POST", "/orders", json=body, headers=headers)

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        connection = database.connect(self.path)
        try:
            return connection.execute(text, values).fetchall()
        finally:
            connection.close()

    def product(self, product_id: int) -> tuple[int, str]:
        [(quantity, status)] = self.sql(
            "SELECT quantity_available, status FROM products WHERE id = ?", product_id
        )
        return quantity, status

    def moves(self, product_id: int) -> list[tuple[int, str]]:
        """The ledger of a product after its opening balance, oldest first."""
        return self.sql(
            "SELECT quantity_change, reason FROM stock_moves"
            " WHERE product_id = ? AND reason <> 'adjustment' ORDER BY id",
            product_id,
        )

    def state(self) -> list[Any]:
        tables = (
            "products", "orders", "order_items", "idempotency_keys", "stock_moves",
            "product_reservations", "customer_offers", "notifications", "admin_activity_log",
        )  # fmt: skip
        return [self.sql(f"SELECT * FROM {table}") for table in tables]

    def run_jobs(self) -> None:
        self._client.portal.call(self._client.app.state.jobs.run_once)  # type: ignore[union-attr]


def broken_rules(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    connection = database.connect(path, query_only=True)
    try:
        found = {rule: connection.execute(sql).fetchall() for rule, sql in RULES.items()}
        found["damage"] = connection.execute("PRAGMA foreign_key_check").fetchall()
    finally:
        connection.close()
    return {rule: rows for rule, rows in found.items() if rows}


def restore(path: Path, pristine: Path) -> None:
    """Bring a shop that is being served back to the rows of another file."""
    connection = apsw.Connection(str(path))
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("ATTACH ? AS pristine", (str(pristine),))
    connection.execute("BEGIN IMMEDIATE")
    for table in database.tables(connection):
        connection.execute(f"DELETE FROM main.{table}")
        connection.execute(f"INSERT INTO main.{table} SELECT * FROM pristine.{table}")
    connection.execute("COMMIT")
    connection.close()


def open_the_books(path: Path) -> None:
    """Let the ledger agree with the stock."""
    connection = apsw.Connection(str(path))
    connection.execute(MIGRATIONS.joinpath("0004_opening_balance.sql").read_text("utf-8"))
    connection.close()


@contextmanager
def market_of(path: Path) -> Iterator[Market]:
    clock = TurningClock()
    settings = Settings(database=path, jobs=False, log_level="error", synchronous="normal")
    app = create_app(settings, clock=clock, outbox=MemoryOutbox())
    with TestClient(app, raise_server_exceptions=False) as client:
        yield Market(path, client, clock)
