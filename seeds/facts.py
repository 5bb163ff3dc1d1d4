"""Count what a seeded database holds; ``seeds.realism`` judges the counts.

Two threads read the event log once, in parts by id. Facts that need whole sessions come from whole
days, fifteen apart, since sessions do not cross midnight.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import apsw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bench.engines.sqlite.files import DatabaseError, whole
from bench.engines.sqlite.files import reading as reading_database
from seeds import calendar, events, past
from seeds.manifest import Manifest, read_manifest

DAYS_APART = 15
PART_ROWS = 200_000
"""Events read at once by one thread: about 10 MB of text."""
READERS = 2
SEPARATOR = "\x1f"
Purchase = tuple[str | None, int | None, str]
"""Order number, user, time."""
Row = tuple[str, str, int | None, str | None, str]


@dataclass(frozen=True)
class Facts:
    """Counts of the data; ``broken`` has each rule and the number of rows that break it."""

    scale: float
    types: dict[str, int]
    weekend_views_a_day: float
    weekday_views_a_day: float
    views_per_product: tuple[int, ...]
    session_lengths: tuple[int, ...]
    session_hours: tuple[int, ...]
    registered_sessions: int
    broken: dict[str, int]


class LogUnreadable(DatabaseError):
    """An event holds text that the shop never writes."""


def gather(db: Path) -> Facts:
    """Count everything that ``seeds.realism`` judges.

    Raises ManifestMissing, DatabaseError and LogUnreadable.
    """
    manifest = read_manifest(db)
    with whole(db) as file, reading_database(file) as connection:
        connection.execute("PRAGMA cache_size = -65536")
        with reading(file, id_ranges(manifest.counts["analytics_events"], PART_ROWS)) as parts:
            # The readers are busy inside SQLite: this thread does the rest meanwhile.
            sampled = _sampled(connection, manifest)
            views = _integers(connection, "SELECT views_count FROM products ORDER BY id")
            expected = _expected_purchases(connection)
            broken = _broken_rules(connection, manifest) | sampled.broken
            log = joined(parts)
    broken = _broken_log(log, expected, manifest.counts["orders"]) | broken
    broken["views_count differs from the log's views"] = abs(sum(views) - log.types["product_view"])
    weekend, weekday = _views_by_day(log.views_by_day)
    return Facts(
        scale=manifest.scale,
        types=dict(log.types),
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


def _single_value(connection: apsw.Connection, sql: str) -> int:
    return _integers(connection, sql)[0]


@dataclass(frozen=True)
class LogPart:
    """Counts of one range of ids of the log; ``times`` are its first and last, () if empty."""

    types: Counter[str]
    views_by_day: Counter[str]
    earlier: int
    """Events earlier than the one before them."""
    before_account: int
    purchases: tuple[Purchase, ...]
    times: tuple[str, ...]


# Texts leave SQLite packed, one a column: stepping through 10 million rows in Python costs ten
# times the scan, and Arrow takes the packed texts apart at the speed of memory. NOT INDEXED: rows
# must come by id, whatever indexes there are.
_PART = """
    SELECT count(*), group_concat(event_type, :separator), group_concat(timestamp, :separator),
        ifnull(sum(timestamp < (SELECT created_at FROM users u WHERE u.id = e.user_id)), 0),
        json_group_array(json_array(CAST(event_data ->> 'order_number' AS TEXT), user_id,
            timestamp)) FILTER (WHERE event_type = 'purchase')
    FROM analytics_events e NOT INDEXED WHERE id BETWEEN :first AND :last
"""


def id_ranges(count: int, rows: int) -> list[tuple[int, int]]:
    """(first, last) of every ``rows`` of the ids 1 to ``count``; the ends reach to any id."""
    firsts = range(1, count + 1, rows)[1:]
    return list(
        zip((-(2**63), *firsts), (*(first - 1 for first in firsts), 2**63 - 1), strict=True)
    )


@contextlib.contextmanager
def reading(db: Path, ranges: Iterable[tuple[int, int]]) -> Iterator[Iterator[LogPart]]:
    """The parts of the log in these ranges of ids, in order; threads read ahead."""
    pool = ThreadPoolExecutor(max_workers=READERS, thread_name_prefix="log")
    try:
        yield pool.map(lambda ids: _read_part(db, *ids), ranges)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _read_part(db: Path, first: int, last: int) -> LogPart:
    """Read one part on its own connection: threads must not share one."""
    with reading_database(db) as connection:
        bound = {"separator": SEPARATOR, "first": first, "last": last}
        ((count, kinds, times, before_account, purchases),) = connection.execute(_PART, bound)
    bought = [(number, user, time) for number, user, time in json.loads(purchases)]
    return part_of(_unpacked(kinds, count), _unpacked(times, count), before_account, bought)


def _unpacked(packed: str | None, count: int) -> pa.Array:
    texts = pc.split_pattern(pa.array([packed], pa.string()), SEPARATOR).flatten()
    if len(texts) != count:
        raise LogUnreadable(
            "The log of events holds a type or a time with a control character in it; "
            "seed the database again."
        )
    return texts


def part_of(
    kinds: pa.Array, times: pa.Array, before_account: int, purchases: Iterable[Purchase]
) -> LogPart:
    """Count one part from the types and times of its events, shape (n,) each."""
    views = times.filter(pc.equal(kinds, "product_view"))
    return LogPart(
        types=_counted(kinds),
        views_by_day=_counted(pc.utf8_slice_codeunits(views, 0, 10)),
        earlier=pc.sum(pc.less(times[1:], times[:-1])).as_py() or 0,
        before_account=before_account,
        purchases=tuple(purchases),
        times=(times[0].as_py(), times[-1].as_py()) if len(times) else (),
    )


def _counted(texts: pa.Array) -> Counter[str]:
    return Counter(
        {str(row["values"]): row["counts"] for row in pc.value_counts(texts).to_pylist()}
    )


def joined(parts: Iterable[LogPart]) -> LogPart:
    """Merge parts in order; times that go back between two of them count as ``earlier``."""
    types: Counter[str] = Counter()
    views_by_day: Counter[str] = Counter()
    earlier = before_account = 0
    purchases: list[Purchase] = []
    times: list[str] = []
    for part in parts:
        types += part.types
        views_by_day += part.views_by_day
        earlier += part.earlier + bool(times and part.times and part.times[0] < times[-1])
        before_account += part.before_account
        purchases += part.purchases
        times += part.times
    return LogPart(
        types, views_by_day, earlier, before_account, tuple(purchases), (*times[:1], *times[-1:])
    )


def _expected_purchases(connection: apsw.Connection) -> frozenset[Purchase]:
    """The purchase event that the log should hold for each order."""
    rows = connection.execute("SELECT order_number, user_id, created_at FROM orders")
    return frozenset((number, user, time) for number, user, time in rows)


def _broken_log(log: LogPart, expected: frozenset[Purchase], orders: int) -> dict[str, int]:
    """The number of events that break each rule which needs no whole sessions."""
    return {
        "event earlier than the one before it": log.earlier,
        "event before its account": log.before_account,
        "purchase without its order at that moment": sum(p not in expected for p in log.purchases),
        "order without its purchase event": max(orders - log.types["purchase"], 0),
    }


def _views_by_day(views: Mapping[str, int]) -> tuple[float, float]:
    """Mean product views of (a weekend day, a working day)."""
    ends: list[int] = []
    works: list[int] = []
    for day, count in views.items():
        (ends if dt.date.fromisoformat(day).weekday() >= 5 else works).append(count)
    return float(np.mean(ends)), float(np.mean(works))


@dataclass
class _Sampled:
    lengths: list[int]
    hours: list[int]
    registered: int
    broken: dict[str, int]


def _sampled(connection: apsw.Connection, manifest: Manifest) -> _Sampled:
    """Count the sessions of every fifteenth day."""
    ends = np.cumsum(events.rows_per_day(manifest.plan()))
    sample = _Sampled([], [0] * 24, 0, {"purchase without cart and checkout before it": 0,
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
            _count_session(session, sample)
    return sample


def _sessions(rows: Iterable[Row]) -> Iterator[list[Row]]:
    by_session: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        by_session[row[0]].append(row)
    yield from by_session.values()


def _count_session(session: list[Row], sample: _Sampled) -> None:
    sample.lengths.append(len(session))
    sample.hours[int(session[0][4][11:13])] += 1
    sample.registered += session[0][2] is not None
    sample.broken["session under two names"] += len({row[2] for row in session}) > 1
    seen: Counter[str] = Counter()
    viewed: set[str | None] = set()
    for _, kind, _, data, _ in session:
        if kind == "product_view":
            viewed.add(data)
        elif kind == "add_to_cart":
            sample.broken["cart without a view of its product before it"] += data not in viewed
        elif kind == "purchase":
            ready = seen["add_to_cart"] > 0 and seen["checkout_start"] > 0
            sample.broken["purchase without cart and checkout before it"] += not ready
        seen[kind] += 1


def _broken_rules(connection: apsw.Connection, manifest: Manifest) -> dict[str, int]:
    """The number of rows outside the log that break each rule of the shop."""
    rules = {
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
    broken = {rule: _single_value(connection, sql) for rule, sql in rules.items()}
    broken["piece sold more often than the shop had it"] = _oversold(connection, manifest)
    return broken


def _oversold(connection: apsw.Connection, manifest: Manifest) -> int:
    """The number of products whose sales, reservations and stock do not sum to their intake."""
    pieces = past.catalogue(manifest.plan()).pieces
    rows = connection.execute(
        """
        SELECT p.id, p.quantity_available
            + (SELECT count(*) FROM order_items i JOIN orders o ON o.id = i.order_id
               WHERE i.product_id = p.id AND o.status NOT IN ('cancelled', 'returned'))
            + (SELECT count(*) FROM product_reservations r
               WHERE r.product_id = p.id AND r.status = 'active')
        FROM products p WHERE p.id <= ? ORDER BY p.id
        """,
        (len(pieces),),
    )
    return sum(int(str(whole)) != int(pieces[int(str(number)) - 1]) for number, whole in rows)


def distinct_values(db: Path) -> dict[str, dict[str, int]]:
    """Distinct values of every column of every table; minutes at full size."""
    counts: dict[str, dict[str, int]] = {}
    with reading_database(db) as connection:
        for table in sorted(read_manifest(db).counts):
            columns = [str(row[1]) for row in connection.execute(f"PRAGMA table_info({table})")]
            counts[table] = {
                name: _single_value(connection, f'SELECT count(DISTINCT "{name}") FROM {table}')
                for name in columns
            }
    return counts
