"""What /ready says beside that the database answers. No SQL and no HTTP may enter."""

from __future__ import annotations

from typing import Any

from reference_app import migrate
from reference_app.clock import Clock, text_of
from reference_app.jobs import Jobs
from reference_app.pool import PooledDatabase


class ServerState:
    """What the database has, decided once from its migrations, and how the jobs are."""

    def __init__(self, database: PooledDatabase, jobs: Jobs, clock: Clock) -> None:
        applied = database.migrations
        self._has = {
            "migrations": list(applied),
            "pending": [one.name for one in migrate.available() if one.name not in applied],
            "ledger": "stock_moves" in database.tables,
            "rollup": "analytics_daily" in database.tables,
        }
        self._jobs = jobs
        self._clock = clock

    def now(self) -> dict[str, Any]:
        """The state of this moment."""
        return {
            **self._has,
            "jobs": {"running": self._jobs.running, "failing": self._jobs.failing},
            "now": text_of(self._clock.now()),
        }
