from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner

from bench.resale.commands.rollup import rollup as command
from reference_app import database, migrate
from reference_app.analytics import maintenance
from reference_app.analytics.maintenance import (
    MOST_DAYS_PER_RUN,
    AnalyticsMaintenance,
    DayRefused,
    NoRollup,
)
from reference_app.analytics.rollup import DayDone, prune_day, roll_up_day
from reference_app.clock import FixedClock
from reference_app.offline import OfflineShop
from reference_app.pool import PooledDatabase
from reference_app.settings import Settings
from seeds import ledger
from seeds.load import seed

YESTERDAY = "2025-10-04"


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A seeded year, migrated and filled: its rollup was counted while it was generated."""
    path = tmp_path_factory.mktemp("year") / "shop.db"
    seed(path, scale=0.001)
    with closing(database.connect(path)) as connection:
        migrate.apply(connection, ("0001_baseline", "0002_safe_migration"))
        ledger.fill_after_tables(connection)
    return path


@pytest.fixture
def shop(shop_after: Path) -> Iterator[OfflineShop]:
    with OfflineShop(shop_after) as offline:
        yield offline


def rolled_up(path: Path) -> list[tuple[Any, ...]]:
    return ask(path, "SELECT * FROM analytics_daily ORDER BY id")


def values(path: Path) -> list[tuple[Any, ...]]:
    return ask(
        path,
        "SELECT date, event_type, events, sessions, users, revenue_cents FROM analytics_daily"
        " ORDER BY date, event_type",
    )


def ask(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(database.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def on(shop: OfflineShop, work: Any, day: str) -> DayDone:
    done: DayDone = shop.transact(lambda transaction: work(transaction, day))
    return done


def test_the_rollup_of_a_seeded_year_is_what_was_seeded(year: Path) -> None:
    seeded = rolled_up(year)
    done = maintenance.roll_up(year, "0000-01-01", missing_only=False)
    # The newest day of the year has not ended by the shop's clock.
    assert len(done) == 364
    assert {one.outcome for one in done} == {"unchanged"}
    assert rolled_up(year) == seeded


def test_counting_anew_gives_the_seeded_year_again(year: Path) -> None:
    seeded = values(year)
    ask(year, "DELETE FROM analytics_daily WHERE date < '2025-10-04'")
    assert len(maintenance.roll_up(year, "2025-09-01", missing_only=True)) == 33
    assert len(maintenance.roll_up(year, "0000-01-01", missing_only=True)) == 364 - 33
    assert maintenance.roll_up(year, "0000-01-01", missing_only=True) == []
    assert values(year) == seeded
    by_hand = ask(
        year,
        "SELECT substr(timestamp, 1, 10), event_type, count(*), count(DISTINCT session_id),"
        " count(DISTINCT user_id), total(CASE event_type WHEN 'purchase'"
        " THEN event_data ->> 'total_cents' END) FROM analytics_events GROUP BY 1, 2 ORDER BY 1, 2",
    )
    assert seeded == by_hand


def test_rolling_up_twice_changes_nothing(shop: OfflineShop, shop_after: Path) -> None:
    assert on(shop, roll_up_day, YESTERDAY) == DayDone(YESTERDAY, "written", 5)
    once = rolled_up(shop_after)
    assert on(shop, roll_up_day, YESTERDAY) == DayDone(YESTERDAY, "unchanged", 5)
    assert rolled_up(shop_after) == once


def test_days_may_be_rolled_up_in_any_order(shop: OfflineShop, shop_after: Path) -> None:
    for day in (YESTERDAY, "2025-09-20"):
        on(shop, roll_up_day, day)
    forward = values(shop_after)
    ask(shop_after, "DELETE FROM analytics_daily WHERE date <> '2025-06-01'")
    for day in ("2025-09-20", YESTERDAY, "2025-09-20"):
        on(shop, roll_up_day, day)
    assert values(shop_after) == forward


def test_a_day_without_events_has_no_rows(shop: OfflineShop, shop_after: Path) -> None:
    before = rolled_up(shop_after)
    assert on(shop, roll_up_day, "2025-08-01") == DayDone("2025-08-01", "unchanged", 0)
    assert rolled_up(shop_after) == before


def test_a_rollup_of_events_that_are_gone_is_never_overwritten(
    shop: OfflineShop, shop_after: Path
) -> None:
    before = rolled_up(shop_after)
    assert on(shop, roll_up_day, "2025-06-01").outcome == "pruned"
    assert rolled_up(shop_after) == before
    on(shop, roll_up_day, YESTERDAY)
    ask(shop_after, "DELETE FROM analytics_events WHERE event_type = 'purchase'")
    before = rolled_up(shop_after)
    assert on(shop, roll_up_day, YESTERDAY).outcome == "pruned"
    assert rolled_up(shop_after) == before


def test_rows_that_stand_twice_are_put_right(shop: OfflineShop, shop_after: Path) -> None:
    on(shop, roll_up_day, YESTERDAY)
    right = values(shop_after)
    ask(
        shop_after,
        "INSERT INTO analytics_daily (date, event_type, events, sessions, users, revenue_cents)"
        " SELECT date, event_type, events, sessions, users, revenue_cents FROM analytics_daily"
        " WHERE date = '2025-10-04'",
    )
    assert on(shop, prune_day, YESTERDAY).outcome == "differs"
    assert on(shop, roll_up_day, YESTERDAY).outcome == "written"
    assert values(shop_after) == right


def events_of(path: Path, day: str) -> int:
    return int(
        ask(path, f"SELECT count(*) FROM analytics_events WHERE timestamp LIKE '{day}%'")[0][0]
    )


def test_events_go_only_when_their_day_is_rolled_up_exactly(
    shop: OfflineShop, shop_after: Path
) -> None:
    assert on(shop, prune_day, "2025-09-20").outcome == "not rolled up"
    assert on(shop, prune_day, YESTERDAY).outcome == "differs"
    assert events_of(shop_after, YESTERDAY) == 5
    on(shop, roll_up_day, YESTERDAY)
    told = values(shop_after)
    assert on(shop, prune_day, YESTERDAY) == DayDone(YESTERDAY, "deleted", 5)
    assert events_of(shop_after, YESTERDAY) == 0
    assert events_of(shop_after, "2025-10-05") == 1
    assert events_of(shop_after, "2025-09-20") == 1
    assert values(shop_after) == told
    assert on(shop, roll_up_day, YESTERDAY).outcome == "pruned"
    assert values(shop_after) == told


def test_a_difference_in_any_number_keeps_the_events(shop: OfflineShop, shop_after: Path) -> None:
    on(shop, roll_up_day, YESTERDAY)
    for column in ("events", "sessions", "users", "revenue_cents"):
        change = (
            f"UPDATE analytics_daily SET {column} = {column} %s 1 WHERE event_type = 'purchase'"
        )
        ask(shop_after, change % "+")
        assert on(shop, prune_day, YESTERDAY).outcome == "differs", column
        ask(shop_after, change % "-")
    assert on(shop, prune_day, YESTERDAY).outcome == "deleted"


def test_the_job_rolls_up_ended_days_and_never_today(shop_after: Path) -> None:
    async def run() -> list[DayDone]:
        pool = PooledDatabase(shop_after)
        jobs = AnalyticsMaintenance(pool, FixedClock("2025-10-05 10:00:00"), 0)
        assert [job.name for job in jobs.jobs()] == ["roll-up-days"]
        done = await jobs.roll_up()
        assert await jobs.roll_up() == []
        pool.close()
        return done

    ask(shop_after, "DELETE FROM analytics_daily WHERE date = '2025-10-04'")
    # Newest first, and the day that was rolled up long ago is not touched.
    assert [one.day for one in asyncio.run(run())] == [YESTERDAY, "2025-09-20"]
    days = ask(shop_after, "SELECT DISTINCT date FROM analytics_daily ORDER BY date")
    assert days == [("2025-06-01",), ("2025-09-20",), (YESTERDAY,)]


def test_a_turn_of_the_job_takes_so_many_days_and_no_more(shop_after: Path) -> None:
    with closing(database.connect(shop_after)) as connection:
        connection.executemany(
            "INSERT INTO analytics_events (event_type, session_id, timestamp)"
            " VALUES ('search', 's', ?)",
            [(f"2025-0{month}-{day:02} 10:00:00",) for month in (7, 8) for day in range(1, 16)],
        )

    async def run() -> tuple[int, int]:
        pool = PooledDatabase(shop_after)
        jobs = AnalyticsMaintenance(pool, FixedClock("2025-10-05 10:00:00"), 0)
        first, second = await jobs.roll_up(), await jobs.roll_up()
        pool.close()
        return len(first), len(second)

    # 30 days and 2025-09-20; 2025-10-04 has a rollup.
    assert asyncio.run(run()) == (MOST_DAYS_PER_RUN, 31 - MOST_DAYS_PER_RUN)


def test_the_job_of_retention_keeps_the_days_it_was_told(shop_after: Path) -> None:
    async def run(days: int) -> list[DayDone]:
        pool = PooledDatabase(shop_after)
        jobs = AnalyticsMaintenance(pool, FixedClock("2025-10-05 10:00:00"), days)
        assert [job.name for job in jobs.jobs()] == ["roll-up-days", "prune-events"]
        done = await jobs.prune()
        pool.close()
        return done

    assert asyncio.run(run(15)) == []
    assert asyncio.run(run(14)) == [DayDone("2025-09-20", "not rolled up", 1)]
    maintenance.roll_up_one(shop_after, "2025-09-20")
    assert asyncio.run(run(14)) == [DayDone("2025-09-20", "deleted", 1)]


def test_a_shop_that_stood_still_keeps_its_last_days(shop_after: Path) -> None:
    async def run() -> list[DayDone]:
        pool = PooledDatabase(shop_after)
        upkeep_later = AnalyticsMaintenance(pool, FixedClock("2027-01-01 10:00:00"), 14)
        await upkeep_later.roll_up()
        done = await upkeep_later.prune()
        pool.close()
        return done

    assert [one.day for one in asyncio.run(run())] == ["2025-09-20"]


def test_without_a_rollup_there_are_no_jobs(shop_before: Path) -> None:
    async def run() -> None:
        pool = PooledDatabase(shop_before)
        assert AnalyticsMaintenance(pool, FixedClock("2025-10-05 10:00:00"), 90).jobs() == []
        pool.close()

    asyncio.run(run())


@pytest.mark.parametrize(("days", "fits"), [(0, True), (6, False), (7, True), (90, True)])
def test_retention_is_off_or_longer_than_events_may_be_late(days: int, fits: bool) -> None:
    if fits:
        assert Settings(database=Path("x"), retention_days=days).retention_days == days
    else:
        with pytest.raises(ValueError, match="keep 7 days"):
            Settings(database=Path("x"), retention_days=days)


def test_a_writer_that_comes_between_waits(shop_after: Path) -> None:
    """Counting and writing are one transaction: nobody can write an event in between."""
    other = apsw.Connection(str(shop_after))
    with OfflineShop(shop_after) as shop:

        def work(transaction: Any) -> DayDone:
            done = roll_up_day(transaction, YESTERDAY)
            with pytest.raises(apsw.BusyError):
                other.execute("DELETE FROM analytics_events")
            return done

        assert shop.transact(work).outcome == "written"
    other.close()


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return int(done.return_value), done.output


def test_the_command_rolls_up_what_is_missing(shop_after: Path) -> None:
    code, text = run("--db", str(shop_after))
    assert code == 0
    assert "2025-09-20           1 events  rolled up" in text
    assert run("--db", str(shop_after))[1] == "0 days looked at, 0 of them right already\n"


def test_the_command_counts_days_anew(shop_after: Path) -> None:
    code, text = run("--db", str(shop_after), "--since", YESTERDAY, "--json")
    assert (code, json.loads(text)) == (
        0,
        [{"day": YESTERDAY, "outcome": "written", "events": 5}],
    )
    code, text = run("--db", str(shop_after), "--all", "--json")
    assert [one["outcome"] for one in json.loads(text)] == ["written", "unchanged"]
    code, text = run("--db", str(shop_after), "--day", YESTERDAY, "--json")
    assert [one["outcome"] for one in json.loads(text)] == ["unchanged"]


def test_the_command_prunes_and_says_what_stays(shop_after: Path) -> None:
    code, text = run("--db", str(shop_after), "--prune", "--days", "14")
    assert code == 0
    assert "2025-09-20           1 events  kept: roll the day up first" in text
    run("--db", str(shop_after))
    code, text = run("--db", str(shop_after), "--prune", "--days", "14", "--json")
    assert (code, json.loads(text)) == (
        0,
        [{"day": "2025-09-20", "outcome": "deleted", "events": 1}],
    )
    assert json.loads(run("--db", str(shop_after), "--prune", "--json")[1]) == []


def test_events_whose_rollup_is_wrong_stay_and_the_command_says_so(shop_after: Path) -> None:
    run("--db", str(shop_after))
    ask(shop_after, "UPDATE analytics_daily SET users = 7 WHERE date = '2025-09-20'")
    code, text = run("--db", str(shop_after), "--prune", "--days", "14")
    assert code == 1
    assert "the rollup differs from a recount" in text
    assert events_of(shop_after, "2025-09-20") == 1


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--day", "2025-10-05"), "has not ended"),
        (("--day", "2026-01-01"), "has not ended"),
        (("--day", "2025-06-01"), "were deleted"),
    ],
)
def test_the_command_refuses_days(arguments: tuple[str, str], error: str, shop_after: Path) -> None:
    with pytest.raises(DayRefused, match=error):
        run("--db", str(shop_after), *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--all", "--prune"),
        ("--day", YESTERDAY, "--all"),
        ("--days", "30"),
        ("--prune", "--days", "6"),
    ],
)
def test_the_command_refuses_wrong_use(arguments: tuple[str, ...], shop_after: Path) -> None:
    assert CliRunner().invoke(command, ["--db", str(shop_after), *arguments]).exit_code == 2


def test_a_database_without_a_rollup_is_told(shop_before: Path) -> None:
    for arguments in ((), ("--prune",), ("--day", YESTERDAY)):
        with pytest.raises(NoRollup, match="resale-bench migrate"):
            run("--db", str(shop_before), *arguments)


def test_an_empty_shop_has_nothing_to_do(shop_after: Path) -> None:
    ask(shop_after, "DELETE FROM analytics_events")
    before = rolled_up(shop_after)
    assert run("--db", str(shop_after), "--all", "--json") == (0, "[]\n")
    assert run("--db", str(shop_after), "--prune", "--json") == (0, "[]\n")
    assert rolled_up(shop_after) == before
