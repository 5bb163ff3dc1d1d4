"""The content of /ready and /about."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import orjson

from reference_app import migrate
from reference_app.clock import Clock, text_of
from reference_app.jobs import Jobs
from reference_app.pool import PooledDatabase

_log = logging.getLogger(__name__)


class ServerState:
    """Migrations of the database, and the state of the jobs."""

    def __init__(self, database: PooledDatabase, jobs: Jobs, clock: Clock) -> None:
        self._database = database
        self._available = [migration.name for migration in migrate.available()]
        self._seeded = _seeded(database.path)
        self._jobs = jobs
        self._clock = clock

    def now(self) -> dict[str, Any]:
        """The state of this moment."""
        return {
            **self._has(),
            "jobs": {"running": self._jobs.running, "failing": self._jobs.failing},
            "now": text_of(self._clock.now()),
        }

    def about(self) -> dict[str, Any]:
        """Which shop this is."""
        has = self._has()
        return {
            "shop": "resale-bench",
            "seeded": self._seeded,
            "arm": _arm(has["migrations"], has["pending"]),
            **has,
            "now": text_of(self._clock.now()),
        }

    def _has(self) -> dict[str, Any]:
        applied, tables = self._database.migrations, self._database.tables
        return {
            "migrations": list(applied),
            "pending": [name for name in self._available if name not in applied],
            "ledger": "stock_moves" in tables,
            "rollup": "analytics_daily" in tables,
        }


def _arm(applied: list[str], pending: list[str]) -> str:
    """The arm of the study with these migrations."""
    if "0002_safe_migration" not in applied:
        return "before"
    return "after" if pending else "recommended"


def _seeded(path: Path) -> dict[str, Any] | None:
    """Scale, seed and time from the manifest of a database; None without a readable one."""
    manifest_path = path.with_name(f"{path.name}.manifest.json")
    try:
        manifest = orjson.loads(manifest_path.read_bytes())
        return {key: manifest[key] for key in ("scale", "seed", "now")}
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        _log.warning(
            "the manifest %s cannot be read; /about says that there is none", manifest_path
        )
        return None
