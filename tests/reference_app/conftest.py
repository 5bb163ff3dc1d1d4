"""Databases for the tests of the shop: migrated, and filled by hand with a few known rows."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import apsw
import pytest

from reference_app import database, migrate
from tests.reference_app.trading import Market, broken_rules, market_of, open_the_books, restore

HERE = Path(__file__).parent
BEFORE = ("0001_baseline",)
AFTER = ("0001_baseline", "0002_safe_migration")

EVENTS = json.dumps(
    [
        {
            "event_type": "search",
            "event_data": '{"q":"size 9"}',
            "user_id": None,
            "session_id": "s9",
            "ip_address": "192.0.2.1",
            "user_agent": "test",
            "path": "/search",
            "timestamp": "2025-10-05 10:00:01",
        }
    ]
    * 10
)
ITEM = {"category": "PO-SHOES", "brand": "Nike", "name": "A", "size": "UK 8", "condition": "good"}
NOW = "2025-10-05 10:00:00"
SINCE = "2025-09-28 10:00:00"

# What the seeds draw for each operation: names, and values that exist in the rows above.
PARAMETERS: dict[str, dict[str, int | str | None]] = {
    "products_by_size": {"size": "UK 9"},
    "products_by_category_size": {"category": "BN-SHOES", "size": "UK 9"},
    "products_newest": {},
    "product_detail": {"product_id": 1},
    "images_for_entity": {"entity_type": "user", "entity_id": 1},
    "sell_requests_by_status": {"status": "offer_sent"},
    "sell_requests_recent": {},
    "sell_requests_summary": {},
    "sell_items_for_submission": {"batch_id": "BATCH-20251001-00001"},
    "password_resets_for_user": {"user_id": 1, "now": NOW},
    "events_by_type_since": {"event_type": "page_view", "since": SINCE},
    "events_newest_of_type": {"event_type": "page_view"},
    "events_recent": {},
    "events_count_by_type": {},
    "events_count_by_type_since": {"since": SINCE},
    "events_for_user": {"user_id": 1},
    "events_of_day": {"day_start": "2025-10-04 00:00:00", "day_end": "2025-10-05 00:00:00"},
    "funnel_since": {"since": SINCE},
    "logs_recent": {},
    "logs_errors_since": {"since": "2025-10-05 09:00:00"},
    "order_history": {"user_id": 1},
    "order_detail": {"order_number": "ORD-1"},
    "stock_history": {"product_id": 4},
    "stock_of_order": {"order_number": "ORD-1"},
    "rollup_range": {"from_date": "2025-09-06", "to_date": "2025-10-05"},
    "rollup_of_type": {
        "event_type": "page_view",
        "from_date": "2025-07-08",
        "to_date": "2025-10-05",
    },
    "track_events": {"events": EVENTS},
    "submit_sell_request": {
        "batch_id": "BATCH-20251005-00009",
        "user_id": 1,
        "contact_name": "Ann",
        "contact_email": "ann@example.ie",
        "contact_phone": "+353 1",
        "seller_price_cents": 9000,
        "items": json.dumps([ITEM] * 3),
        "now": NOW,
    },
    "checkout": {
        "product_id": 1,
        "items": json.dumps([{"product_id": 1, "quantity": 1}]),
        "order_number": "ORD-9",
        "idempotency_key": "k9",
        "request_hash": "r9",
        "user_id": None,
        "customer_name": "Guest",
        "customer_email": "guest@example.ie",
        "customer_phone": None,
        "fulfilment": "delivery",
        "shipping_address": "1 Main Street",
        "shipping_cents": 500,
        "now": NOW,
    },
    "respond_to_offer": {"batch_id": "BATCH-20251001-00001", "message": "yes", "now": NOW},
    "write_log": {
        "level": "info",
        "category": "web",
        "message": "hello",
        "details": "{}",
        "user_id": 1,
        "ip_address": "192.0.2.1",
        "now": NOW,
    },
}


def make_shop(path: Path, migrations: tuple[str, ...]) -> Path:
    path.write_bytes(_content_of_shop(migrations))
    return path


@cache
def _content_of_shop(migrations: tuple[str, ...]) -> bytes:
    """A migrated and filled database, made once for all tests of the process."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "shop.db"
        connection = database.connect(path, create=True)
        migrate.apply(connection, migrations)
        connection.execute(HERE.joinpath("shop.sql").read_text(encoding="utf-8"))
        if "0002_safe_migration" in migrations:
            connection.execute(HERE.joinpath("shop_after.sql").read_text(encoding="utf-8"))
        connection.close()
        return path.read_bytes()


@pytest.fixture
def parameters() -> dict[str, dict[str, int | str | None]]:
    return PARAMETERS


@pytest.fixture
def shop_before(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "before.db", BEFORE)


@pytest.fixture
def shop_after(tmp_path: Path) -> Path:
    return make_shop(tmp_path / "after.db", AFTER)


@pytest.fixture
def shop(shop_after: Path) -> Iterator[apsw.Connection]:
    connection = database.connect(shop_after)
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def opened_market(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Market, Path]]:
    folder = tmp_path_factory.mktemp("market")
    pristine = make_shop(folder / "pristine.db", AFTER)
    open_the_books(pristine)
    with market_of(Path(shutil.copy(pristine, folder / "shop.db"))) as market:
        yield market, pristine


@pytest.fixture
def market(opened_market: tuple[Market, Path]) -> Iterator[Market]:
    """A shop to trade in, as new for each test; none may leave a broken rule behind."""
    market, pristine = opened_market
    restore(market.path, pristine)
    market.clock.reset()
    yield market
    assert broken_rules(market.path) == {}
