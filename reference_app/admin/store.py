"""The dashboard, the actions of staff and the system log."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import apsw

from reference_app import paging
from reference_app.clock import Clock, days_before, hours_before, text_of
from reference_app.database import DatabaseError
from reference_app.disk import check_space
from reference_app.port import Database, Row

_MEASURED_PAGE, _MEASURED_ERRORS = 100, 200


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Selects rows of the log; None selects all."""

    level: str | None = None
    category: str | None = None
    user_id: int | None = None
    hours: int | None = None


@dataclass(frozen=True, slots=True)
class ActivityFilter:
    """Selects actions of staff; None selects all."""

    admin_id: int | None = None
    entity_type: str | None = None
    entity_id: int | None = None


class AdminStore:
    """Reads them, and checks that the database and its `folders` can be written."""

    def __init__(
        self, database: Database, clock: Clock, folders: Collection[Path] = frozenset()
    ) -> None:
        self._database = database
        self._clock = clock
        self._folders = folders

    async def recent_logs(self) -> Row:
        """Log rows, newest 100."""
        return _full_page(await self._database.read("logs_recent", {}), _MEASURED_PAGE)

    async def errors(self, hours: int) -> Row:
        """Errors of the last hours, newest 200."""
        since = hours_before(self._clock.now(), hours)
        rows = await self._database.read("logs_errors_since", {"since": since})
        return _full_page(rows, _MEASURED_ERRORS)

    async def logs(self, wanted: LogFilter, limit: int, after: str | None) -> Row:
        """A page of the log, newest first.

        Raises:
            NotFound: `after` is no cursor of this list.
        """
        now = self._clock.now()
        rows = await self._database.read(
            "logs_page",
            {
                "level": wanted.level,
                "category": wanted.category,
                "user_id": wanted.user_id,
                "since": None if wanted.hours is None else hours_before(now, wanted.hours),
                "limit": limit + 1,
                **_cursor_parameters(after),
            },
        )
        return paging.page(rows, limit, "created_at", "id")

    async def activity(self, wanted: ActivityFilter, limit: int, after: str | None) -> Row:
        """A page of what staff did, newest first.

        Raises:
            NotFound: `after` is no cursor of this list.
        """
        rows = await self._database.read(
            "activity_page",
            {
                "admin_id": wanted.admin_id,
                "entity_type": wanted.entity_type,
                "entity_id": wanted.entity_id,
                "limit": limit + 1,
                **_cursor_parameters(after),
            },
        )
        return paging.page(rows, limit, "created_at", "id")

    async def dashboard(self) -> Row:
        """The state of the shop, all of one moment."""
        now = self._clock.now()
        moment = {
            "now": text_of(now),
            "today": f"{now:%Y-%m-%d} 00:00:00",
            "week_ago": days_before(now, 7),
        }
        (
            [orders],
            open_orders,
            requests,
            products,
            [waiting],
            errors,
        ) = await self._database.read_together(
            (
                "state_orders",
                "state_open_orders",
                "state_sell_requests",
                "state_products",
                "state_waiting",
                "state_errors",
            ),
            moment,
        )
        return {
            "now": moment["now"],
            "today": _sales(orders, "today"),
            "last_7_days": _sales(orders, "week"),
            "open_orders": open_orders,
            "open_sell_requests": requests,
            "products": products,
            **waiting,
            "newest_errors": errors,
        }

    async def check(self) -> None:
        """Check that the database can be read and written, and that there is disk space.

        Raises:
            DatabaseError: one of the checks fails.
        """
        try:
            await self._database.read("answers_reads", {})
            await self._database.transact(lambda transaction: None)
            await asyncio.to_thread(check_space, self._folders)
        except apsw.Error as error:
            raise DatabaseError("The database does not answer; see the server's log.") from error


def _sales(orders: Row, span: str) -> Row:
    return {"orders": orders[f"{span}_orders"], "revenue_cents": orders[f"{span}_revenue_cents"]}


def _cursor_parameters(after: str | None) -> dict[str, int | str | None]:
    if after is None:
        return {"after_time": None, "after_id": None}
    time, row_id = paging.unpack(after, str, int)
    return {"after_time": time, "after_id": row_id}


def _full_page(rows: list[Row], most: int) -> Row:
    # The queries of these pages are measured and take no limit: a full page may have a next one.
    last = rows[-1] if len(rows) == most else None
    cursor = None if last is None else paging.pack(last["created_at"], last["id"])
    return {"items": rows, "next": cursor}
