"""What is read of accounts. No SQL (it has names) and no HTTP may enter."""

from __future__ import annotations

from reference_app.clock import Clock, text_of
from reference_app.pool import Database, Row

_NOBODY = 0


class AccountStore:
    """Users and their open password resets, from the port that it is given."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def open_resets(self, email: str) -> list[Row]:
        """The open resets of whoever has this address.

        An unknown address is looked up all the same, so that the time taken
        tells nothing either.
        """
        users = await self._database.read("user_by_email", {"email": email})
        user_id = users[0]["id"] if users else _NOBODY
        return await self._database.read(
            "password_resets_for_user", {"user_id": user_id, "now": text_of(self._clock.now())}
        )
