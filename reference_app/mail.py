"""Letters to customers, and the port of the outbox that stores them until they are sent.

A letter is queued on a transaction (`Transaction.enqueue`) and sent if and only if that is
committed. The letters of an account are erased in the same way.
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
    """One letter."""

    recipient: str
    kind: str
    subject: str
    body: str
    created_at: str


@dataclass(frozen=True, slots=True)
class Erasure:
    """Erases the letters of a deleted account: all to its address, and those about its submissions.

    A submission is (its contact address, its batch id).
    """

    recipient: str
    submissions: tuple[tuple[str, str], ...]
    created_at: str


Change = Letter | Erasure
"""A change of the outbox, made once its transaction is committed."""


class OutboxPort(TimeStore, Protocol):
    """Takes letters in two steps, before and after the commit, and stores the shop's time.

    The writer calls `stage`, `deliver` and `settle` while it holds the write lock of the shop's
    database.
    """

    def open(self) -> None:
        """Open the outbox.

        Raises:
            DatabaseError: it cannot be used.
        """
        ...

    def stage(self, tx: Transaction, changes: Sequence[Change]) -> list[int]:
        """Store changes durably without making them; their numbers.

        Raises:
            DatabaseError: they cannot be stored; the transaction has to be rolled back.
        """
        ...

    def deliver(self, staged: Iterable[int]) -> None:
        """Make these changes, whose transactions are committed; the others were rolled back.

        Never raises: `settle` makes later what cannot be made now.
        """
        ...

    def waiting(self) -> bool:
        """Whether there are changes for `settle`."""
        ...

    def settle(self, tx: Transaction) -> None:
        """Make or drop staged changes that were never decided, as their transactions ended."""
        ...

    def close(self) -> None:
        """Close the outbox."""
        ...


class MemoryOutbox:
    """The fake: keeps letters in a list."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []
        self._staged: dict[int, Change] = {}
        self._count = 0
        self._time: str | None = None

    def open(self) -> None:
        """Nothing to open."""

    def stage(self, tx: Transaction, changes: Sequence[Change]) -> list[int]:
        """Keep changes aside."""
        first = self._count
        self._count += len(changes)
        self._staged.update(enumerate(changes, first))
        return list(range(first, self._count))

    def deliver(self, staged: Iterable[int]) -> None:
        """Make these changes; forget the others."""
        for number in staged:
            change = self._staged[number]
            if isinstance(change, Letter):
                self.sent.append(change)
            else:
                self.sent = [letter for letter in self.sent if letter.recipient != change.recipient]
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
