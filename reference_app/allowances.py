"""Limits on what one client may use: pieces held, events, submissions and faults.

Counted by address, and by account or session, in this process: a restart forgets the counts.
Guests choose their session ids, so only the address bounds them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal

from reference_app.addresses import network_of
from reference_app.errors import Conflict, TooManyRequests
from reference_app.moving_window import MovingWindow
from reference_app.settings import Settings

Key = tuple[str, str]
"""("address", network) or ("holder", account or session)."""
Held = tuple[Literal["reservation", "order"], int]
"""What holds pieces: a reservation or an order, by its id."""


class EventAllowance:
    """How many events, and bytes of them, an address and a session may send in a time."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._by_address = MovingWindow(settings.events_by_address, monotonic)
        self._by_session = MovingWindow(settings.events_by_session, monotonic)
        self._bytes = MovingWindow(settings.event_bytes_by_address, monotonic)

    def admit(self, address: str | None, sessions: Iterable[str], size_bytes: int) -> None:
        """Count a batch: the session of each event, and the bytes of all.

        Raises:
            TooManyRequests: one of the limits is reached; the batch is not to be written.
        """
        by_session = Counter(sessions)
        network = network_of(address)
        wanted = [
            (self._by_address, by_session.total(), network),
            (self._bytes, size_bytes, network),
            *((self._by_session, n, name) for name, n in by_session.items()),
        ]
        _count(wanted, "Too many events of late; wait {} s and send them again.")


class SubmissionAllowance:
    """How many submissions, and bytes of them, an address may send in a time."""

    def __init__(self, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._by_address = MovingWindow(settings.submissions_by_address, monotonic)
        self._bytes = MovingWindow(settings.submission_bytes_by_address, monotonic)

    def admit(self, address: str | None, size_bytes: int) -> None:
        """Count a submission.

        Raises:
            TooManyRequests: one of the limits is reached; the submission is not to be written.
        """
        network = network_of(address)
        _count(
            [(self._by_address, 1, network), (self._bytes, size_bytes, network)],
            "Too many submissions of late; wait {} s and send it again.",
        )


def _count(wanted: Sequence[tuple[MovingWindow, int, str]], refusal: str) -> None:
    """Count so much for a key in each window, or in none.

    Raises:
        TooManyRequests: a limit is reached; `refusal` has a `{}` for the seconds to wait.
    """
    wait_s = max(window.wait_s(key, cost=cost) for window, cost, key in wanted)
    if wait_s:
        raise TooManyRequests(refusal.format(wait_s), wait_s)
    for window, cost, key in wanted:
        window.add(key, cost=cost)


class FaultAllowance:
    """How many faults the requests of an address may have in a time: each costs time to find."""

    def __init__(self, limit: str) -> None:
        self._window = MovingWindow(limit)

    def check(self, address: str | None) -> None:
        """Check before a request is read.

        Raises:
            TooManyRequests: earlier requests had too many faults; this one is not to be read.
        """
        wait_s = self._window.wait_s(network_of(address))
        if wait_s:
            raise TooManyRequests(
                f"Too many requests could not be used; wait {wait_s} s, mend them and try again.",
                wait_s,
            )

    def count(self, address: str | None, faults: int) -> None:
        """Count the faults of a request."""
        self._window.add(network_of(address), cost=faults)


class Holdings:
    """Which pieces an address, and an account or session, has taken and may still hold.

    Pieces of reservations, and of guests' unpaid orders. Only the database knows which of them
    have ended, so `check` looks them up when a limit is reached.
    """

    def __init__(self, by_address: int, by_holder: int) -> None:
        self._most = {"address": by_address, "holder": by_holder}
        # Of each key: the pieces of each reservation or order, and the sum of them.
        self._held: defaultdict[Key, dict[Held, int]] = defaultdict(dict)
        self._sums: Counter[Key] = Counter()
        # Counted where the database is written, and forgotten where requests are answered.
        self._lock = threading.Lock()

    def check(
        self, keys: Iterable[Key], pieces: int, still_held: Callable[[Collection[Held]], set[Held]]
    ) -> frozenset[Held]:
        """Check that so many more pieces may be held; return the holds that have ended.

        `still_held` selects the holds that have not. Forget the ended ones once the transaction
        that read them is committed.

        Raises:
            Conflict: a limit would be exceeded.
        """
        with self._lock:
            full = {
                key: dict(self._held.get(key, {}))
                for key in keys
                if self._sums[key] + pieces > self._most[key[0]]
            }
        doubtful: frozenset[Held] = frozenset().union(*full.values())
        ended = doubtful - still_held(doubtful) if doubtful else doubtful
        for key, counts in full.items():
            total = sum(count for item, count in counts.items() if item not in ended)
            if total + pieces > self._most[key[0]]:
                whose = "from one address" if key[0] == "address" else "by one account or session"
                raise Conflict(
                    f"{self._most[key[0]]} pieces may be held at once {whose}, reserved or in "
                    "guests' unpaid orders; buy or pay for what you hold, or give it back."
                )
        return ended

    def add(self, keys: Iterable[Key], held: Held, pieces: int = 1) -> None:
        """Count a reservation or an order that was made."""
        with self._lock:
            for key in keys:
                self._sums[key] += pieces - self._held[key].get(held, 0)
                self._held[key][held] = pieces

    def forget(self, keys: Iterable[Key], ended: Iterable[Held]) -> None:
        """Stop counting ended holds."""
        ended = tuple(ended)
        with self._lock:
            for key in keys if ended else ():
                counts = self._held.get(key)
                if counts is None:
                    continue
                self._sums[key] -= sum(counts.pop(item, 0) for item in ended)
                if not counts:
                    del self._held[key], self._sums[key]


def keys_of(address: str | None, user_id: int | None, session_id: str | None) -> list[Key]:
    """The keys that pieces are counted by: an address, and an account or session if known."""
    keys = [("address", network_of(address))]
    if user_id is not None:
        return [*keys, ("holder", f"user {user_id}")]
    return keys if session_id is None else [*keys, ("holder", f"session {session_id}")]
