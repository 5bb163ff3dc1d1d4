"""What staff read of the system's log. No SQL (it has names) and no HTTP may enter."""

from __future__ import annotations

from reference_app.clock import Clock, hours_before
from reference_app.pool import Database, Row


class AdminStore:
    """The log, from the port that it is given."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def recent_logs(self) -> list[Row]:
        """Log rows, newest 100."""
        return await self._database.read("logs_recent", {})

    async def errors(self, hours: int) -> list[Row]:
        """Errors of the last hours, newest 200."""
        since = hours_before(self._clock.now(), hours)
        return await self._database.read("logs_errors_since", {"since": since})
