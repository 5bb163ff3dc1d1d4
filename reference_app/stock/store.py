"""What is read of the stock ledger. No SQL (it has names) and no HTTP may enter."""

from __future__ import annotations

from reference_app.pool import Database, Row


class StockStore:
    """The ledger, from the port that it is given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of_product(self, product_id: int) -> list[Row]:
        """The moves of one product, newest first."""
        return await self._database.read("stock_history", {"product_id": product_id})

    async def of_order(self, order_number: str) -> list[Row]:
        """The moves of one order."""
        return await self._database.read("stock_of_order", {"order_number": order_number})
