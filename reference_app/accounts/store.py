"""Accounts and their sessions: registration, login, logout, profile, deletion."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from reference_app.accounts import deletion, mail, rules
from reference_app.accounts.authorization import Caller, hash_of_token
from reference_app.accounts.passwords import Passwords, is_outdated
from reference_app.accounts.registration import (
    Registration,
    end_tokens,
    new_token,
    register,
    verify,
)
from reference_app.activity_log import write_log
from reference_app.clock import Clock, text_of
from reference_app.errors import Conflict, Forbidden, Unauthenticated
from reference_app.port import Database, Row, Transaction

_WRONG = (
    "The e-mail address or the password is wrong; mend it, or ask for a new password with "
    "POST /auth/password-reset."
)
_LONGEST_AGENT = 512
_REMOVED_AT_ONCE = 1000


@dataclass(frozen=True, slots=True)
class Device:
    """The address and user agent of a login."""

    address: str | None
    user_agent: str | None


class AccountStore:
    """Accounts and their sessions."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def register(self, person: Mapping[str, Any], password: str) -> None:
        """Create an account, or write to the one with this address; both take the same work."""
        registration = Registration(
            password_hash=await self._passwords.hash(password),
            **{**person, "email": rules.normalised(person["email"])},
        )
        token, now = new_token(), self._clock.now()
        ends = rules.end_of(now, rules.VERIFICATION)
        await self._database.transact(
            lambda tx: register(tx, registration, token, text_of(now), ends)
        )

    async def verify(self, token: str) -> None:
        """Verify an address; see `registration.verify`."""
        now = self._now()
        await self._database.transact(lambda tx: verify(tx, token, now))

    async def log_in(self, email: str, password: str, device: Device) -> dict[str, Any]:
        """Open a session; its token is returned only here.

        Raises:
            Unauthenticated: address or password is wrong; the error does not say which.
            Forbidden: the address is not verified.
        """
        email = rules.normalised(email)
        users = await self._database.read("user_by_email", {"email": email})
        user = users[0] if users else None
        # A password is checked even without an account: the time reveals nothing.
        right = await self._passwords.check(user["password_hash"] if user else None, password)
        if user is None or not right:
            await self._fail_login(user["id"] if user else None, device)
        if not user["email_verified"]:
            raise Forbidden(
                "This address is not confirmed yet; send the token of the letter to "
                "POST /auth/verify-email, or register again for a new letter."
            )
        renewed = (
            await self._passwords.hash(password) if is_outdated(user["password_hash"]) else None
        )
        token, now = new_token(), self._clock.now()
        ends = rules.end_of(now, rules.SESSION)

        def work(tx: Transaction) -> bool:
            if not _open(tx, user, token, device, text_of(now), ends):
                return False
            if renewed is not None:
                _replace(tx, user["id"], user["password_hash"], renewed, text_of(now))
            return True

        if not await self._database.transact(work):
            await self._fail_login(user["id"], device)
        return {
            "token": token,
            "expires_at": ends,
            "user": {
                "id": user["id"],
                "email": email,
                "first_name": user["first_name"],
                "last_name": user["last_name"],
                "role": user["role"],
            },
        }

    async def log_out(self, caller: Caller) -> None:
        """End the session of this request."""
        await self._database.write("end_session", {"session_id": caller.session_id})

    async def account(self, user_id: int) -> Row:
        """The profile of an account.

        Raises:
            Unauthenticated: it has been deleted meanwhile.
        """
        rows = await self._database.read("account_by_id", {"user_id": user_id})
        return shown(_only(rows))

    async def change(self, user_id: int, changes: Mapping[str, Any]) -> Row:
        """Change the profile of an account; the profile afterwards."""
        now = self._now()

        def work(tx: Transaction) -> Row:
            row = _only(tx.read("account_by_id", {"user_id": user_id}))
            row = rules.merged(row, changes, {"phone"})
            tx.write("change_profile", {**row, "user_id": user_id, "now": now})
            return shown(row)

        return await self._database.transact(work)

    async def change_password(self, caller: Caller, current: str, new: str) -> None:
        """Change the password; every other session and every open reset ends.

        Raises:
            Forbidden: the current password is wrong.
            Conflict: it was changed at the same time.
        """
        email, old_hash = await self._confirmed(caller, current)
        new_hash, now = await self._passwords.hash(new), self._now()

        def work(tx: Transaction) -> None:
            if not _replace(tx, caller.user_id, old_hash, new_hash, now):
                raise Conflict("The password was changed at the same time; log in again.")
            end_tokens(tx, caller.user_id, now)
            tx.write(
                "end_sessions_of_user", {"user_id": caller.user_id, "kept_id": caller.session_id}
            )
            tx.enqueue(mail.password_changed(email, now))

        await self._database.transact(work)

    async def delete_account(self, caller: Caller, password: str) -> None:
        """Delete the caller's account; orders stay, without personal data.

        Raises:
            Forbidden: the password is wrong.
            Conflict: it is an account of staff that has to stay.
        """
        _, old_hash = await self._confirmed(caller, password)
        now = self._now()
        await self._database.transact(
            lambda tx: deletion.delete_account(tx, caller.user_id, old_hash, now)
        )

    async def remove_ended_sessions(self) -> int:
        """Remove ended sessions, some at a time; their number."""
        removed = 0
        while True:
            some = await self._database.write("remove_ended_sessions", {"now": self._now()})
            removed += some
            if some < _REMOVED_AT_ONCE:
                return removed

    async def _confirmed(self, caller: Caller, password: str) -> tuple[str, str]:
        """The address and password hash of a caller, whose password is checked."""
        user = _only(
            await self._database.read("password_hash_of_user", {"user_id": caller.user_id})
        )
        if not await self._passwords.check(user["password_hash"], password):
            raise Forbidden("The password is wrong; give the one that you log in with.")
        return user["email"], user["password_hash"]

    async def _fail_login(self, user_id: int | None, device: Device) -> NoReturn:
        now = self._now()
        await self._database.transact(
            lambda tx: write_log(
                tx,
                "warning",
                "auth",
                "A login failed.",
                now,
                user_id=user_id,
                address=device.address,
            )
        )
        raise Unauthenticated(_WRONG)

    def _now(self) -> str:
        return text_of(self._clock.now())


def shown(row: Row) -> Row:
    """The row of an account as the API shows it."""
    return {**row, "email_verified": bool(row["email_verified"])}


def _open(tx: Transaction, user: Row, token: str, device: Device, now: str, ends: str) -> bool:
    agent = device.user_agent
    opened = tx.write(
        "open_session",
        {
            "token_hash": hash_of_token(token),
            "user_id": user["id"],
            "password_hash": user["password_hash"],
            "ip_address": device.address,
            "user_agent": agent[:_LONGEST_AGENT] if agent else None,
            "now": now,
            "expires_at": ends,
        },
    )
    if opened:
        tx.write("note_login", {"user_id": user["id"], "now": now})
    return bool(opened)


def _replace(tx: Transaction, user_id: int, old_hash: str, new_hash: str, now: str) -> int:
    return tx.write(
        "change_password",
        {"user_id": user_id, "old_hash": old_hash, "new_hash": new_hash, "now": now},
    )


def _only(rows: list[Row]) -> Row:
    if not rows:
        raise Unauthenticated("This account is gone; register again with POST /auth/register.")
    return rows[0]
