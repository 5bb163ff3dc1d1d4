"""Wires the shop: settings in, a FastAPI application out. The one place that does so.

Nobody logs in yet: accounts are a later piece of work, so every route is open,
the admin routes too. The server binds to 127.0.0.1 unless told otherwise.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from reference_app import answers
from reference_app.accounts import routes as accounts_routes
from reference_app.accounts.store import AccountStore
from reference_app.admin import routes as admin_routes
from reference_app.admin.store import AdminStore
from reference_app.analytics import routes as analytics_routes
from reference_app.analytics.store import AnalyticsStore
from reference_app.catalogue import routes as catalogue_routes
from reference_app.catalogue.store import CatalogueStore
from reference_app.clock import Clock, clock_from
from reference_app.limits import BodyLimit
from reference_app.pool import PooledDatabase
from reference_app.sell import routes as sell_routes
from reference_app.sell.store import SellStore
from reference_app.settings import Settings
from reference_app.stock import routes as stock_routes
from reference_app.stock.store import StockStore
from reference_app.trade import routes as trade_routes
from reference_app.trade.store import TradeStore

_DESCRIPTION = """
A streetwear and sneaker resale shop over one SQLite file: the system under test of resale-bench.

* Money is integer cents; times are UTC text, `YYYY-MM-DD HH:MM:SS`.
* "Now" counts on from the newest event of the database, so that "the last 7 days" holds the
  same rows next year.
* **Nobody logs in yet.** Every route is open, the admin routes too: serve it on 127.0.0.1.
* Errors are problem details (RFC 9457), `application/problem+json`.
"""


def create_app(settings: Settings, *, clock: Clock | None = None) -> FastAPI:
    """The application of one database; open connections are closed when it shuts down.

    Raises:
        DatabaseError: the file is missing, is no database, or is not of this shop.
    """
    database = PooledDatabase(
        settings.database, readers=settings.readers, busy_timeout_ms=settings.busy_timeout_ms
    )
    time = clock if clock is not None else clock_from(database.newest_event())

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        database.close()

    app = FastAPI(title="Resale shop", version="0.1.0", description=_DESCRIPTION, lifespan=lifespan)
    app.state.database = database
    app.add_middleware(BodyLimit, limit_bytes=settings.body_limit_bytes)
    answers.install(app)
    for router in (
        catalogue_routes.router(CatalogueStore(database)),
        trade_routes.router(TradeStore(database)),
        sell_routes.router(SellStore(database)),
        accounts_routes.router(AccountStore(database, time)),
        stock_routes.router(StockStore(database)),
        analytics_routes.router(AnalyticsStore(database, time)),
        admin_routes.router(AdminStore(database, time)),
        admin_routes.state_router(database.migrations, database.tables, time),
    ):
        app.include_router(router)
    return app
