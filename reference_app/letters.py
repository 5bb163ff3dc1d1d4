"""Letters to people: the port to a mail provider, and the outbox that stands for one.

The outbox is a database of its own beside the shop's: letters are no part of what is
measured, and a letter holds the token whose hash alone the shop keeps. It is written
before the request that caused it is answered.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import apsw

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outbox (
    id          INTEGER PRIMARY KEY,
    recipient   TEXT NOT NULL,
    kind        TEXT NOT NULL,
    subject     TEXT NOT NULL,
    body        TEXT NOT NULL,
    created_at  TEXT NOT NULL
)
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, as it goes out."""

    recipient: str
    kind: str
    subject: str
    body: str
    created_at: str


class Post(Protocol):
    """Takes letters; a real provider is one more class of this shape."""

    def send(self, letter: Letter) -> None:
        """Take a letter; it must not get lost once this has returned."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


async def send(post: Post, letter: Letter) -> None:
    """Hand a letter over without holding up the event loop; it is taken when this returns."""
    await asyncio.to_thread(post.send, letter)


class Outbox:
    """Keeps letters in a table, in the order in which they were sent."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))
        self._connection.set_busy_timeout(5000)
        self._connection.pragma("journal_mode", "wal")
        self._connection.execute(_SCHEMA)
        # Letters come from several threads, and a connection serves one at a time.
        self._turn = threading.Lock()

    def send(self, letter: Letter) -> None:
        """Keep a letter."""
        row = (letter.recipient, letter.kind, letter.subject, letter.body, letter.created_at)
        with self._turn:
            self._connection.execute(
                "INSERT INTO outbox (recipient, kind, subject, body, created_at)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )

    def letters(self, recipient: str) -> list[Letter]:
        """The letters to one address, oldest first."""
        with self._turn:
            rows = self._connection.execute(
                "SELECT recipient, kind, subject, body, created_at FROM outbox"
                " WHERE recipient = ? ORDER BY id",
                (recipient,),
            ).fetchall()
        return [Letter(*(str(value) for value in row)) for row in rows]

    def close(self) -> None:
        """Close the outbox's file."""
        self._connection.close()


class MemoryPost:
    """The fake: keeps letters in a list."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []

    def send(self, letter: Letter) -> None:
        """Keep a letter."""
        self.sent.append(letter)

    def close(self) -> None:
        """Nothing is held open."""
