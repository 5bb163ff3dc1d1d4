"""Routes of the dashboard, the logs and the server's state."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from reference_app.accounts.authorization import AccessControl
from reference_app.admin.models import (
    About,
    Activity,
    CountedEndpoints,
    Health,
    Logs,
    Ready,
    State,
)
from reference_app.admin.store import ActivityFilter, AdminStore, LogFilter
from reference_app.answers import LARGEST_ID, answer, documented, not_found
from reference_app.paging import LARGEST_PAGE, After, Limit
from reference_app.statements import StatementCounts
from reference_app.vocabulary import LogLevel

Hours = Annotated[int | None, Query(ge=1, le=24 * 366, examples=[1])]
Level = Annotated[LogLevel | None, Query(examples=["error"])]
Category = Annotated[str | None, Query(min_length=1, max_length=64, examples=["http"])]
Entity = Annotated[str | None, Query(min_length=1, max_length=64, examples=["product"])]
SomeId = Annotated[int | None, Query(ge=1, le=LARGEST_ID)]


def admin_router(store: AdminStore, access: AccessControl) -> APIRouter:
    """The shop's state, the actions of staff and the log."""
    routes = APIRouter()

    @routes.get("/dashboard", response_model=State, responses=documented())
    async def dashboard() -> Response:
        """Sales, what is open, and the newest errors: all of one moment."""
        return answer(await store.dashboard())

    @routes.get("/activity", response_model=Activity, responses=documented())
    async def activity(
        admin_id: SomeId = None,
        entity_type: Entity = None,
        entity_id: SomeId = None,
        after: After = None,
        limit: Limit = 50,
    ) -> Response:
        """Actions of staff, newest first: of one of them, on one entity type, or on one entity."""
        wanted = ActivityFilter(admin_id, entity_type, entity_id)
        return answer(await store.activity(wanted, limit, after))

    @routes.get("/logs", response_model=Logs, responses=documented())
    async def logs(
        level: Level = None,
        category: Category = None,
        user_id: SomeId = None,
        hours: Hours = None,
        after: After = None,
        limit: Limit = LARGEST_PAGE,
    ) -> Response:
        """Log rows, newest first, of a level, a category, an account, or the last hours.

        The errors of the last hours come 200 at a time.
        """
        wanted = LogFilter(level, category, user_id, hours)
        # These two are the operations logs_recent and logs_errors_since, as they are measured.
        if after is None and limit == LARGEST_PAGE:
            if wanted == LogFilter():
                return answer(await store.recent_logs())
            if hours is not None and wanted == LogFilter(level="error", hours=hours):
                return answer(await store.errors(hours))
        return answer(await store.logs(wanted, limit, after))

    return routes


def statements_router(counts: StatementCounts | None) -> APIRouter:
    """The work of SQLite for each endpoint; `counts` is None where it is not counted."""
    routes = APIRouter()

    def counted() -> StatementCounts:
        if counts is None:
            raise not_found(
                "Nobody counts statements here; start the server with RESALE_COUNTERS=true."
            )
        return counts

    @routes.get(
        "/statements", response_model=CountedEndpoints, responses=documented(HTTPStatus.NOT_FOUND)
    )
    async def statements() -> Response:
        """The work of SQLite for each endpoint since the server started or the counts were reset.

        VM steps, full-scan steps, sorts and automatic indexes, as `sqlite3_stmt_status` counts
        them. This route is not counted. 404 unless the server was started with
        RESALE_COUNTERS=true.
        """
        return answer({"endpoints": counted().totals()})

    @routes.delete(
        "/statements",
        status_code=int(HTTPStatus.NO_CONTENT),
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def forget_statements() -> Response:
        """Reset the counts."""
        counted().forget()
        return Response(status_code=int(HTTPStatus.NO_CONTENT))

    return routes


def state_router(
    store: AdminStore, state: Callable[[], dict[str, Any]], about: Callable[[], dict[str, Any]]
) -> APIRouter:
    """/health, /ready with what `state` returns, and /about with what `about` returns."""
    routes = APIRouter(tags=["state"])

    @routes.get("/health", response_model=Health)
    async def health() -> Response:
        """The process is alive."""
        return answer({"status": "ok"})

    @routes.get("/ready", response_model=Ready)
    async def ready() -> Response:
        """Whether the shop can read and write now (503 if not), and its migrations and jobs."""
        await store.check()
        return answer({"status": "ready", **state()})

    @routes.get("/about", response_model=About)
    async def which_shop() -> Response:
        """Which shop this is, and how its database was seeded."""
        return answer(about())

    return routes
