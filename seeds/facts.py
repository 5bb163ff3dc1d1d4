"""Room: seeds, what a seeded database really holds. Reads it, counts, judges nothing.

Whole-table facts come from one pass each; those about the inside of sessions from whole days,
fifteen apart, since sessions never leave their day.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import apsw
import numpy as np

from reference_app.database import connect
from seeds import calendar, events, past
from seeds.manifest import Manifest, read_manifest

DAYS_APART = 15
Row = tuple[str, str, int | None, str | None, str]


@dataclass(frozen=True)
class Facts:
    """Counts taken from the data; ``broken`` names each rule and how many rows break it."""

    scale: float
    types: dict[str, int]
    weekend_views_a_day: float
    weekday_views_a_day: float
    views_per_product: tuple[int, ...]
    session_lengths: tuple[int, ...]
    session_hours: tuple[int, ...]
    registered_sessions: int
    broken: dict[str, int]


def gather(db: Path) -> Facts:
    """Count everything that realism judges. Raises ManifestMissing and DatabaseError."""
    manifest = read_manifest(db)
    with contextlib.closing(connect(db, query_only=True)) as connection:
        connection.execute("PRAGMA cache_size = -65536")
        daily = _views_and_types(connection)
        sampled = _sampled(connection, manifest)
        views = _integers(connection, "SELECT views_count FROM products ORDER BY id")
        broken = {**_broken_rules(connection, manifest), **sampled.broken}
    types: Counter[str] = Counter()
    for (_, kind), count in daily.items():
        types[kind] += count
    broken["views_count differs from the log's views"] = abs(sum(views) - types["product_view"])
    weekend, weekday = _views_by_day(daily)
    return Facts(
        scale=manifest.scale,
        types=dict(types),
        weekend_views_a_day=weekend,
        weekday_views_a_day=weekday,
        views_per_product=tuple(views),
        session_lengths=tuple(sampled.lengths),
        session_hours=tuple(sampled.hours),
        registered_sessions=sampled.registered,
        broken=broken,
    )


def _integers(connection: apsw.Connection, sql: str) -> list[int]:
    return [int(str(row[0])) for row in connection.execute(sql)]


def _one(connection: apsw.Connection, sql: str) -> int:
    return _integers(connection, sql)[0]


def _views_and_types(connection: apsw.Connection) -> dict[tuple[str, str], int]:
    rows = connection.execute(
        "SELECT substr(timestamp, 1, 10), event_type, count(*) FROM analytics_events GROUP BY 1, 2"
    )
    return {(str(day), str(kind)): int(str(count)) for day, kind, count in rows}


def _views_by_day(daily: dict[tuple[str, str], int]) -> tuple[float, float]:
    """Mean product views of (a weekend day, a working day)."""
    ends: list[int] = []
    works: list[int] = []
    for (day, kind), count in daily.items():
        if kind == "product_view":
            (ends if dt.date.fromisoformat(day).weekday() >= 5 else works).append(count)
    return float(np.mean(ends)), float(np.mean(works))


@dataclass
class _Sampled:
    lengths: list[int]
    hours: list[int]
    registered: int
    broken: dict[str, int]


def _sampled(connection: apsw.Connection, manifest: Manifest) -> _Sampled:
    """Sessions of every fifteenth day, whole."""
    ends = np.cumsum(events.rows_per_day(manifest.plan()))
    found = _Sampled([], [0] * 24, 0, {"purchase without cart and checkout before it": 0,
                                       "cart without a view of its product before it": 0,
                                       "session under two names": 0})  # fmt: skip
    for day in range(0, calendar.YEAR_DAYS, DAYS_APART):
        first, last = (int(ends[day - 1]) if day else 0) + 1, int(ends[day])
        rows = connection.execute(
            "SELECT session_id, event_type, user_id, event_data, timestamp FROM analytics_events "
            "WHERE id BETWEEN ? AND ? ORDER BY id",
            (first, last),
        )
        for session in _sessions(rows):
            _look_at(session, found)
    return found


def _sessions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    by_session: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_session[row[0]].append(row)
    yield from by_session.values()


def _look_at(session: list[Row], found: _Sampled) -> None:
    found.lengths.append(len(session))
    found.hours[int(session[0][4][11:13])] += 1
    found.registered += session[0][2] is not None
    found.broken["session under two names"] += len({row[2] for row in session}) > 1
    seen: Counter[str] = Counter()
    viewed: set[str | None] = set()
    for _, kind, _, data, _ in session:
        if kind == "product_view":
            viewed.add(data)
        elif kind == "add_to_cart":
            found.broken["cart without a view of its product before it"] += data not in viewed
        elif kind == "purchase":
            ready = seen["add_to_cart"] > 0 and seen["checkout_start"] > 0
            found.broken["purchase without cart and checkout before it"] += not ready
        seen[kind] += 1


def _broken_rules(connection: apsw.Connection, manifest: Manifest) -> dict[str, int]:
    """How many rows break each rule of the shop, over whole tables."""
    rules = {
        "event earlier than the one before it": """
            SELECT count(*) FROM (SELECT timestamp < lag(timestamp) OVER (ORDER BY id) AS back
            FROM analytics_events) WHERE back""",
        "event before its account": """
            SELECT count(*) FROM analytics_events e JOIN users u ON u.id = e.user_id
            WHERE e.timestamp < u.created_at""",
        "purchase without its order at that moment": """
            SELECT count(*) FROM analytics_events e LEFT JOIN orders o
            ON o.order_number = e.event_data ->> 'order_number' AND o.created_at = e.timestamp
            AND o.user_id IS e.user_id
            WHERE e.event_type = 'purchase' AND o.id IS NULL""",
        "order sold before its product came in": """
            SELECT count(*) FROM order_items i JOIN orders o ON o.id = i.order_id
            JOIN products p ON p.id = i.product_id WHERE o.created_at < p.created_at""",
        "order whose items do not add up": """
            SELECT count(*) FROM orders o WHERE subtotal_cents <> (SELECT sum(price_cents *
            quantity) FROM order_items i WHERE i.order_id = o.id)""",
        "product sold out and not marked so": """
            SELECT count(*) FROM products WHERE (quantity_available = 0)
            <> (status IN ('sold', 'reserved'))""",
    }
    broken = {rule: _one(connection, sql) for rule, sql in rules.items()}
    broken["order without its purchase event"] = max(
        manifest.counts["orders"]
        - _one(connection, "SELECT count(*) FROM analytics_events WHERE event_type = 'purchase'"),
        0,
    )
    broken["piece sold more often than the shop had it"] = _oversold(connection, manifest)
    return broken


def _oversold(connection: apsw.Connection, manifest: Manifest) -> int:
    """Products whose sales, holds and rest do not match the pieces that came in."""
    pieces = past.catalogue(manifest.plan()).pieces
    rows = connection.execute(
        """
        SELECT p.id, p.quantity_available
            + (SELECT count(*) FROM order_items i JOIN orders o ON o.id = i.order_id
               WHERE i.product_id = p.id AND o.status NOT IN ('cancelled', 'returned'))
            + (SELECT count(*) FROM product_reservations r
               WHERE r.product_id = p.id AND r.status = 'active')
        FROM products p ORDER BY p.id
        """
    )
    return sum(int(str(whole)) != int(pieces[int(str(number)) - 1]) for number, whole in rows)


def distinct_values(db: Path) -> dict[str, dict[str, int]]:
    """Distinct values of every column of every table; minutes at full size."""
    found: dict[str, dict[str, int]] = {}
    with contextlib.closing(connect(db, query_only=True)) as connection:
        for table in sorted(read_manifest(db).counts):
            columns = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]
            found[table] = {
                name: _one(connection, f'SELECT count(DISTINCT "{name}") FROM {table}')
                for name in columns
            }
    return found
