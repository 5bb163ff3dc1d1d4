"""Letters to people, and the port to what keeps them until they are sent.

A letter is queued on the transaction of what it tells of (`Transaction.enqueue`), and goes
out if and only if that is committed. No SQL and no HTTP may enter.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reference_app.clock import TimeStore

if TYPE_CHECKING:
    from reference_app.port import Transaction


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter, as it goes out."""

    recipient: str
    kind: str
    subject: str
    body: str
    created_at: str


class Post(TimeStore, Protocol):
    """Takes letters in two steps, around the commit of what they tell of, and keeps the time.

    `stage`, `deliver` and `settle` are called by the writer, with the write lock of the shop's
    database held.
    """

    def open(self) -> None:
        """Open what letters are kept in.

        Raises:
            DatabaseError: it cannot be used.
        """
        ...

    def stage(self, tx: Transaction, letters: Sequence[Letter]) -> list[int]:
        """Keep letters so that none gets lost, and none goes out yet; their numbers.

        Raises:
            DatabaseError: they cannot be kept; the transaction has to be undone.
        """
        ...

    def deliver(self, staged: Iterable[int]) -> None:
        """Let these letters go out, their transactions being committed; others were undone.

        Never raises: `settle` delivers later what could not be delivered now.
        """
        ...

    def waiting(self) -> bool:
        """Whether there are letters for `settle`."""
        ...

    def settle(self, tx: Transaction) -> None:
        """Deliver or drop what was staged and never decided, as its transaction ended."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
        ...


class MemoryPost:
    """The fake: keeps letters in a list."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self._staged: dict[int, Letter] = {}
        self._time: str | None = None

    def open(self) -> None:
        """Nothing to open."""

    def stage(self, tx: Transaction, letters: Sequence[Letter]) -> list[int]:
        """Keep letters aside."""
        first = len(self.sent) + len(self._staged)
        self._staged.update(enumerate(letters, first))
        return list(range(first, first + len(letters)))

    def deliver(self, staged: Iterable[int]) -> None:
        """Move letters to those that were sent; forget the others."""
        self.sent += [self._staged[number] for number in staged]
        self._staged.clear()

    def waiting(self) -> bool:
        """Nothing is ever left over."""
        return False

    def settle(self, tx: Transaction) -> None:
        """Nothing is ever left over."""

    def kept_time(self) -> str | None:
        """The time that was kept last."""
        return self._time

    def keep_time(self, moment: str) -> None:
        """Keep a time."""
        self._time = moment

    def close(self) -> None:
        """Nothing is held open."""
