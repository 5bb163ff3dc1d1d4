"""Limits on tries: how often somebody may log in, register, or ask for a new password.

Counted by where a request comes from and by the account it is about, within a moving
window. The counts live in this process and are forgotten when it restarts. They go by
the machine's clock, not the shop's. No SQL and no HTTP may enter.
"""

from __future__ import annotations

import math
import time

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from reference_app.accounts.rules import network_of
from reference_app.refusals import TooManyTries

# Whoever guesses a password has an address. Were these counted for the account alone, a stranger
# could keep its owner out; letters are, since a stranger could send any number of them.
_COUNTED_WITH_ADDRESS = frozenset({"login", "password"})
_MANY_KEYS = 10_000


class Tries:
    """The limits of one server, each as in "60/minute"."""

    def __init__(self, by_address: str, by_account: str) -> None:
        self._by_address = parse(by_address)
        self._by_account = parse(by_account)
        self._storage = MemoryStorage()
        self._window = MovingWindowRateLimiter(self._storage)
        self._tidy_at = _MANY_KEYS

    def admit(self, what: str, address: str | None, account: str | None = None) -> None:
        """Count a try.

        Raises:
            TooManyTries: there were too many of late; this one is not counted.
        """
        network = network_of(address)
        self._hit(self._by_address, what, "address", network)
        if account is not None:
            where = (network,) if what in _COUNTED_WITH_ADDRESS else ()
            self._hit(self._by_account, what, "account", account, *where)
        if len(self._storage.events) > self._tidy_at:
            self._tidy()

    def _hit(self, limit: RateLimitItem, *key: str) -> None:
        if self._window.hit(limit, *key):
            return
        reset, _ = self._window.get_window_stats(limit, *key)
        wait_s = max(1, math.ceil(reset - time.time()))
        raise TooManyTries(f"Too many tries; wait {wait_s} s and try again.", wait_s)

    def _tidy(self) -> None:
        """Forget who has not tried for a while: the storage keeps their empty entries."""
        for key in [key for key, events in list(self._storage.events.items()) if not events]:
            self._storage.clear(key)
        self._tidy_at = max(_MANY_KEYS, 2 * len(self._storage.events))
