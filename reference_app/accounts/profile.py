"""Shipping addresses and notifications of accounts.

Those of other accounts are treated as absent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reference_app import paging
from reference_app.accounts import rules
from reference_app.clock import Clock, text_of
from reference_app.errors import Conflict, NotFound
from reference_app.port import Database, Row, Transaction

_MAY_BE_EMPTY = frozenset({"line2", "county"})


class ProfileStore:
    """The shipping addresses and the notifications of accounts, through the port."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def addresses(self, user_id: int) -> list[Row]:
        """All addresses of an account, the default first."""
        rows = await self._database.read("addresses_of_user", {"user_id": user_id})
        return [_shown(row) for row in rows]

    async def add_address(self, user_id: int, address: Mapping[str, Any]) -> Row:
        """Add an address; the first is always the default.

        Raises:
            Conflict: the account has the most addresses that it may have.
        """
        now = text_of(self._clock.now())

        def work(tx: Transaction) -> Row:
            addresses = tx.read("addresses_of_user", {"user_id": user_id})
            if len(addresses) >= rules.MOST_ADDRESSES:
                raise Conflict(
                    f"An account keeps {rules.MOST_ADDRESSES} addresses at most; remove one first."
                )
            address_id = tx.insert("add_address", {**address, "user_id": user_id, "now": now})
            if address["is_default"] or not addresses:
                _make_default(tx, user_id, address_id)
            return _address(tx, user_id, address_id)

        return await self._database.transact(work)

    async def change_address(
        self, user_id: int, address_id: int, changes: Mapping[str, Any]
    ) -> Row:
        """Change an address; the address afterwards."""

        def work(tx: Transaction) -> Row:
            row = rules.merged(_address(tx, user_id, address_id), changes, _MAY_BE_EMPTY)
            tx.write("change_address", {**row, "address_id": address_id, "user_id": user_id})
            if changes.get("is_default"):
                _make_default(tx, user_id, address_id)
            return _address(tx, user_id, address_id)

        return await self._database.transact(work)

    async def drop_address(self, user_id: int, address_id: int) -> None:
        """Remove an address; if it was the default, the newest of the others becomes it."""
        params = {"user_id": user_id, "address_id": address_id}

        def work(tx: Transaction) -> None:
            if not tx.write("drop_address", params):
                raise _no_address(address_id)
            following = rules.next_default(tx.read("addresses_of_user", {"user_id": user_id}))
            if following is not None:
                _make_default(tx, user_id, following)

        await self._database.transact(work)

    async def notifications(
        self, user_id: int, *, unread: bool, after: str | None, limit: int
    ) -> dict[str, Any]:
        """A page of an account's notifications, newest first."""
        before = paging.unpack(after, int)[0] if after else None
        rows = await self._database.read(
            "notifications_of_user",
            {
                "user_id": user_id,
                "unread": 1 if unread else None,
                "after": before,
                "limit": limit + 1,
            },
        )
        return paging.page(rows, limit, "id")

    async def read_notification(self, user_id: int, notification_id: int) -> None:
        """Mark a notification as read; a second time changes nothing."""
        changed = await self._database.write(
            "read_notification",
            {
                "user_id": user_id,
                "notification_id": notification_id,
                "now": text_of(self._clock.now()),
            },
        )
        if not changed:
            raise NotFound(
                f"You have no notification {notification_id}; take an id from "
                "GET /account/notifications."
            )


def _address(tx: Transaction, user_id: int, address_id: int) -> Row:
    rows = tx.read("address_of_user", {"user_id": user_id, "address_id": address_id})
    if not rows:
        raise _no_address(address_id)
    return _shown(rows[0])


def _make_default(tx: Transaction, user_id: int, address_id: int) -> None:
    tx.write("make_address_default", {"user_id": user_id, "address_id": address_id})


def _no_address(address_id: int) -> NotFound:
    return NotFound(f"You have no address {address_id}; take an id from GET /account/addresses.")


def _shown(row: Row) -> Row:
    return {**row, "is_default": bool(row["is_default"])}
