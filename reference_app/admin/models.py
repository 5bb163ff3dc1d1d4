"""Models of the logs and of the server's state."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from reference_app.answers import shown
from reference_app.vocabulary import LogLevel

_ROW = {
    "id": 12,
    "level": "error",
    "category": "checkout",
    "message": "Payment provider answered late",
    "details": '{"attempt":2}',
    "user_id": 9,
    "ip_address": "203.0.113.7",
    "created_at": "2025-10-04 12:00:00",
}
_ACTION = {
    "id": 3,
    "admin_id": 1,
    "admin_email": "staff@example.ie",
    "action": "sell_review",
    "entity_type": "sell_submission",
    "entity_id": 81,
    "details": None,
    "ip_address": "203.0.113.7",
    "created_at": "2025-10-04 12:00:00",
}
_COUNTED = {
    "endpoint": "GET /products?category=&size=",
    "requests": 120,
    "statements": 120,
    "vm_steps": 98_400,
    "fullscan_steps": 0,
    "sorts": 120,
    "autoindexes": 0,
}
_SALES = {"orders": 14, "revenue_cents": 182_400}
_PENDING = {"status": "pending", "count": 5}
_JOBS = {"running": True, "failing": []}


class LogRow(BaseModel):
    """One row of the system log; details is JSON text."""

    model_config = shown(_ROW)

    id: int
    level: LogLevel
    category: str
    message: str
    details: str | None
    user_id: int | None
    ip_address: str | None
    created_at: str


class Logs(BaseModel):
    """Log rows, newest first; `next` is the cursor of the next page, null on the last."""

    model_config = shown({"items": [_ROW], "next": None})

    items: list[LogRow]
    next: str | None


class Action(BaseModel):
    """What one of the staff did; details is JSON text."""

    model_config = shown(_ACTION)

    id: int
    admin_id: int
    admin_email: str
    action: str
    entity_type: str
    entity_id: int | None
    details: str | None
    ip_address: str | None
    created_at: str


class Activity(BaseModel):
    """Actions of staff, newest first; `next` is the cursor of the next page, null on the last."""

    model_config = shown({"items": [_ACTION], "next": None})

    items: list[Action]
    next: str | None


class Sales(BaseModel):
    """Orders of a span, and what they brought in; cancelled and returned ones left out."""

    model_config = shown(_SALES)

    orders: int
    revenue_cents: int


class StatusCount(BaseModel):
    """A status and the number of its rows."""

    model_config = shown(_PENDING)

    status: str
    count: int


class State(BaseModel):
    """The shop at one moment; the last 7 days are 7 times 24 hours."""

    model_config = shown(
        {
            "now": "2025-10-04 23:59:59",
            "today": _SALES,
            "last_7_days": _SALES,
            "open_orders": [_PENDING],
            "open_sell_requests": [_PENDING],
            "products": [{"status": "available", "count": 61_000}],
            "active_reservations": 40,
            "open_offers": 12,
            "newest_errors": [_ROW],
        }
    )

    now: str
    today: Sales
    last_7_days: Sales
    open_orders: list[StatusCount]
    open_sell_requests: list[StatusCount]
    products: list[StatusCount]
    active_reservations: int
    open_offers: int
    newest_errors: list[LogRow]


class CountedEndpoint(BaseModel):
    """The work of SQLite for one endpoint: sums over its requests.

    The endpoint is the method, the route, and the names of the query's parameters; `job` is the
    work of the shop's jobs, `other` that of unknown routes.
    """

    model_config = shown(_COUNTED)

    endpoint: str
    requests: int
    statements: int
    vm_steps: int
    fullscan_steps: int
    sorts: int
    autoindexes: int


class CountedEndpoints(BaseModel):
    """The endpoints requested since counting began, by name."""

    model_config = shown({"endpoints": [_COUNTED]})

    endpoints: list[CountedEndpoint]


class Health(BaseModel):
    """The process is alive."""

    model_config = shown({"status": "ok"})

    status: Literal["ok"]


class JobsState(BaseModel):
    """Whether the shop's jobs run, and those whose last run failed."""

    model_config = shown(_JOBS)

    running: bool
    failing: list[str]


class Ready(BaseModel):
    """The database can be read and its write lock taken now.

    `migrations` are those of the database, `pending` those that it lacks.
    """

    model_config = shown(
        {
            "status": "ready",
            "migrations": ["0001_baseline"],
            "pending": ["0002_safe_migration"],
            "ledger": False,
            "rollup": False,
            "jobs": _JOBS,
            "now": "2025-10-04 23:59:59",
        }
    )

    status: Literal["ready"]
    migrations: list[str]
    pending: list[str]
    ledger: bool
    rollup: bool
    jobs: JobsState
    now: str


_SEEDED = {"scale": 0.01, "seed": 20251005, "now": "2025-10-04 23:59:59"}


class Seeded(BaseModel):
    """Scale and seed of `resale-bench seed`; `now` is the time of the newest event."""

    model_config = shown(_SEEDED)

    scale: float
    seed: int
    now: str


class About(BaseModel):
    """Which shop is served; `seeded` is null without a manifest next to the database.

    `arm` is `before` without the migration 0002_safe_migration, `recommended` with all of them,
    and `after` in between. `now` is the time of the shop's clock, in UTC.
    """

    model_config = shown(
        {
            "shop": "resale-bench",
            "seeded": _SEEDED,
            "arm": "before",
            "migrations": ["0001_baseline"],
            "pending": ["0002_safe_migration"],
            "ledger": False,
            "rollup": False,
            "now": "2025-10-04 23:59:59",
        }
    )

    shop: Literal["resale-bench"]
    seeded: Seeded | None
    arm: Literal["before", "after", "recommended"]
    migrations: list[str]
    pending: list[str]
    ledger: bool
    rollup: bool
    now: str
