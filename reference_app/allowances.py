"""What one visitor may take of what all share: pieces held, room for what is sent, and faults.

Counted by address, and by account or session, in this process: a restart forgets the counts. A
guest makes sessions up at will, so that the address is what bounds a stranger. No SQL and no HTTP.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence

from reference_app.addresses import network_of
from reference_app.refusals import Conflict, TooManyTries
from reference_app.settings import Settings
from reference_app.windows import MovingWindow


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
        raise TooManyTries(refusal.format(wait_s), wait_s)
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
            raise TooManyTries(
                f"Too many requests could not be used; wait {wait_s} s, mend them and try again.",
                wait_s,
            )

    def count(self, address: str | None, faults: int) -> None:
        """Count the faults of a request."""
        self._window.add(network_of(address), cost=faults)


class Holdings:
    """Which reservations an address, and an account or session, has made and may still hold.

    Only the database knows which of them have ended: whoever reaches a limit is looked up there.
    """

    def __init__(self, by_address: int, by_holder: int) -> None:
        self._most = {"address": by_address, "holder": by_holder}
        self._made: defaultdict[tuple[str, str], set[int]] = defaultdict(set)

    def doubtful(self, keys: Iterable[tuple[str, str]]) -> frozenset[int]:
        """The reservations of those keys that have reached their limit, ended ones included."""
        full = (self._made.get(key, set()) for key in keys if self._is_full(key))
        return frozenset().union(*full)

    def check(self, keys: Iterable[tuple[str, str]], active: Collection[int]) -> None:
        """Forget what is not active of the keys at their limit, and refuse one that still is.

        Raises:
            Conflict: as much is held as may be.
        """
        for key in keys:
            if not self._is_full(key):
                continue
            self._made[key].intersection_update(active)
            if self._is_full(key):
                whose = "from one address" if key[0] == "address" else "by one account or session"
                raise Conflict(
                    f"{self._most[key[0]]} pieces may be held at once {whose}; "
                    "buy what you hold, or give it back."
                )
            if not self._made[key]:
                del self._made[key]

    def add(self, keys: Iterable[tuple[str, str]], reservation_id: int) -> None:
        """Count a reservation that was made."""
        for key in keys:
            self._made[key].add(reservation_id)

    def drop(self, keys: Iterable[tuple[str, str]], reservation_id: int) -> None:
        """No longer count one that was given back."""
        for key in keys:
            held = self._made.get(key)
            if held is not None:
                held.discard(reservation_id)
                if not held:
                    del self._made[key]

    def _is_full(self, key: tuple[str, str]) -> bool:
        return len(self._made.get(key, ())) >= self._most[key[0]]


def keys_of(
    address: str | None, user_id: int | None, session_id: str | None
) -> list[tuple[str, str]]:
    """What a reservation is counted by: its address, and its account or session."""
    holder = f"session {session_id}" if user_id is None else f"user {user_id}"
    return [("address", network_of(address)), ("holder", holder)]
