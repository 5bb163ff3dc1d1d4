"""What is read of orders. No SQL (it has names) and no HTTP may enter."""

from __future__ import annotations

from reference_app.pool import Database, Row


class TradeStore:
    """Orders, from the port that it is given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def history(self, user_id: int) -> list[Row]:
        """One user's orders, newest 20."""
        return await self._database.read("order_history", {"user_id": user_id})

    async def order(self, order_number: str) -> Row | None:
        """One order and its items, None if there is none."""
        found, items = await self._database.read_together(
            ("order_by_number", "items_of_order"), {"order_number": order_number}
        )
        return {**found[0], "items": items} if found else None
