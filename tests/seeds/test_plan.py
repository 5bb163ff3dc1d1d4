"""Draws: the same everywhere, and every id among them exists in the seeded data."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from seeds import stock
from seeds.load import SeedReport, read_manifest
from seeds.plan import (
    EVENT_TYPES,
    FREQUENT_TYPES,
    SAMPLERS,
    Plan,
    UnknownOperation,
    email_of,
    sample_parameters,
)

NAMES = {
    "products_by_size": {"size"},
    "products_by_category_size": {"category", "size"},
    "products_newest": set(),
    "product_detail": {"product_id"},
    "images_for_entity": {"entity_type", "entity_id"},
    "sell_requests_by_status": {"status"},
    "sell_requests_recent": set(),
    "sell_requests_summary": set(),
    "sell_items_for_submission": {"batch_id"},
    "password_resets_for_user": {"user_id", "now"},
    "events_by_type_since": {"event_type", "since"},
    "events_newest_of_type": {"event_type"},
    "events_recent": set(),
    "events_count_by_type": set(),
    "events_count_by_type_since": {"since"},
    "events_for_user": {"user_id"},
    "events_of_day": {"day_start", "day_end"},
    "funnel_since": {"since"},
    "logs_recent": set(),
    "logs_errors_since": {"since"},
    "order_history": {"user_id"},
    "order_detail": {"order_number", "user_id"},
    "stock_history": {"product_id"},
    "stock_of_order": {"order_number"},
    "rollup_range": {"from_date", "to_date"},
    "rollup_of_type": {"event_type", "from_date", "to_date"},
    "track_events": {"events"},
    "submit_sell_request": {
        "batch_id", "user_id", "contact_name", "contact_email", "contact_phone",
        "seller_price_cents", "items", "now",
    },
    "checkout": {
        "product_id", "items", "order_number", "idempotency_key", "request_hash", "user_id",
        "customer_name", "customer_email", "customer_phone", "fulfilment", "shipping_address",
        "shipping_cents", "now",
    },
    "respond_to_offer": {"batch_id", "message", "now", "user_id", "contact_email"},
    "write_log": {"level", "category", "message", "details", "user_id", "ip_address", "now"},
}  # fmt: skip
EXISTS = {
    "product_detail": "SELECT 1 FROM products WHERE id = :product_id AND status <> 'removed'",
    "images_for_entity": """SELECT 1 FROM (SELECT 'product' AS kind, id FROM products
        UNION ALL SELECT 'sell_item', id FROM sell_items UNION ALL SELECT 'user', id FROM users)
        WHERE kind = :entity_type AND id = :entity_id""",
    "sell_items_for_submission": """SELECT 1 FROM sell_items i JOIN sell_submissions s
        ON s.id = i.submission_id WHERE batch_id = :batch_id""",
    "password_resets_for_user": "SELECT 1 FROM password_resets WHERE user_id = :user_id",
    "events_for_user": "SELECT 1 FROM users WHERE id = :user_id",
    "events_of_day": """SELECT 1 FROM analytics_events
        WHERE timestamp >= :day_start AND timestamp < :day_end""",
    "order_history": "SELECT 1 FROM orders WHERE user_id = :user_id",
    "order_detail": """SELECT 1 FROM orders o JOIN order_items i ON i.order_id = o.id
        WHERE order_number = :order_number AND user_id = :user_id""",
    "stock_history": "SELECT 1 FROM products WHERE id = :product_id",
    "stock_of_order": "SELECT 1 FROM orders WHERE order_number = :order_number",
    "checkout": """SELECT 1 FROM products WHERE id = :product_id AND status = 'available'
        AND quantity_available > 0
        AND :items = json_array(json_object('product_id', id, 'quantity', 1))
        AND NOT EXISTS (SELECT 1 FROM orders WHERE order_number = :order_number)
        AND (:user_id IS NULL OR :user_id IN (SELECT id FROM users))""",
    "respond_to_offer": """SELECT 1 FROM sell_submissions WHERE batch_id = :batch_id
        AND status = 'offer_sent' AND seller_response IS NULL AND offer_expires_at > :now
        AND offer_sent_at <= :now AND contact_email = :contact_email
        AND user_id IS :user_id""",
    "submit_sell_request": """SELECT 1 FROM users WHERE id = :user_id
        AND NOT EXISTS (SELECT 1 FROM sell_submissions WHERE batch_id = :batch_id)""",
    "write_log": "SELECT 1 FROM users WHERE id = :user_id",
}


def test_the_list_is_whole() -> None:
    assert len(SAMPLERS) == 31
    assert set(SAMPLERS) == set(NAMES)


@pytest.mark.parametrize("operation", sorted(NAMES))
def test_names_and_repeatability(operation: str) -> None:
    plan = Plan(0.002)
    first = [sample_parameters(plan, operation, np.random.default_rng(7)) for _ in range(2)]
    assert first[0] == first[1]
    assert set(first[0]) == NAMES[operation]
    assert all(isinstance(value, int | str | None) for value in first[0].values())


def test_an_unknown_operation_is_told() -> None:
    with pytest.raises(UnknownOperation, match="use one of"):
        sample_parameters(Plan(0.002), "nothing", np.random.default_rng(1))


@pytest.mark.parametrize("operation", sorted(EXISTS))
def test_every_id_drawn_exists(operation: str, seeded: tuple[Path, SeedReport]) -> None:
    plan, rng = read_manifest(seeded[0]).plan(), np.random.default_rng(11)
    with contextlib.closing(sqlite3.connect(seeded[0])) as connection:
        for _ in range(40):
            parameters = sample_parameters(plan, operation, rng)
            assert connection.execute(EXISTS[operation], parameters).fetchone(), parameters


def test_tracked_events_are_ten_with_all_fields() -> None:
    events = json.loads(
        str(sample_parameters(Plan(0.002), "track_events", np.random.default_rng(3))["events"])
    )
    assert len(events) == 10
    for event in events:
        assert set(event) == {
            "event_type", "event_data", "user_id", "session_id", "ip_address", "user_agent",
            "path", "timestamp",
        }  # fmt: skip
        assert event["event_type"] in EVENT_TYPES


def test_now_is_the_newest_event(seeded: tuple[Path, SeedReport]) -> None:
    with contextlib.closing(sqlite3.connect(seeded[0])) as connection:
        newest = connection.execute("SELECT max(timestamp) FROM analytics_events").fetchone()[0]
    assert newest == read_manifest(seeded[0]).plan().now


def test_filters_by_type_ask_for_the_types_that_fill_the_log(
    seeded: tuple[Path, SeedReport],
) -> None:
    db, _ = seeded
    with contextlib.closing(sqlite3.connect(db)) as connection:
        most = connection.execute(
            "SELECT event_type FROM analytics_events GROUP BY 1 ORDER BY count(*) DESC LIMIT 2"
        ).fetchall()
        share = connection.execute(
            "SELECT avg(event_type IN (?, ?)) FROM analytics_events", FREQUENT_TYPES
        ).fetchone()[0]
    assert {name for (name,) in most} == set(FREQUENT_TYPES)
    assert share > 0.75
    rng = np.random.default_rng(3)
    for operation in ("events_newest_of_type", "events_by_type_since", "rollup_of_type"):
        sampled = {sample_parameters(Plan(0.002), operation, rng)["event_type"] for _ in range(50)}
        assert sampled == set(FREQUENT_TYPES)


def test_password_resets_are_asked_for_while_they_are_open(
    seeded: tuple[Path, SeedReport],
) -> None:
    db, _ = seeded
    plan, rng = Plan(0.002), np.random.default_rng(4)
    sql = (
        "SELECT count(*), sum(used = 0) FROM password_resets"
        " WHERE user_id = :user_id AND expires_at > :now AND created_at <= :now"
    )
    with contextlib.closing(sqlite3.connect(db)) as connection:
        found = [
            connection.execute(
                sql, sample_parameters(plan, "password_resets_for_user", rng)
            ).fetchone()
            for _ in range(100)
        ]
    assert all(there >= 1 for there, _ in found)
    assert any(unused for _, unused in found)


def test_addresses_are_known_by_arithmetic(seeded: tuple[Path, SeedReport]) -> None:
    db, _ = seeded
    with contextlib.closing(sqlite3.connect(db)) as connection:
        accounts = connection.execute("SELECT id, email FROM users").fetchall()
    assert accounts
    assert all(email == email_of(user_id) for user_id, email in accounts)


def test_no_removed_product_is_looked_at() -> None:
    plan, rng = Plan(0.002), np.random.default_rng(6)
    removed = set(np.flatnonzero(stock.shelf(plan).status == stock.REMOVED) + 1)
    sampled = {sample_parameters(plan, "product_detail", rng)["product_id"] for _ in range(3000)}
    assert removed
    assert len(sampled) > plan.counts["products"] // 2
    assert not sampled & removed
