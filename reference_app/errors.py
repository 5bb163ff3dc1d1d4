"""What the rules of the shop refuse. Values only: no HTTP, no SQL.

Rules and stores raise these; `reference_app.answers` gives each its status. The
text is one sentence for whoever asked, and says what to do next.
"""

from __future__ import annotations


class ShopError(Exception):
    """The shop will not do what it was asked."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(ShopError):
    """What was asked for does not exist, or not for whoever asks."""


class Conflict(ShopError):
    """The state of things does not allow it (any more)."""


class Unprocessable(ShopError):
    """The request is well-formed and cannot be carried out as it stands."""


class Unauthenticated(ShopError):
    """Nobody is logged in, or not any longer."""


class Forbidden(ShopError):
    """Whoever is logged in may not do this."""


class TooManyRequests(ShopError):
    """Tries came too fast; `retry_after_s` seconds from now they may go on."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
