"""Orders, reservations and offers: reads, and one transaction for each action."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from typing import Any

from reference_app.accounts.authorization import Caller
from reference_app.activity_log import record_action
from reference_app.allowances import Held, Holdings, keys_of
from reference_app.answers import LARGEST_ID
from reference_app.clock import Clock, text_of
from reference_app.paging import pack, page, unpack
from reference_app.pool import Database, Row
from reference_app.port import Transaction
from reference_app.trade import checkout, offers, orders, reservations, rules
from reference_app.trade.checkout import Purchase

Page = dict[str, Any]

HISTORY = 20
"""The page size of the measured query of an order history."""


class TradeStore:
    """Orders, reservations and offers."""

    def __init__(self, database: Database, clock: Clock, holdings: Holdings) -> None:
        self._holdings = holdings
        self._database = database
        self._clock = clock

    # Orders

    async def buy(
        self, purchase: Purchase, key: str, request_hash: str, address: str | None
    ) -> tuple[Row, bool]:
        """Make the order of a purchase; True if it is that of an earlier request.

        Raises:
            Conflict: a product is not available, or a guest or an address holds too many pieces.
        """
        now, number = self._now(), _new_order_number(self._clock)
        # Only guests are limited: accounts are known and can cancel their orders.
        keys = keys_of(address, None, purchase.session_id) if purchase.user_id is None else []

        def work(tx: Transaction) -> tuple[Row, bool, frozenset[Held]]:
            order, replayed = checkout.check_out(
                tx, purchase, key=key, request_hash=request_hash, order_number=number, now=now
            )
            if replayed:
                return order, True, frozenset()
            # After the checkout, which ends the reservations that it uses.
            pieces = sum(purchase.lines.values())
            ended = self._holdings.check(keys, pieces, lambda some: _still_held(tx, some, now))
            self._holdings.add(keys, ("order", order["id"]), pieces)
            return order, False, ended

        order, replayed, ended = await self._database.transact(work)
        self._holdings.forget(keys, ended)
        return order, replayed

    async def history(self, user_id: int, limit: int, after: str | None) -> Page:
        """A page of an account's orders, newest first."""
        if limit == HISTORY and after is None:
            rows = await self._database.read("order_history", {"user_id": user_id})
            # The measured query reads no extra row: a full page may be the last one.
            full = len(rows) == HISTORY
            last = pack(rows[-1]["created_at"], rows[-1]["id"]) if full else None
            return {"items": rows, "next": last}
        created, last_id = (None, None) if after is None else unpack(after, str, int)
        rows = await self._database.read(
            "orders_of_user",
            {
                "user_id": user_id,
                "after_created": created,
                "after_id": last_id,
                "limit": limit + 1,
            },
        )
        return page(rows, limit, "created_at", "id")

    async def order(self, order_number: str, caller: Caller | None, email: str | None) -> Row:
        """One order and its items.

        Raises:
            NotFound: there is none that the caller may see.
        """
        rows, items = await self._database.read_together(
            ("order_by_number", "items_of_order"), {"order_number": order_number}
        )
        user_id = None if caller is None else caller.user_id
        staff = caller is not None and caller.role == "admin"
        if not rows or not rules.is_of(rows[0], user_id, email, staff=staff):
            raise orders.missing(order_number)
        return {**rows[0], "items": items}

    async def cancel(self, order_number: str, user_id: int) -> Row:
        """Cancel an account's own order."""
        now = self._now()
        return await self._database.transact(
            lambda tx: orders.cancel(tx, order_number, user_id, now)
        )

    async def all_orders(self, status: str | None, limit: int, after: str | None) -> Page:
        """A page of everybody's orders, newest first."""
        return await self._newest("orders_for_staff", {"status": status}, limit, after)

    async def change(
        self, caller: Caller, order_number: str, status: str | None, payment_status: str | None
    ) -> Row:
        """Change the state of an order, for staff."""
        now = self._now()

        def work(tx: Transaction) -> Row:
            changed = orders.change(
                tx, order_number, status=status, payment_status=payment_status, now=now
            )
            details = {"status": changed["status"], "payment_status": changed["payment_status"]}
            record_action(tx, caller, "change_order", ("order", changed["id"]), now, details)
            return changed

        return await self._database.transact(work)

    # Reservations

    async def reserve(
        self, product_id: int, user_id: int | None, session_id: str | None, address: str | None
    ) -> Row:
        """Hold a piece for a day.

        Raises:
            Conflict: none is left, or the holder or the address holds too many.
        """
        moment = self._clock.now()
        now = text_of(moment)
        keys = keys_of(address, user_id, session_id)

        def work(tx: Transaction) -> tuple[Row, frozenset[Held]]:
            # The writer runs one work at a time: no other runs between check and add.
            ended = self._holdings.check(keys, 1, lambda some: _still_held(tx, some, now))
            made = reservations.reserve(
                tx,
                product_id,
                user_id=user_id,
                session_id=session_id,
                now=now,
                expires_at=text_of(moment + rules.RESERVED_FOR),
            )
            # If the commit fails, a later check finds the reservation absent.
            self._holdings.add(keys, ("reservation", made["id"]))
            return made, ended

        made, ended = await self._database.transact(work)
        self._holdings.forget(keys, ended)
        return made

    async def release(
        self,
        reservation_id: int,
        user_id: int | None,
        session_id: str | None,
        address: str | None,
    ) -> None:
        """Release a reservation."""
        now = self._now()
        await self._database.transact(
            lambda tx: reservations.release(
                tx, reservation_id, user_id=user_id, session_id=session_id, now=now
            )
        )
        self._holdings.forget(
            keys_of(address, user_id, session_id), [("reservation", reservation_id)]
        )

    async def held(
        self, user_id: int | None, session_id: str | None, limit: int, after: str | None
    ) -> Page:
        """A page of active reservations of a holder, newest first."""
        holder = {"user_id": user_id, "session_id": None if user_id is not None else session_id}
        params = {**holder, "now": self._now()}
        return await self._newest("active_reservations", params, limit, after)

    async def end_lapsed_reservations(self) -> int:
        """End lapsed reservations, some at a time; their number."""
        ended = 0
        while True:
            now = self._now()
            several = await self._database.transact(
                lambda tx, now=now: reservations.end_lapsed(tx, now)  # type: ignore[misc]
            )
            ended += several
            if several < reservations.TOGETHER:
                return ended

    # Offers

    async def bid(self, product_id: int, user_id: int, amount_cents: int) -> Row:
        """Offer more for a product than anybody else."""
        now = self._now()
        return await self._database.transact(
            lambda tx: offers.bid(tx, product_id, user_id, amount_cents, now)
        )

    async def highest(self, product_id: int) -> Row:
        """The highest open offer on a product.

        Raises:
            NotFound: there is no such product.
        """
        rows = await self._database.read("highest_offer", {"product_id": product_id})
        if not rows:
            raise offers.missing_product(product_id)
        return rows[0]

    async def offers(
        self,
        *,
        user_id: int | None = None,
        product_id: int | None = None,
        status: str | None = None,
        limit: int,
        after: str | None,
    ) -> Page:
        """A page of offers, newest first: of an account, on a product, in a state, or all."""
        params = {"user_id": user_id, "product_id": product_id, "status": status}
        return await self._newest("offers_page", params, limit, after)

    async def withdraw(self, offer_id: int, user_id: int) -> None:
        """Withdraw an account's own offer."""
        now = self._now()
        await self._database.transact(lambda tx: offers.withdraw(tx, offer_id, user_id, now))

    async def accept(self, caller: Caller, offer_id: int) -> Row:
        """Sell a piece to a bidder, for staff; the offer and its order."""
        now, number = self._now(), _new_order_number(self._clock)

        def work(tx: Transaction) -> Row:
            accepted, order = offers.accept(tx, offer_id, number, now)
            details = {"order_number": number, "amount_cents": accepted["amount_cents"]}
            record_action(tx, caller, "accept_offer", ("customer_offer", offer_id), now, details)
            return {"offer": accepted, "order": order}

        return await self._database.transact(work)

    async def refuse(self, caller: Caller, offer_id: int) -> Row:
        """Refuse an offer, for staff."""
        return await self._by_staff(
            caller,
            "refuse_offer",
            ("customer_offer", offer_id),
            lambda tx, now: offers.refuse(tx, offer_id, now),
        )

    async def _by_staff(
        self,
        caller: Caller,
        action: str,
        entity: tuple[str, int],
        work: Callable[[Transaction, str], Row],
    ) -> Row:
        now = self._now()

        def recorded(tx: Transaction) -> Row:
            done = work(tx, now)
            record_action(tx, caller, action, entity, now)
            return done

        return await self._database.transact(recorded)

    async def _newest(
        self, query: str, params: dict[str, int | str | None], limit: int, after: str | None
    ) -> Page:
        """A page of a query that lists rows by descending id."""
        before = LARGEST_ID if after is None else unpack(after, int)[0]
        rows = await self._database.read(query, {**params, "before": before, "limit": limit + 1})
        return page(rows, limit, "id")

    def _now(self) -> str:
        return text_of(self._clock.now())


def _still_held(tx: Transaction, some: Collection[Held], now: str) -> set[Held]:
    """Which reservations are active, and which orders wait to be paid."""
    reserved = [number for kind, number in some if kind == "reservation"]
    ordered = [number for kind, number in some if kind == "order"]
    active = reservations.still_active(tx, reserved, now) if reserved else set()
    unpaid = orders.still_unpaid(tx, ordered) if ordered else set()
    return {("reservation", number) for number in active} | {("order", n) for n in unpaid}


def _new_order_number(clock: Clock) -> str:
    return rules.order_number(clock.now(), secrets.randbelow(rules.NUMBERS))
