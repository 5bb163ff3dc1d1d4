"""What the rules of the shop refuse. Values only: no HTTP, no SQL.

Rules and stores raise these; `reference_app.answers` gives each its status. The
text is one sentence for whoever asked, and says what to do next.
"""

from __future__ import annotations


class Refusal(Exception):
    """The shop will not do what it was asked."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotThere(Refusal):
    """What was asked for does not exist, or not for whoever asks."""


class Conflict(Refusal):
    """The state of things does not allow it (any more)."""


class Unusable(Refusal):
    """The request is well-formed and cannot be carried out as it stands."""


class NotLoggedIn(Refusal):
    """Nobody is logged in, or not any longer."""


class Forbidden(Refusal):
    """Whoever is logged in may not do this."""


class TooManyTries(Refusal):
    """Tries came too fast; `retry_after_s` seconds from now they may go on."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
