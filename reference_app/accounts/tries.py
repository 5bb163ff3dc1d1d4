"""Limits on tries: how often somebody may log in, register, or ask for a new password.

Counted by where a request comes from and by the account it is about, within a moving
window. The counts live in this process and are forgotten when it restarts. They go by
the machine's clock, not the shop's. No SQL and no HTTP may enter.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reference_app.addresses import network_of
from reference_app.refusals import TooManyTries
from reference_app.windows import MovingWindow

# Whoever guesses a password has an address. Were these counted for the account alone, a stranger
# could keep its owner out; letters are, since a stranger could send any number of them.
_COUNTED_WITH_ADDRESS = frozenset({"login", "password"})


class Tries:
    """The limits of one server, each as in "60/minute"."""

    def __init__(
        self, by_address: str, by_account: str, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._by_address = MovingWindow(by_address, monotonic)
        self._by_account = MovingWindow(by_account, monotonic)

    def admit(self, what: str, address: str | None, account: str | None = None) -> None:
        """Count a try.

        Raises:
            TooManyTries: there were too many of late; this one is not counted.
        """
        network = network_of(address)
        wait_s = self._by_address.hit(what, network)
        if not wait_s and account is not None:
            where = (network,) if what in _COUNTED_WITH_ADDRESS else ()
            wait_s = self._by_account.hit(what, account, *where)
        if wait_s:
            raise TooManyTries(f"Too many tries; wait {wait_s} s and try again.", wait_s)
