"""Read, correct and audit the stock ledger."""

from __future__ import annotations

from reference_app.accounts.authorization import Caller
from reference_app.activity_log import record_action
from reference_app.clock import Clock, text_of
from reference_app.errors import Conflict, NotFound
from reference_app.pool import Database, Row
from reference_app.port import Transaction
from reference_app.queries import RequirementFailed
from reference_app.stock import ledger

MISMATCHES_SHOWN = 100


class StockStore:
    """The stock ledger."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def of_product(self, product_id: int) -> list[Row]:
        """The moves of one product, newest first."""
        return await self._database.read("stock_history", {"product_id": product_id})

    async def of_order(self, order_number: str) -> list[Row]:
        """The moves of one order."""
        return await self._database.read("stock_of_order", {"order_number": order_number})

    async def adjust(self, caller: Caller, product_id: int, quantity_change: int, note: str) -> Row:
        """Correct the stock of a product, for staff; the new stock.

        Raises:
            NotFound: there is no such product.
            Conflict: there are fewer pieces than are to be taken.
        """
        now = text_of(self._clock.now())

        def work(tx: Transaction) -> Row:
            rows = tx.read("product_stock", {"product_id": product_id})
            if not rows:
                raise NotFound(f"There is no product {product_id}; take an id from GET /products.")
            try:
                ledger.move(tx, {product_id: quantity_change}, "adjustment", now)
            except RequirementFailed as error:
                raise Conflict(
                    f"Only {rows[0]['quantity_available']} of product {product_id} is there; "
                    "take no more than that."
                ) from error
            details = {"quantity_change": quantity_change, "note": note}
            record_action(tx, caller, "adjust_stock", ("product", product_id), now, details)
            [stock] = tx.read("product_stock", {"product_id": product_id})
            return {**stock, "quantity_change": quantity_change}

        return await self._database.transact(work)

    async def audit(self) -> Row:
        """Whether the stock of every product is the sum of its ledger."""
        if not self._database.can("stock_mismatches"):
            [counted] = await self._database.read("product_count", {})
            return {"ledger": False, **counted, "moves": 0, "mismatches": [], "ok": None}
        [counted], mismatches = await self._database.read_together(
            ("stock_counts", "stock_mismatches"), {"limit": MISMATCHES_SHOWN}
        )
        return {"ledger": True, **counted, "mismatches": mismatches, "ok": not mismatches}
