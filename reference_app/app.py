"""Wires the shop: settings in, a FastAPI application out. The one place that does so."""

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
from reference_app.accounts.services import AccountServices, account_services
from reference_app.admin import routes as admin_routes
from reference_app.admin.fault_log import FaultLog
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
    settings: Settings, *, clock: Clock | None = None, post: OutboxPort | None = None
) -> FastAPI:
    """The application of one database; open connections are closed when it shuts down.

    `post` takes the letters to people; by default an outbox beside the database.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """
    counts = StatementCounts() if settings.counters else None
    letters = post if post is not None else Outbox(settings.outbox_path)
    database = PooledDatabase(
        settings.database,
        readers=settings.readers,
        busy_timeout_ms=settings.busy_timeout_ms,
        read_deadline_s=settings.read_deadline_s,
        inline_ns=round(settings.inline_ms * 1e6),
        synchronous=settings.synchronous,
        checkpoints=settings.checkpoints,
        counts=counts,
        post=letters,
    )
    try:
        letters.open()
        time = clock if clock is not None else KeptClock(database.newest_event(), letters)
    except DatabaseError:
        database.close()
        raise
    doors = AccessControl(database, time)
    passwords = Passwords()
    tries = RateLimits(
        settings.tries_by_address,
        settings.tries_by_account,
        letters_by_address=settings.letters_by_address,
        letters_by_account=settings.letters_by_account,
    )
    accounts = account_services(database, time, passwords, tries)
    views = ViewCounter(database)
    catalogue = CatalogueStore(database, views)
    keeper = CatalogueMaintenance(database, time)
    holdings = Holdings(settings.reservations_by_address, settings.reservations_by_holder)
    trade = TradeStore(database, time, holdings)
    sell = SellStore(database, time, answers=settings.sell_answers)
    stock = StockStore(database, time)
    analytics = AnalyticsStore(database, time)
    admin = AdminStore(
        database,
        time,
        {settings.database.absolute().parent, settings.outbox_path.absolute().parent},
    )
    system_log = SystemLog(database, time)
    faults = FaultLog(system_log)
    upkeep = AnalyticsMaintenance(database, time, settings.retention_days)
    settle = Job("settle-letters", 5, lambda: _settle(letters, database))
    jobs = Jobs([settle, *_jobs(views, accounts, trade), *upkeep.jobs()], faults.of_job)
    state = ServerState(database, jobs, time)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        _finish_routes(app)
        # What the last server left undecided, if it was killed.
        await jobs.turn(settle)
        if isinstance(time, KeptClock):
            time.start()
        if settings.jobs:
            jobs.start()
        yield
        await jobs.stop()
        try:
            await views.flush()
            await system_log.close()
        finally:
            database.close()
            if isinstance(time, KeptClock):
                time.close()
            letters.close()
            passwords.close()

    app = FastAPI(
        title="Resale shop",
        version="0.1.0",
        description=_DESCRIPTION,
        lifespan=lifespan,
        # A redirect would lead to whatever the request names as Host.
        redirect_slashes=False,
        # They would load scripts from elsewhere.
        docs_url=None,
        redoc_url=None,
    )
    documentation.install(app)
    app.state.database = database
    app.state.jobs = jobs
    told = FaultAllowance(settings.faults_by_address)
    answers.install(app, told, faults.of_request, faults_limit=settings.faults_limit)
    app.add_middleware(PrivateAnswers)
    # The last one added is the first that a request meets.
    app.add_middleware(
        BodyLimit,
        limit_bytes=settings.body_limit_bytes,
        members=settings.json_members_limit,
        faults=told,
    )
    app.add_middleware(
        logs.RequestLog,
        logger=logs.request_logger(settings.log_level),
        enabled=settings.log_level in ("debug", "info"),
    )
    if counts is not None:
        app.add_middleware(CountedRequests, counts=counts)
    # Routes are taken over and not included where nothing is added to them: an included router
    # is built a second time, and looked through twice for each request. They come before
    # those of the documentation, since routes are tried in turn.
    own = app.router.routes[:]
    app.router.routes.clear()
    for public in (
        catalogue_routes.router(catalogue),
        trade_routes.router(trade, doors),
        sell_routes.router(sell, doors, SubmissionAllowance(settings)),
        accounts_routes.router(accounts, doors),
        analytics_routes.router(analytics, EventAllowance(settings)),
        admin_routes.state_router(admin, state.now, state.about),
    ):
        app.router.routes.extend(public.routes)
    # Everything for staff stands behind one door.
    staff = APIRouter()
    for router in (
        catalogue_routes.admin_router(keeper, doors),
        trade_routes.admin_router(trade, doors),
        sell_routes.admin_router(sell, doors),
        accounts_routes.admin_router(accounts, doors),
        stock_routes.admin_router(stock, doors),
        analytics_routes.admin_router(analytics, doors),
        admin_routes.admin_router(admin, doors),
        admin_routes.statements_router(counts),
    ):
        staff.routes.extend(router.routes)
    app.include_router(
        staff,
        prefix="/admin",
        tags=["admin"],
        dependencies=[Depends(doors.admin)],
        responses=answers.documented(*answers.STAFF_ONLY),
    )
    app.router.routes.extend(own)
    answers.describe(app)
    return app


def _finish_routes(app: FastAPI) -> None:
    """Have every route built before the first request comes.

    FastAPI builds those of an included router when a request first reaches it. For the routes of
    the staff that is 40 to 80 ms, in which the event loop would answer nobody.
    """
    nowhere = {"type": "http", "method": "GET", "path": "/", "root_path": "", "headers": []}
    for route in app.router.routes:
        route.matches(dict(nowhere))


async def _settle(letters: OutboxPort, database: PooledDatabase) -> None:
    """Decide on letters that were staged and neither delivered nor dropped."""
    if await asyncio.to_thread(letters.waiting):
        await database.transact(letters.settle)


def _jobs(views: ViewCounter, accounts: AccountServices, trade: TradeStore) -> list[Job]:
    """What the shop does by itself."""
    return [
        Job("count-views", EVERY_S, views.flush),
        Job("end-lapsed-reservations", 30, trade.end_lapsed_reservations),
        Job("remove-ended-sessions", 3600, accounts.people.remove_ended_sessions),
    ]
