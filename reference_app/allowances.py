"""What one visitor may take of what all share: pieces held, room for what is sent, and faults.

Counted by address, and by account or session, in this process: a restart forgets the counts. A
guest makes sessions up at will, so that the address is what bounds a stranger. No SQL and no HTTP.
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
"""Of whom something is counted: "address" or "holder", and which."""
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
            TooManyTries: one of the limits is reached; the batch is not to be written.
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
            TooManyTries: one of the limits is reached; the submission is not to be written.
        """
        network = network_of(address)
        _count(
            [(self._by_address, 1, network), (self._bytes, size_bytes, network)],
            "Too many submissions of late; wait {} s and send it again.",
        )


def _count(wanted: Sequence[tuple[MovingWindow, int, str]], refusal: str) -> None:
    """Count so much for a key in each window, or in none.

    Raises:
        TooManyTries: one has no room; `refusal` has a place for the seconds to wait.
    """
    wait_s = max(window.wait_s(key, cost=cost) for window, cost, key in wanted)
    if wait_s:
        raise TooManyRequests(refusal.format(wait_s), wait_s)
    for window, cost, key in wanted:
        window.add(key, cost=cost)


class FaultAllowance:
    """How many faults the requests of an address may have in a time: to find each costs time."""

    def __init__(self, limit: str) -> None:
        self._window = MovingWindow(limit)

    def check(self, address: str | None) -> None:
        """Let a request pass.

        Raises:
            TooManyTries: those before it had too many faults; this one is not to be read.
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

    Those of reservations, and of guests' orders that are not paid: what is bought of what was
    reserved is held as before. Only the database knows what of it has ended: whoever reaches a
    limit is looked up there.
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
        """Refuse so many more pieces where too many are held.

        `still_held` says which of some are not over. Those that are, are returned: forget them
        once what was seen of the database is committed.

        Raises:
            Conflict: as much is held as may be.
        """
        with self._lock:
            full = {
                key: dict(self._held.get(key, {}))
                for key in keys
                if self._sums[key] + pieces > self._most[key[0]]
            }
        doubtful: frozenset[Held] = frozenset().union(*full.values())
        ended = doubtful - still_held(doubtful) if doubtful else doubtful
        for key, mine in full.items():
            held = sum(count for one, count in mine.items() if one not in ended)
            if held + pieces > self._most[key[0]]:
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
        """No longer count what is over."""
        ended = tuple(ended)
        with self._lock:
            for key in keys if ended else ():
                mine = self._held.get(key)
                if mine is None:
                    continue
                self._sums[key] -= sum(mine.pop(one, 0) for one in ended)
                if not mine:
                    del self._held[key], self._sums[key]


def keys_of(address: str | None, user_id: int | None, session_id: str | None) -> list[Key]:
    """What pieces are counted by: an address, and an account or session if there is one."""
    keys = [("address", network_of(address))]
    if user_id is not None:
        return [*keys, ("holder", f"user {user_id}")]
    return keys if session_id is None else [*keys, ("holder", f"session {session_id}")]
