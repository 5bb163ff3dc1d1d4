"""Limits on tries: how often somebody may log in, register, or ask for a new password.

Counted by where a request comes from and by the account it is about, within a moving window. The
counts live in this process and are forgotten when it restarts. They go by the machine's clock,
not the shop's.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reference_app.addresses import network_of
from reference_app.errors import TooManyRequests
from reference_app.moving_window import MovingWindow

# What sends a letter, to whomever the request names.
_LETTERS = frozenset({"register", "reset"})


class RateLimits:
    """The limits of one server, each as in "60/minute".

    Tries on an account are counted together with where they come from: were they counted for the
    account alone, a stranger could keep its owner out from everywhere. Only letters are counted
    for the account alone too, or many networks could flood a mailbox; what one network may ask
    for is less, so that it cannot use up the letters of others.

    Still possible: whoever has several networks uses up an account's letters of an hour. Its
    owner cannot ask for one then, but the letters that came are all usable for that hour: those
    of resets, which are counted apart, let the owner of an address in, registered or not.
    """

    def __init__(
        self,
        by_address: str,
        by_account: str,
        *,
        letters_by_address: str,
        letters_by_account: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._by_address = MovingWindow(by_address, monotonic)
        self._by_account = MovingWindow(by_account, monotonic)
        self._letters_by_address = MovingWindow(letters_by_address, monotonic)
        self._letters_by_account = MovingWindow(letters_by_account, monotonic)

    def admit(self, what: str, address: str | None, account: str | None = None) -> None:
        """Count a try.

        Raises:
            TooManyTries: there were too many of late; this one is not counted.
        """
        network = network_of(address)
        counted: list[tuple[MovingWindow, tuple[str, ...]]] = [(self._by_address, (what, network))]
        if account is not None and what in _LETTERS:
            counted.append((self._letters_by_address, (what, account, network)))
            counted.append((self._letters_by_account, (what, account)))
        elif account is not None:
            counted.append((self._by_account, (what, account, network)))
        wait_s = max(window.wait_s(*key) for window, key in counted)
        if wait_s:
            raise TooManyRequests(f"Too many tries; wait {wait_s} s and try again.", wait_s)
        for window, key in counted:
            window.add(*key)
