"""The outbox: letters in a database of their own, in place of a mail provider.

Letters are not measured, and a letter holds a token of which the shop stores only the hash: hence
a second file. SQLite commits two files in WAL mode one after the other, so a letter is written in
three steps. Inside the shop's transaction it is staged: written to `staged`, on disk, and its mark
to a row of the shop's system_logs. The shop's transaction is committed. Then the letter is moved
to `outbox`, from where it is sent. Erased letters are deleted there in the same steps. If the
process ends between the steps, the mark shows whether the transaction was committed, and `settle`
makes or drops the change.

The shop's time is stored here too, since the study fixes the tables of the shop's own file.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import cast

import apsw

from reference_app import untouched
from reference_app.database import DatabaseBusy, DatabaseError, demand_utf8, transaction
from reference_app.mail import Change, Letter
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
CREATE INDEX IF NOT EXISTS idx_outbox_recipient ON outbox (recipient COLLATE NOCASE);
CREATE TABLE IF NOT EXISTS staged (
    id       INTEGER PRIMARY KEY,
    kind     TEXT NOT NULL CHECK (kind IN ('letter', 'erasure')),
    content  TEXT NOT NULL,
    log_id   INTEGER NOT NULL,
    mark     TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS clock (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    moment  TEXT NOT NULL
);
"""
# A file with these is an outbox. One of an earlier version lacks tables, but never `outbox`.
_TABLES = frozenset({"outbox", "staged", "clock"})
_COLUMNS = frozenset({"id", "recipient", "kind", "subject", "body", "created_at"})
_HOLDS = "SELECT tbl_name FROM sqlite_schema WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
_HAS = "SELECT name FROM pragma_table_info('outbox')"
_DELIVER = """
INSERT INTO outbox (recipient, kind, subject, body, created_at)
SELECT content ->> 'recipient', content ->> 'kind', content ->> 'subject', content ->> 'body',
       content ->> 'created_at'
FROM staged
WHERE id = :id AND kind = 'letter';
"""
# Subjects of letters about a submission hold its batch id, which is like no other. A letter that
# was staged before and still waits goes as well, whether its transaction was committed or not.
_ERASE = """
DELETE FROM outbox
WHERE recipient = (SELECT content ->> 'recipient' FROM staged WHERE id = :id AND kind = 'erasure')
      COLLATE NOCASE;
DELETE FROM outbox
WHERE id IN (
    SELECT outbox.id
    FROM staged, json_each(staged.content -> 'submissions') AS one
    JOIN outbox ON outbox.recipient = one.value ->> 0 COLLATE NOCASE
    WHERE staged.id = :id AND instr(outbox.subject, one.value ->> 1)
);
DELETE FROM staged
WHERE id IN (
    SELECT letter.id
    FROM staged AS erasure
    JOIN staged AS letter ON letter.id < erasure.id AND letter.kind = 'letter'
    LEFT JOIN json_each(erasure.content -> 'submissions') AS one
    WHERE erasure.id = :id AND erasure.kind = 'erasure'
      AND (letter.content ->> 'recipient' = erasure.content ->> 'recipient' COLLATE NOCASE
           OR (letter.content ->> 'recipient' = one.value ->> 0 COLLATE NOCASE
               AND instr(letter.content ->> 'subject', one.value ->> 1)))
);
"""
_DROP = "DELETE FROM staged WHERE id = :id"

# The writer waits this long, and all queued writes with it.
_BUSY_MS = 100
_OPEN_MS = 5000

_log = logging.getLogger(__name__)


class OutboxUnavailable(DatabaseBusy):
    """The outbox cannot be written: it is locked, full or broken."""


def kept_time(database: Path) -> str | None:
    """The shop's time as its server stored it, None if there was none.

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
    """Stores letters in a file, in the order of sending; see `mail.OutboxPort`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: apsw.Connection
        # The writer and readers share the connection, which serves one thread at a time.
        self._lock = threading.Lock()
        # Staged for the writer's open transaction, whose outcome only the writer knows.
        self._undecided: set[int] = set()
        self._patient = True

    def open(self) -> None:
        """Open the file, made if need be.

        Raises:
            DatabaseError: it cannot be used, or is somebody else's; nothing of it changes then.
        """
        try:
            self._validate_file()
            # Letters hold tokens: only the file's owner may read them, their log and index.
            os.close(os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600))
            self._path.chmod(0o600)
            self._connection = apsw.Connection(str(self._path))
            self._connection.set_busy_timeout(_OPEN_MS)
            self._connection.pragma("journal_mode", "wal")
            self._connection.pragma("secure_delete", True)
            self._connection.execute(_SCHEMA)
        except (OSError, apsw.Error) as error:
            raise DatabaseError(
                f"The outbox {self._path} cannot be used ({error}); check its folder and its "
                "permissions, and stop what locks it, or name another in RESALE_OUTBOX."
            ) from error

    def _validate_file(self) -> None:
        """Check that an existing file is an outbox, before anything of it changes.

        Raises:
            DatabaseError: it is no database, or one with other tables.
        """
        demand_utf8(self._path)
        if not self._path.exists() or (self._path.is_file() and not self._path.stat().st_size):
            return
        try:
            with untouched.looking(self._path, busy_timeout_ms=_OPEN_MS) as connection:
                names, columns = (
                    {str(name) for (name,) in connection.execute(sql)} for sql in (_HOLDS, _HAS)
                )
        except DatabaseError as error:
            raise DatabaseError(
                f"The outbox {self._path} cannot be used; name another in RESALE_OUTBOX, or leave "
                f"it unset. {error}"
            ) from error
        if names and not (names <= _TABLES and columns >= _COLUMNS):
            raise DatabaseError(
                f"The database {self._path} is no outbox of a shop: it holds "
                f"{', '.join(sorted(names)[:3])}; name another file in RESALE_OUTBOX, or leave it "
                "unset."
            )

    def stage(self, tx: Transaction, changes: Sequence[Change]) -> list[int]:
        """Write changes to `staged`, on disk, and their mark into the shop's transaction.

        Raises:
            OutboxUnavailable: the outbox is locked, full or broken.
        """
        mark = secrets.token_hex(16)
        log_id = tx.insert(
            "write_log",
            {
                "level": "info",
                "category": "outbox",
                "message": "Letters were written or erased.",
                "details": json.dumps({"mark": mark}),
                "user_id": None,
                "ip_address": None,
                "now": changes[0].created_at,
            },
        )
        staged = []
        with self._changed(synchronous="full"):
            for change in changes:
                kind = "letter" if isinstance(change, Letter) else "erasure"
                self._connection.execute(
                    "INSERT INTO staged (kind, content, log_id, mark) VALUES (?, ?, ?, ?)",
                    (kind, json.dumps(asdict(change)), log_id, mark),
                )
                staged.append(self._connection.last_insert_rowid())
        self._undecided.update(staged)
        return staged

    def deliver(self, staged: Iterable[int]) -> None:
        """Move letters from `staged` to `outbox`, and erase there; see `mail.OutboxPort`."""
        try:
            # Not synced to disk: `settle` would repeat it.
            with self._changed(synchronous="normal"):
                for number in staged:
                    self._make(number)
        except OutboxUnavailable as error:
            _log.warning("letters stay staged and are delivered later: %s", error.__cause__)
        finally:
            self._undecided.clear()

    def waiting(self) -> bool:
        """Whether anything is staged."""
        with self._lock:
            return bool(self._connection.execute("SELECT 1 FROM staged LIMIT 1").fetchall())

    def settle(self, tx: Transaction) -> None:
        """Make the staged changes whose mark is in the shop's database, and drop the others.

        A writer stages a change and decides it under the shop's write lock, which is held here:
        every staged change is either this writer's own, or decided.

        Raises:
            OutboxUnavailable: the outbox is locked, full or broken.
        """
        with self._changed(synchronous="normal"):
            rows = self._connection.execute(
                "SELECT id, log_id, mark FROM staged ORDER BY id"
            ).fetchall()
            for number, log_id, mark in cast("list[tuple[int, int, str]]", rows):
                if number in self._undecided:
                    continue
                if tx.read("outbox_mark", {"log_id": log_id, "mark": mark}):
                    self._make(number)
                else:
                    self._connection.execute(_DROP, {"id": number})

    def letters_to(self, recipient: str) -> list[Letter]:
        """The letters to one address, oldest first."""
        with self._lock:
            rows = self._connection.execute(
                "SELECT recipient, kind, subject, body, created_at FROM outbox"
                " WHERE recipient = ? ORDER BY id",
                (recipient,),
            ).fetchall()
        return [Letter(*(str(value) for value in row)) for row in rows]

    def kept_time(self) -> str | None:
        """The shop's time that was kept last; see `clock.TimeStore`."""
        with self._lock:
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

    def _make(self, number: int) -> None:
        """Make one staged change."""
        for statements in (_DELIVER, _ERASE, _DROP):
            self._connection.execute(statements, {"id": number})

    @contextmanager
    def _changed(self, *, synchronous: str) -> Iterator[None]:
        """A write transaction; it waits for a lock, but not again while the outbox stays locked."""
        with self._lock:
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
