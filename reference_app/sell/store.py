"""What is read of submissions. No SQL (it has names) and no HTTP may enter."""

from __future__ import annotations

from reference_app.pool import Database, Row


class SellStore:
    """Submissions, from the port that it is given."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def requests(self, status: str | None) -> list[Row]:
        """Submissions, newest 50, of one status or of all."""
        if status is None:
            return await self._database.read("sell_requests_recent", {})
        return await self._database.read("sell_requests_by_status", {"status": status})

    async def summary(self) -> list[Row]:
        """Submissions and items by status."""
        return await self._database.read("sell_requests_summary", {})

    async def submission(self, batch_id: str) -> Row | None:
        """One submission and its items, None if there is none."""
        found, items = await self._database.read_together(
            ("submission_by_batch_id", "sell_items_for_submission"), {"batch_id": batch_id}
        )
        return {**found[0], "items": items} if found else None
