"""The log and the server's state over HTTP. No SQL may enter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response

from reference_app.accounts.doors import Doors
from reference_app.admin.models import Health, Logs, Ready
from reference_app.admin.store import AdminStore
from reference_app.answers import answer, documented, unusable
from reference_app.clock import Clock, text_of

Hours = Annotated[int | None, Query(ge=1, le=168, examples=[1])]
Level = Annotated[Literal["error"] | None, Query(examples=["error"])]


def admin_router(store: AdminStore, doors: Doors) -> APIRouter:
    """The routes of the log, for staff."""
    routes = APIRouter()

    @routes.get("/logs", response_model=Logs, responses=documented())
    async def logs(level: Level = None, hours: Hours = None) -> Response:
        """Log rows, newest 100; or the errors of the last hours."""
        if level is not None:
            return answer({"items": await store.errors(hours or 1)})
        if hours is not None:
            raise unusable("Log rows of some hours are listed for errors only; add `level=error`.")
        return answer({"items": await store.recent_logs()})

    return routes


def state_router(migrations: Sequence[str], tables: Collection[str], clock: Clock) -> APIRouter:
    """/health and /ready; what the database has is given, not looked up again."""
    routes = APIRouter(tags=["state"])
    has = {"ledger": "stock_moves" in tables, "rollup": "analytics_daily" in tables}

    @routes.get("/health", response_model=Health)
    async def health() -> Response:
        """The process is alive."""
        return answer({"status": "ok"})

    @routes.get("/ready", response_model=Ready)
    async def ready() -> Response:
        """What the database has: its migrations, whether it has a ledger and a rollup."""
        return answer(
            {
                "status": "ready",
                "migrations": migrations,
                **has,
                "now": text_of(clock.now()),
            }
        )

    return routes
