"""Counts how often products are looked at, without a write for each look."""

from __future__ import annotations

from collections import Counter

import orjson

from reference_app.port import Database

EVERY_S = 1.0


class ViewCounter:
    """Keeps counts in memory until `flush` writes them down together.

    Nobody is told that a view was counted: a server that is killed loses those of the
    last second, one that shuts down loses none.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: Counter[int] = Counter()

    def count(self, product_id: int) -> None:
        """Count one view."""
        self._seen[product_id] += 1

    async def flush(self) -> None:
        """Write down what was counted since the last time; kept for the next time if that fails."""
        seen, self._seen = self._seen, Counter()
        if not seen:
            return
        views = orjson.dumps({str(product_id): times for product_id, times in seen.items()})
        try:
            await self._database.write("count_views", {"views": views.decode()})
        except Exception:
            self._seen.update(seen)
            raise
