"""Password resets."""

from __future__ import annotations

from reference_app.accounts import mail, rules
from reference_app.accounts.authorization import hash_of_token
from reference_app.accounts.passwords import Passwords
from reference_app.accounts.registration import end_oldest_resets, end_tokens, new_token
from reference_app.activity_log import write_log
from reference_app.clock import Clock, text_of
from reference_app.errors import Conflict
from reference_app.port import Database, Transaction

_NOBODY = 0


class ResetStore:
    """Requests and confirms password resets."""

    def __init__(self, database: Database, clock: Clock, passwords: Passwords) -> None:
        self._database = database
        self._clock = clock
        self._passwords = passwords

    async def request(self, email: str) -> None:
        """Send a letter with a new reset, or one that says that there is no account.

        Both take one search, one written row and one letter, so that the time reveals nothing.
        Open resets stay open: anybody may request one, and could otherwise void the owner's. The
        rate limit of letters bounds them, and after a restart, which forgets its counts,
        `rules.MOST_OPEN_RESETS`: beyond it the oldest end.
        """
        email, token, now = rules.normalised(email), new_token(), self._clock.now()
        ends = rules.end_of(now, rules.RESET)
        await self._database.transact(lambda tx: request(tx, email, token, text_of(now), ends))

    async def confirm(self, token: str, password: str) -> None:
        """Set a new password; every session and every other open reset of the account ends.

        Raises:
            Conflict: the token is used, too old, or unknown.
        """
        password_hash = await self._passwords.hash(password)
        token_hash, now = hash_of_token(token), text_of(self._clock.now())
        await self._database.transact(lambda tx: confirm(tx, token_hash, password_hash, now))


def request(tx: Transaction, email: str, token: str, now: str, ends: str) -> None:
    """Create a reset for the account of this address, normalised, and write to it."""
    users = tx.read("user_by_email", {"email": email})
    user_id = users[0]["id"] if users else _NOBODY
    end_oldest_resets(tx, user_id, now)
    if not users:
        write_log(tx, "info", "auth", "A password was asked for an address without account.", now)
        tx.enqueue(mail.no_account(email, now))
        return
    tx.write(
        "create_reset",
        {"user_id": user_id, "token_hash": hash_of_token(token), "expires_at": ends, "now": now},
    )
    tx.enqueue(mail.reset(email, token, now))


def confirm(tx: Transaction, token_hash: str, password_hash: str, now: str) -> None:
    """Use a reset, once, and notify the account."""
    if not tx.write("use_reset", {"token_hash": token_hash, "now": now}):
        raise Conflict(
            "This token has been used, is too old, or never was; ask for a new letter with "
            "POST /auth/password-reset."
        )
    [user] = tx.read("user_of_reset", {"token_hash": token_hash})
    tx.write("set_password", {"user_id": user["id"], "password_hash": password_hash, "now": now})
    tx.write("end_sessions_of_user", {"user_id": user["id"], "kept_id": None})
    end_tokens(tx, user["id"], now)
    tx.enqueue(mail.password_changed(user["email"], now))
