"""Letters to people, and the port to what keeps them until they are sent.

A letter is queued on the transaction of what it tells of (`Transaction.enqueue`), and goes out if
and only if that is committed; letters to an account go with it in the same way.
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


@dataclass(frozen=True, slots=True)
class Erasure:
    """The letters to a person who goes: all to their address, and those about their submissions.

    A submission is (the address that was left for it, its batch id).
    """

    recipient: str
    submissions: tuple[tuple[str, str], ...]
    created_at: str


Change = Letter | Erasure
"""What a transaction changes of the letters, once it is committed."""


class OutboxPort(TimeStore, Protocol):
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

    def stage(self, tx: Transaction, changes: Sequence[Change]) -> list[int]:
        """Keep changes so that none gets lost, and none is made yet; their numbers.

        Raises:
            DatabaseError: they cannot be kept; the transaction has to be undone.
        """
        ...

    def deliver(self, staged: Iterable[int]) -> None:
        """Make these changes, their transactions being committed; others were undone.

        Never raises: `settle` makes later what could not be made now.
        """
        ...

    def waiting(self) -> bool:
        """Whether there are changes for `settle`."""
        ...

    def settle(self, tx: Transaction) -> None:
        """Make or drop what was staged and never decided, as its transaction ended."""
        ...

    def close(self) -> None:
        """Let go of what is held open."""
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
        """Make these changes of what was sent; forget the others."""
        for number in staged:
            change = self._staged[number]
            if isinstance(change, Letter):
                self.sent.append(change)
            else:
                self.sent = [one for one in self.sent if one.recipient != change.recipient]
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
