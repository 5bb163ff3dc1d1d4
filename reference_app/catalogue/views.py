"""Count product views in memory and write them in batches."""

from __future__ import annotations

from collections import Counter

import orjson

from reference_app.port import Database

EVERY_S = 1.0


class ViewCounter:
    """Counts views until `flush` writes them.

    A killed server loses the views of its last second, one that shuts down loses none.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._seen: Counter[int] = Counter()

    def count(self, product_id: int) -> None:
        """Count one view."""
        self._seen[product_id] += 1

    async def flush(self) -> None:
        """Write the counts since the last flush; they stay if that fails."""
        seen, self._seen = self._seen, Counter()
        if not seen:
            return
        views = orjson.dumps({str(product_id): times for product_id, times in seen.items()})
        try:
            await self._database.write("count_views", {"views": views.decode()})
        except Exception:
            self._seen.update(seen)
            raise
