from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import apsw
import pytest
from fastapi.testclient import TestClient

from reference_app import database
from reference_app.accounts.offline import save_account
from reference_app.app import create_app
from reference_app.clock import (
    KEPT_AHEAD,
    TEXT,
    DatasetClock,
    FixedClock,
    KeptClock,
    clock_from,
    days_before,
    hours_before,
    text_of,
)
from reference_app.database import DatabaseError
from reference_app.mail import MemoryOutbox
from reference_app.outbox import Outbox
from reference_app.settings import Settings

NEWEST = "2025-10-04 23:59:59"
LATER = "2025-11-01 00:00:00"


def test_the_dataset_clock_counts_on_from_the_newest_event() -> None:
    passed_ns = [5_000_000_000]
    clock = DatasetClock(datetime(2025, 10, 4, 23, 59, 59), lambda: passed_ns[0])
    assert text_of(clock.now()) == NEWEST
    passed_ns[0] += 2_500_000_000
    assert clock.now() == datetime(2025, 10, 5, 0, 0, 1, 500_000)


def test_an_empty_shop_falls_back_to_the_machine() -> None:
    now = clock_from(None).now()
    assert now.tzinfo is None
    assert abs(now - datetime.now(UTC).replace(tzinfo=None)) < timedelta(minutes=1)
    assert text_of(clock_from(NEWEST).now()).startswith("2025-10-0")


def test_windows_count_back_in_the_databases_format() -> None:
    now = FixedClock(NEWEST).now()
    assert days_before(now, 7) == "2025-09-27 23:59:59"
    assert hours_before(now, 1) == "2025-10-04 22:59:59"


@pytest.mark.parametrize(
    ("kept", "start"),
    [(None, NEWEST), ("2025-10-04 12:00:00", NEWEST), (LATER, LATER)],
)
def test_a_clock_begins_at_the_later_of_the_newest_event_and_the_kept_time(
    kept: str | None, start: str
) -> None:
    now = clock_from(NEWEST, kept).now()
    assert timedelta() <= now - datetime.strptime(start, TEXT) < timedelta(seconds=30)


def test_the_kept_time_is_ahead_of_what_is_told_until_the_clock_is_closed() -> None:
    store = MemoryOutbox()
    clock = KeptClock(NEWEST, store)
    clock.start()
    assert store.kept_time() is not None
    assert str(store.kept_time()) > text_of(clock.now())
    clock.close()
    assert NEWEST <= str(store.kept_time()) <= text_of(clock.now())


def test_the_time_is_kept_again_and_again_though_it_fails_once() -> None:
    class Failing(MemoryOutbox):
        def __init__(self) -> None:
            super().__init__()
            self.tried = 0
            self.again = threading.Event()

        def keep_time(self, moment: str) -> None:
            self.tried += 1
            if self.tried == 2:
                raise DatabaseError("The disk is full.")
            super().keep_time(moment)
            if self.tried > 2:
                self.again.set()

    store = Failing()
    clock = KeptClock(NEWEST, store, every_s=0)
    clock.start()
    assert store.again.wait(10)
    clock.close()


class Elapsed:
    """A monotonic clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


@contextmanager
def served(path: Path, elapsed: Elapsed) -> Iterator[tuple[TestClient, KeptClock, Outbox]]:
    outbox = Outbox(path.with_name(f"{path.name}.outbox.db"))
    outbox.open()
    clock = KeptClock(NEWEST, outbox, monotonic_ns=elapsed)
    settings = Settings(database=path, jobs=False, log_level="error", synchronous="normal")
    with TestClient(create_app(settings, clock=clock, outbox=outbox)) as client:
        yield client, clock, outbox


@pytest.mark.parametrize("ended", ["closed", "killed"])
def test_what_has_expired_stays_so_after_a_restart(
    ended: str, shop_after: Path, tmp_path: Path
) -> None:
    elapsed, copies = Elapsed(), tmp_path / "killed"
    with served(shop_after, elapsed) as (shop, clock, outbox):
        shop.post("/auth/password-reset", json={"email": "ann@example.ie"})
        [letter] = outbox.letters_to("ann@example.ie")
        elapsed.ns += 3_600_000_000_000
        told = shop.get("/ready").json()["now"]
        # Of the clock's thread, which does so every 10 s.
        clock.keep()
        copies.mkdir()
        for one in tmp_path.glob("after.db*"):
            if not one.name.endswith("-shm"):
                shutil.copy(one, copies)
    path = shop_after if ended == "closed" else copies / shop_after.name
    [token] = [line for line in letter.body.splitlines() if len(line) == 43]
    with served(path, Elapsed()) as (shop, _, _):
        assert told <= shop.get("/ready").json()["now"] <= text_of(clock.now() + KEPT_AHEAD)
        body = {"token": token, "new_password": "battery staple"}
        assert shop.post("/auth/password-reset/confirm", json=body).status_code == 409


def test_server_and_commands_go_on_from_the_kept_time(shop_after: Path) -> None:
    settings = Settings(database=shop_after, jobs=False, log_level="error")
    with TestClient(create_app(settings)) as shop:
        first = shop.get("/ready").json()["now"]
        assert first.startswith("2025-10-0")
    outbox = Outbox(settings.outbox_path)
    outbox.open()
    assert str(outbox.kept_time()) >= first
    outbox.keep_time(LATER)
    outbox.close()
    with TestClient(create_app(settings)) as shop:
        assert shop.get("/ready").json()["now"] >= LATER
    save_account(shop_after, "boss@example.ie", "staff password", "admin", "B.", "B.")
    with closing(database.connect(shop_after, query_only=True)) as connection:
        sql = "SELECT created_at FROM users WHERE email = 'boss@example.ie'"
        assert str(connection.execute(sql).fetchall()[0][0]) >= LATER


def test_an_outbox_that_is_locked_at_the_start_is_told(shop_after: Path) -> None:
    settings = Settings(database=shop_after, jobs=False, log_level="error")
    with TestClient(create_app(settings)):
        pass
    with closing(apsw.Connection(str(settings.outbox_path))) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(database.DatabaseBusy, match="outbox cannot be written"):
            create_app(settings)
