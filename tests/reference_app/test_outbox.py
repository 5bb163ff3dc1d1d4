"""Letters are committed with what they tell of, or neither is: whatever ends in between."""

from __future__ import annotations

import itertools
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from reference_app import database
from reference_app.app import create_app
from reference_app.errors import Conflict
from reference_app.mail import Change, Erasure, Letter
from reference_app.outbox import _SCHEMA, Outbox, kept_time
from reference_app.port import Transaction
from reference_app.queryset import QuerySet
from reference_app.settings import Settings
from reference_app.writer import Writer
from tests import files_in_use
from tests.reference_app.accounts_shop import PASSWORD, ZOE, Shop, serving
from tests.reference_app.conftest import AFTER, make_shop
from tests.reference_app.test_writer import Group

EMAIL = {"email": "zoe@example.ie"}
BATCH = "BATCH-20251002-00002"


class KilledAt(Outbox):
    """Copies both files, logs included, at each step: what a kill at that moment leaves."""

    def __init__(self, shop: Path, folder: Path) -> None:
        super().__init__(outbox_of(shop))
        self._shop, self.folder, self.copies = shop, folder, 0

    def stage(self, tx: Transaction, changes: Sequence[Change]) -> list[int]:
        staged = super().stage(tx, changes)
        self._copy("staged")
        return staged

    def deliver(self, staged: Iterable[int]) -> None:
        self._copy("committed")
        super().deliver(staged)
        self.copies += 1

    def _copy(self, step: str) -> None:
        into = self.folder / f"{self.copies}-{step}"
        into.mkdir()
        for path in (self._shop, outbox_of(self._shop)):
            for one in (path, Path(f"{path}-wal")):
                shutil.copy(one, into)


def outbox_of(shop: Path) -> Path:
    return shop.with_name(f"{shop.name}.outbox.db")


def kept(shop: Path, table: str = "outbox") -> list[Any]:
    """What a table of the outbox holds, oldest first."""
    column = "kind" if table == "outbox" else "coalesce(content ->> 'kind', kind)"
    with closing(apsw.Connection(str(outbox_of(shop)))) as connection:
        rows = connection.execute(f"SELECT {column} FROM {table} ORDER BY id").fetchall()
    return [kind for (kind,) in rows]


def content(shop: Path) -> dict[str, list[Any]]:
    """All that the shop's tables hold but its own log, where refusals are noted."""
    with closing(database.connect(shop, query_only=True)) as connection:
        names = database.tables(connection) - {"system_logs"}
        return {one: connection.execute(f"SELECT * FROM {one}").fetchall() for one in names}


def token_of(shop: Path) -> str:
    """The token in the newest letter, on a line of its own."""
    with closing(apsw.Connection(str(outbox_of(shop)))) as connection:
        [(body,)] = connection.execute("SELECT body FROM outbox ORDER BY id DESC LIMIT 1")
    [token] = [line for line in str(body).splitlines() if len(line) == 43]
    return token


Request = tuple[str, str, str | None, Any]


def registration(shop: Shop) -> Request:
    return "POST", "/auth/register", None, ZOE


def second_registration(shop: Shop) -> Request:
    return "POST", "/auth/register", None, {**ZOE, "email": "staff@example.ie"}


def reset(shop: Shop) -> Request:
    return "POST", "/auth/password-reset", None, EMAIL


def reset_of_nobody(shop: Shop) -> Request:
    return "POST", "/auth/password-reset", None, {"email": "nobody@example.ie"}


def confirmed_reset(shop: Shop) -> Request:
    assert shop.status(*reset(shop)) == 202
    body = {"token": token_of(shop.path), "new_password": PASSWORD}
    return "POST", "/auth/password-reset/confirm", None, body


def new_password(shop: Shop) -> Request:
    body = {"current_password": PASSWORD, "new_password": "battery staple"}
    return "POST", "/auth/password", shop.log_in(), body


def offer(shop: Shop) -> Request:
    shop.run("UPDATE sell_submissions SET status = 'reviewing' WHERE id = 2")
    [(item,)] = shop.rows("SELECT id FROM sell_items WHERE submission_id = 2")
    judged = [{"id": item, "approved": True, "offer_price_cents": 100}]
    body = {"items": judged, "offered_price_cents": 100, "expires_in_days": 7}
    return "POST", f"/admin/sell-requests/{BATCH}/offer", "staff", body


def payment(shop: Shop) -> Request:
    shop.run("UPDATE sell_submissions SET status = 'received' WHERE id = 2")
    return "POST", f"/admin/sell-requests/{BATCH}/pay", "staff", None


# Every request that sends a letter, in an order in which each can follow the ones before it.
SENDING = (
    registration, second_registration, reset, reset_of_nobody, confirmed_reset, new_password,
    offer, payment,
)  # fmt: skip
KINDS = [
    "verification", "account_exists", "password_reset", "no_account", "password_reset",
    "password_changed", "password_changed", "offer_sent", "sell_paid",
]  # fmt: skip


@pytest.fixture(name="killed", scope="module")
def killed_everywhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what kills leave at each step of each letter."""
    folder = tmp_path_factory.mktemp("killed")
    path = make_shop(folder / "shop.db", AFTER)
    with serving(path, KilledAt(path, folder)) as shop:
        for prepare in SENDING:
            answer = shop.ask(*prepare(shop))
            assert answer.is_success, answer.text
        assert kept(path) == KINDS
    return folder


@pytest.mark.parametrize("number", range(len(KINDS)))
@pytest.mark.parametrize("step", ["staged", "committed"])
def test_after_a_kill_there_is_a_letter_if_what_it_tells_of_was_committed(
    step: str, number: int, killed: Path
) -> None:
    path = killed / f"{number}-{step}" / "shop.db"
    assert kept(path) == KINDS[:number]
    assert kept(path, "staged") == KINDS[number : number + 1]
    before = content(path)
    with serving(path, Outbox(outbox_of(path))):
        pass
    assert kept(path) == KINDS[: number + (step == "committed")]
    assert kept(path, "staged") == []
    assert content(path) == before


@pytest.fixture(name="shop")
def served(shop_after: Path) -> Iterator[Shop]:
    with serving(shop_after, Outbox(outbox_of(shop_after))) as shop:
        yield shop


def turn(shop: Shop) -> None:
    """Run the shop's jobs once."""
    assert shop.client.portal is not None
    shop.client.portal.call(shop.app.state.jobs.run_once)


@pytest.mark.parametrize("prepare", SENDING)
def test_with_the_outbox_locked_a_request_is_refused_and_changes_nothing(
    prepare: Callable[[Shop], Request], shop: Shop
) -> None:
    if prepare is not registration:
        assert shop.status(*registration(shop)) == 202
        body = {"token": token_of(shop.path)}
        assert shop.status("POST", "/auth/verify-email", body=body) == 204
    request = prepare(shop)
    letters, before = kept(shop.path), content(shop.path)
    with closing(apsw.Connection(str(outbox_of(shop.path)))) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = shop.ask(*request)
        assert refused.status_code == 503
        assert refused.headers["retry-after"] == "1"
        assert "The outbox cannot be written at the moment" in refused.json()["detail"]
        assert content(shop.path) == before
        # Whatever sends no letter goes on.
        assert shop.status("PATCH", "/auth/me", "bob", {"first_name": "Zoë"}) == 200
        other.execute("ROLLBACK")
    assert (kept(shop.path), kept(shop.path, "staged")) == (letters, [])
    assert shop.ask(*request).is_success


def test_a_full_outbox_refuses_and_loses_no_letter(shop_after: Path) -> None:
    outbox = Outbox(outbox_of(shop_after))
    with serving(shop_after, outbox) as shop:
        [(pages,)] = outbox._connection.execute("PRAGMA page_count").fetchall()
        assert isinstance(pages, int)
        outbox._connection.pragma("max_page_count", pages + 2)
        told = (shop.status(*reset_of_nobody(shop)) for _ in range(200))
        sent = list(itertools.takewhile(lambda status: status == 202, told))
        assert 0 < len(sent) < 200
        before = content(shop_after)
        assert shop.status(*registration(shop)) == 503
        assert content(shop_after) == before
        outbox._connection.pragma("max_page_count", pages + 1000)
        turn(shop)
        assert kept(shop_after) == ["no_account"] * len(sent)
        assert kept(shop_after, "staged") == []
        assert shop.status(*registration(shop)) == 202


class LockedAfterwards(Outbox):
    """Is locked by somebody else from when the first change was staged."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.other = apsw.Connection(str(path))
        self.first = True

    def stage(self, tx: Transaction, changes: Sequence[Change]) -> list[int]:
        staged = super().stage(tx, changes)
        if self.first:
            self.other.execute("BEGIN IMMEDIATE")
            self.first = False
        return staged


def test_what_cannot_be_delivered_at_once_is_delivered_later(shop_after: Path) -> None:
    post = LockedAfterwards(outbox_of(shop_after))
    with serving(shop_after, post) as shop, closing(post.other):
        assert shop.status(*registration(shop)) == 202
        assert (kept(shop_after), kept(shop_after, "staged")) == ([], ["verification"])
        turn(shop)
        assert shop.app.state.jobs.failing == ["settle-letters"]
        post.other.execute("ROLLBACK")
        turn(shop)
        assert shop.app.state.jobs.failing == []
        assert (kept(shop_after), kept(shop_after, "staged")) == (["verification"], [])


def a_letter(kind: str) -> Letter:
    return Letter("zoe@example.ie", kind, "subject", "body", "2025-10-05 10:00:00")


def test_of_a_group_each_sends_its_letters_or_none(shop_after: Path) -> None:
    outbox = Outbox(outbox_of(shop_after))
    outbox.open()

    def sending(kind: str, *, fails: bool = False) -> Any:
        def work(tx: Transaction) -> None:
            tx.enqueue(a_letter(kind))
            if fails:
                raise Conflict("This one is undone.")

        return work

    with closing(database.connect(shop_after)) as connection, closing(outbox):
        queries = QuerySet(connection, database.parts(connection), shop_after)
        writer = Writer(connection, queries.find, deadline_s=10, outbox=outbox)
        with Group(writer):
            first = writer.submit(sending("first"))
            undone = writer.submit(sending("undone", fails=True))
            # What is staged in the same group is left to the writer.
            settled = writer.submit(outbox.settle)
            last = writer.submit(sending("last"))
        assert isinstance(undone.exception(), Conflict)
        assert [one.exception() for one in (first, settled, last)] == [None] * 3
        writer.close()
    assert kept(shop_after) == ["first", "last"]
    assert kept(shop_after, "staged") == []


def test_without_a_post_nothing_is_written(shop_after: Path) -> None:
    with closing(database.connect(shop_after)) as connection:
        queries = QuerySet(connection, database.parts(connection), shop_after)
        writer = Writer(connection, queries.find, deadline_s=10)
        failed = writer.submit(lambda tx: tx.enqueue(a_letter("lost"))).exception()
        assert isinstance(failed, RuntimeError)
        writer.close()


def test_an_outbox_that_cannot_be_opened_says_what_to_do(shop_after: Path, tmp_path: Path) -> None:
    with pytest.raises(database.DatabaseError, match="RESALE_OUTBOX"):
        Shop(shop_after, Outbox(tmp_path / "nowhere" / "outbox.db"))


FOREIGN = {
    "another's tables": "CREATE TABLE notes (text)",
    "another's outbox": "CREATE TABLE outbox (id INTEGER PRIMARY KEY, topic TEXT, payload TEXT)",
    "more than an outbox": f"{_SCHEMA}; CREATE TABLE notes (text)",
    "a view": "CREATE VIEW outbox AS SELECT 1 AS recipient",
    "text": "",
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_outbox_is_refused_and_stays_as_it_is(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "theirs.db"
    if kind == "text":
        path.write_text("no database at all, only words. " * 100)
    else:
        with closing(apsw.Connection(str(path))) as connection:
            connection.execute(FOREIGN[kind])
    path.chmod(0o644)
    before = files_in_use.content(tmp_path)
    with pytest.raises(database.DatabaseError, match="in RESALE_OUTBOX"):
        Outbox(path).open()
    assert files_in_use.content(tmp_path) == before


def test_the_shops_own_database_is_no_outbox(
    shop_after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop_after.chmod(0o644)
    with closing(database.connect(shop_after)) as connection:
        names = database.tables(connection)
    link = shop_after.with_name("link.db")
    link.symlink_to(shop_after)
    for path in (shop_after, link):
        monkeypatch.setenv("RESALE_OUTBOX", str(path))
        with pytest.raises(database.DatabaseError, match="in RESALE_OUTBOX"):
            create_app(Settings(database=shop_after, jobs=False))
        with pytest.raises(database.DatabaseError, match="in RESALE_OUTBOX"):
            kept_time(shop_after)
    assert shop_after.stat().st_mode & 0o777 == 0o644
    with closing(database.connect(shop_after)) as connection:
        assert database.tables(connection) == names


def test_what_is_no_file_is_no_outbox(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o644)
    before = pipe.stat().st_mode
    with pytest.raises(database.DatabaseError, match="in RESALE_OUTBOX"):
        Outbox(pipe).open()
    assert pipe.stat().st_mode == before


@pytest.mark.parametrize("schema", ["", "SELECT 1", "PRAGMA user_version = 0", _SCHEMA])
def test_an_empty_file_and_an_outbox_are_taken(tmp_path: Path, schema: str) -> None:
    path = tmp_path / "ours.db"
    path.touch()
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(schema)
    for _ in range(2):
        outbox = Outbox(path)
        outbox.open()
        assert outbox.letters_to("zoe@example.ie") == []
        outbox.close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_an_outbox_of_before_keeps_its_letters(shop_after: Path) -> None:
    old = ("zoe@example.ie", "verification", "s", "b", "2025-10-05 10:00:00")
    with closing(apsw.Connection(str(outbox_of(shop_after)))) as connection:
        connection.execute(
            "CREATE TABLE outbox (id INTEGER PRIMARY KEY, recipient TEXT NOT NULL, kind TEXT"
            " NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL, created_at TEXT NOT NULL)"
        )
        connection.execute(
            "INSERT INTO outbox (recipient, kind, subject, body, created_at)"
            " SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4"
            " FROM (SELECT ? AS value)",
            (json.dumps(old),),
        )
    outbox = Outbox(outbox_of(shop_after))
    with serving(shop_after, outbox) as shop:
        assert shop.status(*reset_of_nobody(shop)) == 202
        assert outbox.letters_to("zoe@example.ie") == [Letter(*old)]
        assert len(outbox.letters_to("nobody@example.ie")) == 1


OF_ZOE = "UPDATE sell_submissions SET user_id = 4, contact_email = 'Home@Example.ie' WHERE id = 2"
OTHERS = [("home@example.ie", "sell_paid"), ("nobody@example.ie", "no_account")]


def recipients(shop: Path) -> list[tuple[Any, ...]]:
    with closing(apsw.Connection(str(outbox_of(shop)))) as connection:
        return connection.execute("SELECT recipient, kind FROM outbox ORDER BY id").fetchall()


def person_who_goes(shop: Shop) -> Request:
    """Somebody with letters of every kind, beside whom others have letters too."""
    outbox = apsw.Connection(str(outbox_of(shop.path)))
    with closing(outbox):
        outbox.execute(
            "INSERT INTO outbox (recipient, kind, subject, body, created_at)"
            " VALUES ('home@example.ie', 'sell_paid', 'We have paid for BATCH-9', 'b', '2025')"
        )
    for prepare in (registration, reset_of_nobody, confirmed_reset):
        assert shop.ask(*prepare(shop)).is_success
    shop.run(OF_ZOE)
    assert shop.ask(*offer(shop)).is_success
    assert ("Home@Example.ie", "offer_sent") in recipients(shop.path)
    return "DELETE", "/auth/me", shop.log_in(), {"password": PASSWORD}


def test_letters_go_with_a_deleted_account(shop_after: Path) -> None:
    with serving(shop_after, Outbox(outbox_of(shop_after))) as shop:
        request = person_who_goes(shop)
        assert shop.status(*request) == 204
        assert recipients(shop_after) == OTHERS
        assert kept(shop_after, "staged") == []
    # Nothing of them is left in free pages either.
    left = outbox_of(shop_after).read_bytes().lower()
    assert b"nobody@example.ie" in left
    assert b"zoe@example.ie" not in left


@pytest.mark.parametrize(("step", "gone"), [("staged", False), ("committed", True)])
def test_after_a_kill_letters_are_gone_if_the_account_is(
    step: str, gone: bool, shop_after: Path, tmp_path: Path
) -> None:
    post = KilledAt(shop_after, tmp_path)
    with serving(shop_after, post) as shop:
        request = person_who_goes(shop)
        number, letters = post.copies, recipients(shop_after)
        assert shop.status(*request) == 204
    path = tmp_path / f"{number}-{step}" / "after.db"
    assert recipients(path) == letters
    with serving(path, Outbox(outbox_of(path))) as shop:
        assert shop.rows("SELECT id FROM users WHERE id = 4") == ([] if gone else [(4,)])
        assert recipients(path) == (OTHERS if gone else letters)
    assert kept(path, "staged") == []


def test_an_account_whose_letters_cannot_be_erased_stays(shop: Shop) -> None:
    request = person_who_goes(shop)
    letters, before = recipients(shop.path), content(shop.path)
    with closing(apsw.Connection(str(outbox_of(shop.path)))) as other:
        other.execute("BEGIN IMMEDIATE")
        assert shop.status(*request) == 503
        other.execute("ROLLBACK")
    assert content(shop.path) == before
    assert recipients(shop.path) == letters
    assert shop.status(*request) == 204


@pytest.mark.parametrize(
    ("recipient", "subject", "stays"),
    [
        ("zoe@example.ie", "subject", False),
        ("home@example.ie", "Our offer for BATCH-Z", False),
        ("home@example.ie", "Our offer for BATCH-9", True),
        ("ann@example.ie", "Our offer for BATCH-Z", True),
    ],
)
def test_a_letter_that_waits_does_not_come_after_its_person_has_gone(
    recipient: str, subject: str, stays: bool, shop_after: Path
) -> None:
    post = LockedAfterwards(outbox_of(shop_after))
    post.open()
    letter = Letter(recipient, "late", subject, "body", "2025-10-05 10:00:00")
    erasure = Erasure("zoe@example.ie", (("home@example.ie", "BATCH-Z"),), letter.created_at)
    with (
        closing(database.connect(shop_after)) as connection,
        closing(post),
        closing(post.other),
    ):
        queries = QuerySet(connection, database.parts(connection), shop_after)
        writer = Writer(connection, queries.find, deadline_s=10, outbox=post)
        writer.submit(lambda tx: tx.enqueue(letter)).result(10)
        assert kept(shop_after, "staged") == ["late"]
        post.other.execute("ROLLBACK")
        writer.submit(lambda tx: tx.enqueue(erasure)).result(10)
        writer.submit(post.settle).result(10)
        writer.close()
    assert kept(shop_after) == (["late"] if stays else [])
    assert kept(shop_after, "staged") == []
