"""Domain errors: rules and stores raise them, `reference_app.answers` gives each its status.

The detail is a sentence for the caller that says what to do next.
"""

from __future__ import annotations


class ShopError(Exception):
    """The base of all domain errors."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NotFound(ShopError):
    """There is no such thing, or the caller may not see it."""


class Conflict(ShopError):
    """The current state does not allow it."""


class Unprocessable(ShopError):
    """The request is well-formed and cannot be carried out."""


class Unauthenticated(ShopError):
    """The caller is not logged in, or no longer."""


class Forbidden(ShopError):
    """The caller may not do this."""


class TooManyRequests(ShopError):
    """A rate limit is reached; retry after `retry_after_s` seconds."""

    def __init__(self, detail: str, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
