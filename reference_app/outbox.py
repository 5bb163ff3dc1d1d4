"""The outbox: letters in a database of their own, which stands for a mail provider.

Letters are no part of what is measured, and a letter holds the token whose hash alone the
shop keeps: hence a second file. SQLite commits two files in WAL mode one after the other, so
a letter is written in three steps. Inside the shop's transaction it is staged: written to
`pending`, on disk, where nothing reads it, while a row of the shop's system_logs gets its
mark. The shop's transaction is committed. Then the letter is moved to `outbox`, from where
it is sent. Whatever ends between these steps, the mark tells whether the transaction was
committed, and `settle` delivers the letter or drops it.

The shop's time is kept here too, since the study fixes the tables of the shop's own file.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import cast

import apsw

from reference_app.database import DatabaseBusy, DatabaseError, transaction
from reference_app.letters import Letter
from reference_app.port import Transaction
from reference_app.settings import outbox_path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id          INTEGER PRIMARY KEY,
    recipient   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    body        TEXT NOT NULL,
    created_at  TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS pending (
    id      INTEGER PRIMARY KEY,
    letter  TEXT NOT NULL,
    log_id  INTEGER NOT NULL,
    mark    TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS clock (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    moment  TEXT NOT NULL
);
"""
_DELIVER = """
INSERT INTO outbox (recipient, kind, subject, body, created_at)
SELECT letter ->> 'recipient', letter ->> 'kind', letter ->> 'subject', letter ->> 'body',
       letter ->> 'created_at'
FROM pending
WHERE id = :id;
DELETE FROM pending WHERE id = :id;
"""
# The writer waits here, and every other write behind it.
_BUSY_MS = 100
_OPEN_MS = 5000

_log = logging.getLogger(__name__)


class OutboxUnavailable(DatabaseBusy):
    """No letter can be kept at the moment: the outbox is locked, full or broken."""


def kept_time(database: Path) -> str | None:
    """The shop's time as its server kept it, None if there never was one.

    Raises:
        DatabaseError: the outbox is there and cannot be read.
    """
    path = outbox_path(database)
    if not path.is_file():
        return None
    outbox = Outbox(path)
    outbox.open()
    try:
        return outbox.kept_time()
    finally:
        outbox.close()


class Outbox:
    """Keeps letters in a file, in the order in which they were sent; see `letters.Post`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection
        # Used by the writer and by those who look; a connection serves one at a time.
        self._turn = threading.Lock()
        # Staged for the writer's open transaction, which nobody else can see the end of.
        self._undecided: set[int] = set()
        self._patient = True

    def open(self) -> None:
        """Open the file, made if need be.

        Raises:
            DatabaseError: it cannot be used.
        """
        try:
            self._connection = apsw.Connection(str(self._path))
            self._connection.set_busy_timeout(_OPEN_MS)
            self._connection.pragma("journal_mode", "wal")
            self._connection.execute(_SCHEMA)
        except apsw.Error as error:
            raise DatabaseError(
                f"The outbox {self._path} cannot be used ({error}); check its folder and its "
                "permissions, and stop what locks it, or name another in RESALE_OUTBOX."
            ) from error

    def stage(self, tx: Transaction, letters: Sequence[Letter]) -> list[int]:
        """Write letters to `pending`, on disk, and their mark into the shop's transaction.

        Raises:
            OutboxUnavailable: the outbox is locked, full or broken.
        """
        mark = secrets.token_hex(16)
        log_id = tx.insert(
            "write_log",
            {
                "level": "info",
                "category": "outbox",
                "message": "Letters were written.",
                "details": json.dumps({"mark": mark}),
                "user_id": None,
                "ip_address": None,
                "now": letters[0].created_at,
            },
        )
        staged = []
        with self._changed(synchronous="full"):
            for letter in letters:
                self._connection.execute(
                    "INSERT INTO pending (letter, log_id, mark) VALUES (?, ?, ?)",
                    (json.dumps(asdict(letter)), log_id, mark),
                )
                staged.append(self._connection.last_insert_rowid())
        self._undecided.update(staged)
        return staged

    def deliver(self, staged: Iterable[int]) -> None:
        """Move letters from `pending` to `outbox`; see `letters.Post`."""
        try:
            # It need not be on disk: `settle` would do the same again.
            with self._changed(synchronous="normal"):
                for number in staged:
                    self._connection.execute(_DELIVER, {"id": number})
        except OutboxUnavailable as error:
            _log.warning("letters wait in the outbox and are delivered later: %s", error.__cause__)
        finally:
            self._undecided.clear()

    def waiting(self) -> bool:
        """Whether letters are pending."""
        with self._turn:
            return bool(self._connection.execute("SELECT 1 FROM pending LIMIT 1").fetchall())

    def settle(self, tx: Transaction) -> None:
        """Deliver pending letters whose mark is in the shop's database, and drop the others.

        Whoever stages a letter holds the shop's write lock until it is decided: with the lock
        held here, what is pending is either this writer's own, or decided.

        Raises:
            OutboxUnavailable: the outbox is locked, full or broken.
        """
        with self._changed(synchronous="normal"):
            found = self._connection.execute(
                "SELECT id, log_id, mark FROM pending ORDER BY id"
            ).fetchall()
            for number, log_id, mark in cast("list[tuple[int, int, str]]", found):
                if number in self._undecided:
                    continue
                if tx.read("outbox_mark", {"log_id": log_id, "mark": mark}):
                    self._connection.execute(_DELIVER, {"id": number})
                else:
                    self._connection.execute("DELETE FROM pending WHERE id = ?", (number,))

    def letters(self, recipient: str) -> list[Letter]:
        """The letters to one address, oldest first."""
        with self._turn:
            rows = self._connection.execute(
                "SELECT recipient, kind, subject, body, created_at FROM outbox"
                " WHERE recipient = ? ORDER BY id",
                (recipient,),
            ).fetchall()
        return [Letter(*(str(value) for value in row)) for row in rows]

    def kept_time(self) -> str | None:
        """The shop's time that was kept last; see `clock.TimeStore`."""
        with self._turn:
            rows = self._connection.execute("SELECT moment FROM clock").fetchall()
        return str(rows[0][0]) if rows else None

    def keep_time(self, moment: str) -> None:
        """Keep the shop's time, on disk; see `clock.TimeStore`.

        Raises:
            OutboxUnavailable: the outbox is locked, full or broken.
        """
        with self._changed(synchronous="full"):
            self._connection.execute(
                "INSERT INTO clock (id, moment) VALUES (1, ?)"
                " ON CONFLICT (id) DO UPDATE SET moment = excluded.moment",
                (moment,),
            )

    def close(self) -> None:
        """Close the outbox's file."""
        self._connection.close()

    @contextmanager
    def _changed(self, *, synchronous: str) -> Iterator[None]:
        """A write transaction of the outbox; it waits for a lock once, and then no more."""
        with self._turn:
            self._connection.set_busy_timeout(_BUSY_MS if self._patient else 0)
            try:
                self._connection.pragma("synchronous", synchronous)
                with transaction(self._connection):
                    yield
            except (apsw.Error, DatabaseBusy) as error:
                self._patient = False
                raise OutboxUnavailable(
                    "The outbox cannot be written at the moment, and nothing was done; send the "
                    "request again in a moment."
                ) from error
            self._patient = True
