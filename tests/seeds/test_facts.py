"""What facts count in a database: each rule broken on purpose is found, by however many parts."""

from __future__ import annotations

import contextlib
import shutil
from collections import Counter
from itertools import pairwise
from pathlib import Path

import apsw
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_app.database import connect
from seeds import facts
from seeds.facts import LogPart, LogUnreadable
from seeds.load import SeedReport
from seeds.manifest import manifest_path, read_manifest

FIRST_PURCHASE = "(SELECT min(id) FROM analytics_events WHERE event_type = 'purchase')"
FIRST_CART = "(SELECT min(id) FROM analytics_events WHERE event_type = 'add_to_cart')"
ITS_SESSION = f"(SELECT session_id FROM analytics_events WHERE id = {FIRST_PURCHASE})"
ITS_PLACE = f"session_id = {ITS_SESSION} AND id < {FIRST_PURCHASE}"
SOLD = "(SELECT product_id FROM order_items WHERE order_id = 1)"

NO_ORDER = "purchase without its order at that moment"
NO_PURCHASE = "order without its purchase event"
NOT_READY = "purchase without cart and checkout before it"
NO_VIEW = "cart without a view of its product before it"
TWO_NAMES = "session under two names"
EARLIER = "event earlier than the one before it"
TOO_EARLY = "event before its account"
OVERSOLD = "piece sold more often than the shop had it"
NOT_MARKED = "product sold out and not marked so"

BREAKAGES = {
    "one event moved a year back": (
        "UPDATE analytics_events SET timestamp = '2023' || substr(timestamp, 5) "
        "WHERE id = (SELECT min(id) FROM analytics_events WHERE id > 5000 AND user_id IS NULL)",
        {EARLIER: 1},
    ),
    "one event a second before the one before it": (
        "UPDATE analytics_events SET timestamp = datetime((SELECT timestamp FROM analytics_events "
        "WHERE id = 8999), '-1 second') WHERE id = 9000",
        {EARLIER: 1},
    ),
    "the first event moved to the end of the year": (
        "UPDATE analytics_events SET timestamp = '2025-10-04 23:59:59' WHERE id = 1",
        {EARLIER: 1},
    ),
    "an account a second younger than its first event": (
        "UPDATE users SET created_at = (SELECT datetime(min(timestamp), '+1 second') "
        "FROM analytics_events e WHERE e.user_id = users.id) WHERE id = "
        "(SELECT user_id FROM analytics_events WHERE user_id IS NOT NULL ORDER BY id LIMIT 1)",
        {TOO_EARLY: 1},
    ),
    "a purchase of no order": (
        """UPDATE analytics_events SET event_data = '{"order_number":"ORD-0"}'
        WHERE id = """
        + FIRST_PURCHASE,
        {NO_ORDER: 1},
    ),
    "a purchase that says nothing": (
        f"UPDATE analytics_events SET event_data = NULL WHERE id = {FIRST_PURCHASE}",
        {NO_ORDER: 1},
    ),
    "an order at another moment than its purchase": (
        "UPDATE orders SET created_at = '2025-10-05 00:00:00' WHERE id = 7",
        {NO_ORDER: 1},
    ),
    "an order of somebody else": (
        "UPDATE orders SET user_id = (SELECT max(id) FROM users u WHERE u.id IS NOT "
        "orders.user_id) WHERE id = 7",
        {NO_ORDER: 1},
    ),
    "a purchase event that is missing": (
        f"DELETE FROM analytics_events WHERE id = {FIRST_PURCHASE}",
        {NO_PURCHASE: 1},
    ),
    "an order sold before its product came in": (
        f"UPDATE products SET created_at = '2026-01-01 00:00:00' WHERE id = {SOLD}",
        {"order sold before its product came in": None},
    ),
    "an order that does not add up": (
        "UPDATE orders SET subtotal_cents = subtotal_cents + 1, total_cents = total_cents + 1 "
        "WHERE id = 3",
        {"order whose items do not add up": 1},
    ),
    "a product sold out and on sale": (
        "UPDATE products SET status = 'available' WHERE id = "
        "(SELECT min(id) FROM products WHERE quantity_available = 0)",
        {NOT_MARKED: 1},
    ),
    "a piece more than came in": (
        "UPDATE products SET quantity_available = quantity_available + 1 WHERE id = "
        "(SELECT min(id) FROM products WHERE quantity_available > 0)",
        {OVERSOLD: 1},
    ),
    "a piece sold once more": (
        "INSERT INTO order_items (order_id, product_id, product_name, size, price_cents) "
        "SELECT o.id, i.product_id, product_name, size, 0 FROM order_items i "
        "JOIN orders o ON o.status NOT IN ('cancelled', 'returned') LIMIT 1",
        {OVERSOLD: 1},
    ),
    "a purchase without a cart": (
        f"UPDATE analytics_events SET event_type = 'page_view' "
        f"WHERE event_type = 'add_to_cart' AND {ITS_PLACE}",
        {NOT_READY: 1},
    ),
    "a purchase without a checkout": (
        f"UPDATE analytics_events SET event_type = 'page_view' "
        f"WHERE event_type = 'checkout_start' AND {ITS_PLACE}",
        {NOT_READY: 1},
    ),
    "a cart of a product that was not looked at": (
        """UPDATE analytics_events SET event_data = '{"product_id":0}' WHERE id = """ + FIRST_CART,
        {NO_VIEW: 1},
    ),
    "a session under two names": (
        f"UPDATE analytics_events SET user_id = ifnull(user_id, 0) + 1 WHERE id = "
        f"(SELECT min(id) FROM analytics_events WHERE session_id = {ITS_SESSION})",
        {TWO_NAMES: 1},
    ),
    "a view that nobody counted": (
        "UPDATE products SET views_count = views_count + 1 WHERE id = 1",
        {"views_count differs from the log's views": 1},
    ),
}
"""What is done to the data, and what must be found: rule -> rows, None for one or more."""


@pytest.fixture
def copy(seeded: tuple[Path, SeedReport], tmp_path: Path) -> Path:
    db = tmp_path / "shop.db"
    shutil.copy(seeded[0], db)
    shutil.copy(manifest_path(seeded[0]), manifest_path(db))
    return db


def _change(db: Path, *statements: str) -> int:
    with contextlib.closing(connect(db)) as connection:
        for sql in statements:
            connection.execute(sql)
        return connection.changes()


@pytest.mark.parametrize("breakage", BREAKAGES)
def test_what_is_broken_on_purpose_is_found(copy: Path, breakage: str) -> None:
    sql, expected = BREAKAGES[breakage]
    assert _change(copy, sql) > 0
    broken = facts.gather(copy).broken
    for rule, rows in expected.items():
        assert broken[rule] == rows if rows is not None else broken[rule] > 0


def test_every_rule_is_broken_by_some_test(seeded: tuple[Path, SeedReport]) -> None:
    tried = {rule for _, expected in BREAKAGES.values() for rule in expected}
    assert tried == set(facts.gather(seeded[0]).broken)


def _parts(db: Path, rows: int) -> LogPart:
    with facts.reading(
        db, facts.id_ranges(read_manifest(db).counts["analytics_events"], rows)
    ) as p:
        return facts.joined(p)


def _rows(db: Path, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(apsw.Connection(str(db))) as connection:
        return list(connection.execute(sql))


def test_the_log_in_parts_is_what_plain_sql_counts(copy: Path) -> None:
    _change(
        copy,
        "UPDATE analytics_events SET timestamp = '2024-10-05 00:00:00' WHERE id % 500 = 1",
        "DELETE FROM analytics_events WHERE id BETWEEN 3001 AND 6000",
        "UPDATE analytics_events SET id = id + 1000000 WHERE id > 19990",
    )
    whole = _parts(copy, 10**6)
    assert whole == _parts(copy, 500) == _parts(copy, 1501)
    assert whole.types == dict(
        _rows(copy, "SELECT event_type, count(*) FROM analytics_events GROUP BY 1")
    )
    assert whole.views_by_day == dict(
        _rows(
            copy,
            "SELECT substr(timestamp, 1, 10), count(*) FROM analytics_events "
            "WHERE event_type = 'product_view' GROUP BY 1",
        )
    )
    assert [(whole.earlier,)] == _rows(
        copy,
        "SELECT count(*) FROM (SELECT timestamp < lag(timestamp) OVER (ORDER BY id) AS back "
        "FROM analytics_events) WHERE back",
    )
    assert [(whole.before_account,)] == _rows(
        copy,
        "SELECT count(*) FROM analytics_events e JOIN users u ON u.id = e.user_id "
        "WHERE e.timestamp < u.created_at",
    )
    assert list(whole.purchases) == _rows(
        copy,
        "SELECT event_data ->> 'order_number', user_id, timestamp FROM analytics_events "
        "WHERE event_type = 'purchase' ORDER BY id",
    )
    assert min(whole.earlier, whole.before_account, len(whole.purchases)) > 0


def test_a_control_character_in_the_log_is_told(copy: Path) -> None:
    _change(copy, "UPDATE analytics_events SET event_type = 'page\x1fview' WHERE id = 9")
    with pytest.raises(LogUnreadable, match="seed the database again"):
        facts.gather(copy)


@given(st.lists(st.text("0123456789", max_size=3)), st.integers(1, 7))
def test_a_log_cut_anywhere_counts_the_same(times: list[str], rows: int) -> None:
    kinds = ["product_view" if time < "5" else "search" for time in times]
    cuts = range(0, len(times), rows)
    parts = [_part(kinds[cut : cut + rows], times[cut : cut + rows]) for cut in cuts]
    joined = facts.joined([_part([], []), *parts, _part([], [])])
    assert joined == _part(kinds, times)
    assert joined.earlier == sum(b < a for a, b in pairwise(times))
    assert joined.types == Counter(kinds)


def _part(kinds: list[str], times: list[str]) -> LogPart:
    return facts.part_of(pa.array(kinds, pa.string()), pa.array(times, pa.string()), 0, ())


@given(st.integers(0, 100), st.integers(1, 30))
def test_ranges_hold_every_id_once(count: int, rows: int) -> None:
    ranges = facts.id_ranges(count, rows)
    assert ranges[0][0] == -(2**63)
    assert ranges[-1][1] == 2**63 - 1
    assert all(a[1] + 1 == b[0] for a, b in pairwise(ranges))
    assert all(last - first + 1 == rows for first, last in ranges[1:-1])
