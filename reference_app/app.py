"""Build the FastAPI application of a shop from its settings."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI

from reference_app import answers, documentation, logs
from reference_app.accounts import routes as accounts_routes
from reference_app.accounts.authorization import AccessControl
from reference_app.accounts.passwords import Passwords
from reference_app.accounts.rate_limits import RateLimits
from reference_app.accounts.services import account_services
from reference_app.admin import routes as admin_routes
from reference_app.admin.error_log import ErrorLog
from reference_app.admin.state import ServerState
from reference_app.admin.store import AdminStore
from reference_app.admin.system_log import SystemLog
from reference_app.allowances import EventAllowance, FaultAllowance, Holdings, SubmissionAllowance
from reference_app.analytics import routes as analytics_routes
from reference_app.analytics.maintenance import AnalyticsMaintenance
from reference_app.analytics.store import AnalyticsStore
from reference_app.catalogue import routes as catalogue_routes
from reference_app.catalogue.maintenance import CatalogueMaintenance
from reference_app.catalogue.store import CatalogueStore
from reference_app.catalogue.views import EVERY_S, ViewCounter
from reference_app.clock import Clock, KeptClock
from reference_app.database import DatabaseError
from reference_app.jobs import Job, Jobs
from reference_app.limits import BodyLimit, PrivateAnswers
from reference_app.mail import OutboxPort
from reference_app.outbox import Outbox
from reference_app.pool import PooledDatabase
from reference_app.sell import routes as sell_routes
from reference_app.sell.store import SellStore
from reference_app.settings import Settings
from reference_app.statements import CountedRequests, StatementCounts
from reference_app.stock import routes as stock_routes
from reference_app.stock.store import StockStore
from reference_app.trade import routes as trade_routes
from reference_app.trade.store import TradeStore

_DESCRIPTION = """
A streetwear and sneaker resale shop over one SQLite file: the system under test of resale-bench.

* Money is integer cents; times are UTC text, `YYYY-MM-DD HH:MM:SS`.
* "Now" counts on from the newest event of the database, so that "the last 7 days" holds the
  same rows next year.
* Log in with `POST /auth/login` and send the token as `Authorization: Bearer TOKEN`. What
  begins with `/admin` is for accounts with the role admin.
* Errors are problem details (RFC 9457), `application/problem+json`.
"""


def create_app(
    settings: Settings, *, clock: Clock | None = None, outbox: OutboxPort | None = None
) -> FastAPI:
    """The application of one database; it closes its connections when it shuts down.

    `outbox` takes the letters to customers; by default a file next to the database.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """
    shop = _Shop(settings, clock, outbox)
    app = FastAPI(
        title="Resale shop",
        version="0.1.0",
        description=_DESCRIPTION,
        lifespan=shop.lifespan,
        # A redirect would lead to whatever the request names as Host.
        redirect_slashes=False,
        # They would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    documentation.install(app)
    app.state.database = shop.database
    app.state.jobs = shop.jobs
    _add_middleware(app, shop)
    # The routes of the shop come before those of the documentation: they are tried in order.
    documentation_routes = app.router.routes[:]
    app.router.routes.clear()
    for router in shop.public_routers():
        # Moved, not included: an included router is built a second time and searched twice for
        # each request.
        app.router.routes.extend(router.routes)
    # One dependency guards every route for staff.
    staff = APIRouter()
    for router in shop.staff_routers():
        staff.routes.extend(router.routes)
    app.include_router(
        staff,
        prefix="/admin",
        tags=["admin"],
        dependencies=[Depends(shop.access.admin)],
        responses=answers.documented(*answers.STAFF_ONLY),
    )
    app.router.routes.extend(documentation_routes)
    answers.describe(app)
    return app


class _Shop:
    """The database, the stores and the jobs of one application."""

    def __init__(self, settings: Settings, clock: Clock | None, outbox: OutboxPort | None) -> None:
        self.settings = settings
        self.counts = StatementCounts() if settings.counters else None
        self.outbox = Outbox(settings.outbox_path) if outbox is None else outbox
        self.database = _open_database(settings, self.counts, self.outbox)
        try:
            self.outbox.open()
            self.clock: Clock = (
                KeptClock(self.database.newest_event(), self.outbox) if clock is None else clock
            )
        except DatabaseError:
            self.database.close()
            raise
        self.access = AccessControl(self.database, self.clock)
        self.passwords = Passwords()
        rate_limits = RateLimits(
            settings.tries_by_address,
            settings.tries_by_account,
            letters_by_address=settings.letters_by_address,
            letters_by_account=settings.letters_by_account,
        )
        self.accounts = account_services(self.database, self.clock, self.passwords, rate_limits)
        self.views = ViewCounter(self.database)
        holdings = Holdings(settings.reservations_by_address, settings.reservations_by_holder)
        self.trade = TradeStore(self.database, self.clock, holdings)
        self.sell = SellStore(self.database, self.clock, answers=settings.sell_answers)
        self.analytics = AnalyticsStore(self.database, self.clock)
        folders = {path.absolute().parent for path in (settings.database, settings.outbox_path)}
        self.admin = AdminStore(self.database, self.clock, folders)
        self.system_log = SystemLog(self.database, self.clock)
        self.error_log = ErrorLog(self.system_log)
        self.settle_letters = Job("settle-letters", 5, self._settle_letters)
        self.jobs = Jobs(
            [
                self.settle_letters,
                Job("count-views", EVERY_S, self.views.flush),
                Job("end-lapsed-reservations", 30, self.trade.end_lapsed_reservations),
                Job("remove-ended-sessions", 3600, self.accounts.accounts.remove_ended_sessions),
                *AnalyticsMaintenance(self.database, self.clock, settings.retention_days).jobs(),
            ],
            self.error_log.of_job,
        )

    @asynccontextmanager
    async def lifespan(self, app: FastAPI) -> AsyncIterator[None]:
        """Start the jobs and the clock; at the end, write what is in memory and close."""
        _finish_routes(app)
        # The last server may have been killed before it decided on its letters.
        await self.jobs.run_job(self.settle_letters)
        if isinstance(self.clock, KeptClock):
            self.clock.start()
        if self.settings.jobs:
            self.jobs.start()
        yield
        await self.jobs.stop()
        try:
            await self.views.flush()
            await self.system_log.close()
        finally:
            self.database.close()
            if isinstance(self.clock, KeptClock):
                self.clock.close()
            self.outbox.close()
            self.passwords.close()

    def public_routers(self) -> list[APIRouter]:
        """The routes for customers and guests, and those of the server's state."""
        state = ServerState(self.database, self.jobs, self.clock)
        submissions = SubmissionAllowance(self.settings)
        return [
            catalogue_routes.router(CatalogueStore(self.database, self.views)),
            trade_routes.router(self.trade, self.access),
            sell_routes.router(self.sell, self.access, submissions),
            accounts_routes.router(self.accounts, self.access),
            analytics_routes.router(self.analytics, EventAllowance(self.settings)),
            admin_routes.state_router(self.admin, state.now, state.about),
        ]

    def staff_routers(self) -> list[APIRouter]:
        """The routes for staff, under /admin."""
        maintenance = CatalogueMaintenance(self.database, self.clock)
        stock = StockStore(self.database, self.clock)
        return [
            catalogue_routes.admin_router(maintenance, self.access),
            trade_routes.admin_router(self.trade, self.access),
            sell_routes.admin_router(self.sell, self.access),
            accounts_routes.admin_router(self.accounts, self.access),
            stock_routes.admin_router(stock, self.access),
            analytics_routes.admin_router(self.analytics, self.access),
            admin_routes.admin_router(self.admin, self.access),
            admin_routes.statements_router(self.counts),
        ]

    async def _settle_letters(self) -> None:
        """Deliver or drop letters that were staged and never decided."""
        if await asyncio.to_thread(self.outbox.waiting):
            await self.database.transact(self.outbox.settle)


def _open_database(
    settings: Settings, counts: StatementCounts | None, outbox: OutboxPort
) -> PooledDatabase:
    return PooledDatabase(
        settings.database,
        readers=settings.readers,
        busy_timeout_ms=settings.busy_timeout_ms,
        read_deadline_s=settings.read_deadline_s,
        inline_ns=round(settings.inline_ms * 1e6),
        synchronous=settings.synchronous,
        checkpoints=settings.checkpoints,
        counts=counts,
        outbox=outbox,
    )


def _add_middleware(app: FastAPI, shop: _Shop) -> None:
    """Add the handlers of errors and the middleware; a request meets the last one first."""
    settings = shop.settings
    faults = FaultAllowance(settings.faults_by_address)
    answers.install(app, faults, shop.error_log.of_request, faults_limit=settings.faults_limit)
    app.add_middleware(PrivateAnswers)
    app.add_middleware(
        BodyLimit,
        limit_bytes=settings.body_limit_bytes,
        members=settings.json_members_limit,
        faults=faults,
    )
    app.add_middleware(
        logs.RequestLog,
        logger=logs.request_logger(settings.log_level),
        enabled=settings.log_level in ("debug", "info"),
    )
    if shop.counts is not None:
        app.add_middleware(CountedRequests, counts=shop.counts)


def _finish_routes(app: FastAPI) -> None:
    """Build every route before the first request.

    FastAPI builds the routes of an included router on its first request. For the routes of staff
    that blocks the event loop for 40 to 80 ms.
    """
    nowhere = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
    for route in app.router.routes:
        route.matches(dict(nowhere))
