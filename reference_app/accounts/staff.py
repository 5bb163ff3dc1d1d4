"""Read and change accounts, for staff."""

from __future__ import annotations

from typing import Any

from reference_app import paging
from reference_app.accounts import rules
from reference_app.accounts.authorization import Caller, Role
from reference_app.accounts.store import shown
from reference_app.activity_log import record_action
from reference_app.clock import Clock, text_of
from reference_app.errors import Conflict, NotFound
from reference_app.port import Database, Row, Transaction


class StaffStore:
    """All accounts, for staff."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def users(
        self, *, email: str | None, role: Role | None, after: str | None, limit: int
    ) -> dict[str, Any]:
        """A page of accounts, newest first."""
        before_id = paging.unpack(after, int)[0] if after else None
        rows = await self._database.read(
            "users_listed",
            {
                "email": rules.normalised(email) if email else None,
                "role": role,
                "after": before_id,
                "limit": limit + 1,
            },
        )
        return paging.page([shown(row) for row in rows], limit, "id")

    async def user(self, user_id: int) -> Row:
        """One account, and the number of its sessions, orders and submissions.

        Raises:
            NotFound: there is none.
        """
        rows = await self._database.read("user_for_staff", {"user_id": user_id, "now": self._now})
        return shown(_only(rows, user_id))

    async def change_role(self, caller: Caller, user_id: int, role: Role) -> Row:
        """Give an account a role; the account afterwards.

        Raises:
            NotFound: there is none.
            Conflict: no admin would remain, or the address of a new admin is not verified.
        """
        now = self._now

        def work(tx: Transaction) -> Row:
            before = _only(tx.read("account_by_id", {"user_id": user_id}), user_id)
            rises = role == "admin" and before["role"] != "admin"
            if rises and not before["email_verified"]:
                raise Conflict(
                    f"The address {before['email']} is not confirmed, so that anybody may have "
                    "registered it; have its owner confirm it first."
                )
            if not tx.write("change_role", {"user_id": user_id, "role": role, "now": now}):
                raise Conflict("This is the last admin; make somebody else admin first.")
            details = {"from": before["role"], "to": role}
            record_action(tx, caller, "change_role", ("user", user_id), now, details)
            return shown(_only(tx.read("account_by_id", {"user_id": user_id}), user_id))

        return await self._database.transact(work)

    async def end_sessions(self, caller: Caller, user_id: int) -> None:
        """End every session of an account.

        Raises:
            NotFound: there is none.
        """
        now = self._now

        def work(tx: Transaction) -> None:
            _only(tx.read("account_by_id", {"user_id": user_id}), user_id)
            ended = tx.write("end_sessions_of_user", {"user_id": user_id, "kept_id": None})
            record_action(tx, caller, "end_sessions", ("user", user_id), now, {"ended": ended})

        await self._database.transact(work)

    @property
    def _now(self) -> str:
        return text_of(self._clock.now())


def _only(rows: list[Row], user_id: int) -> Row:
    if not rows:
        raise NotFound(f"There is no account {user_id}; take an id from GET /admin/users.")
    return rows[0]
