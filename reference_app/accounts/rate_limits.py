"""Rate limits on logins, registrations and password resets.

Counted by address and by account, within a moving window of the machine's clock, not the shop's.
The counts live in this process and are forgotten when it restarts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from reference_app.addresses import network_of
from reference_app.errors import TooManyRequests
from reference_app.moving_window import MovingWindow

# Actions that send a letter to the address in the request.
_LETTERS = frozenset({"register", "reset"})


class RateLimits:
    """The limits of one server, each as in "60/minute".

    Attempts on an account are counted by account and network: counted by account alone, a stranger
    could lock its owner out. Letters are counted by account alone too, or many networks could
    flood a mailbox; the limit of one network is lower, so that it cannot use up those of others.

    Still possible: a stranger with several networks can use up an account's letters of an hour. Its
    owner cannot request one then, but all letters that came are usable for that hour; those of
    resets, counted separately, admit the owner of an address, registered or not.
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
        """Count an attempt.

        Raises:
            TooManyRequests: a limit is reached; this attempt is not counted.
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
