from __future__ import annotations

import asyncio
from pathlib import Path

import apsw
import pytest

from reference_app.database import NotADatabase
from reference_app.pool import NotOurSchema, PooledDatabase
from reference_app.queries import RequirementFailed, TableAbsent


def test_a_failed_guard_writes_nothing(
    shop_after: Path, parameters: dict[str, dict[str, int | str | None]]
) -> None:
    pool = PooledDatabase(shop_after, readers=1)

    async def twice() -> tuple[int, list[dict[str, object]]]:
        checkout = parameters["checkout"]
        changed = await pool.write("checkout", checkout)
        with pytest.raises(RequirementFailed):
            await pool.write("checkout", {**checkout, "order_number": "ORD-10"})
        return changed, await pool.read("order_by_number", {"order_number": "ORD-10"})

    assert asyncio.run(twice()) == (5, [])
    pool.close()


@pytest.mark.parametrize("inline_ns", [0, 1_000_000_000])
def test_queries_of_one_request_see_one_state(shop_after: Path, inline_ns: int) -> None:
    pool = PooledDatabase(shop_after, readers=1, inline_ns=inline_ns)
    watched = pool._readers._inline if inline_ns else pool._readers._threaded[0]
    reader = watched.connection
    states: list[bool] = []
    reader.exec_trace = lambda *_: states.append(reader.in_transaction) or True  # type: ignore[func-returns-value]
    found = asyncio.run(pool.read_together(("events_count_by_type", "newest_event"), {}))
    assert [len(rows) for rows in found] == [5, 1]
    assert states == [False, True, True, True]
    assert not reader.in_transaction
    pool.close()


def test_what_the_database_lacks_is_said(shop_before: Path) -> None:
    pool = PooledDatabase(shop_before, readers=1)
    with pytest.raises(TableAbsent, match="stock_moves"):
        asyncio.run(pool.read("stock_history", {"product_id": 1}))
    assert pool.migrations == ("0001_baseline",)
    assert pool.newest_event() == "2025-10-05 10:00:00"
    pool.close()


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.db"
    path.write_text("only words " * 500)
    with pytest.raises(NotADatabase):
        PooledDatabase(path)


def test_a_shop_without_a_recorded_migration_is_refused(shop_after: Path) -> None:
    """Tables of the same names are not enough: nothing of a foreign file may change."""
    foreign = apsw.Connection(str(shop_after))
    foreign.execute("DROP TABLE schema_migrations")
    foreign.close()
    before = shop_after.read_bytes()
    with pytest.raises(NotOurSchema, match="not one of this shop"):
        PooledDatabase(shop_after)
    assert shop_after.read_bytes() == before
