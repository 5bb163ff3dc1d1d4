"""Whatever happens in whatever order, the rules of the shop hold after each step."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from reference_app.clock import text_of
from reference_app.errors import ShopError
from reference_app.offline import OfflineShop
from reference_app.port import Transaction
from reference_app.queries import RequirementFailed
from reference_app.stock import ledger
from reference_app.trade import checkout, offers, orders, reservations, rules
from tests.reference_app.conftest import make_shop
from tests.reference_app.trading import RULES, TurningClock, open_the_books

USERS = st.sampled_from([1, 2])
HOLDERS = st.sampled_from([(1, None), (2, None), (None, "s1"), (None, "s2")])
PRODUCTS = st.integers(1, 5)
LINES = st.dictionaries(PRODUCTS, st.integers(1, 2), min_size=1, max_size=3)


class Shop(RuleBasedStateMachine):
    """Buyers, bidders and staff, one after another, on one database file."""

    pristine: Path

    def __init__(self) -> None:
        super().__init__()
        self.clock = TurningClock()
        self.shop = OfflineShop(self.pristine)
        self.sql = self.shop._connection
        # All of a sequence happens in one transaction, which is undone at its end.
        self.sql.execute("BEGIN IMMEDIATE")
        self.nth = 0

    def teardown(self) -> None:
        self.sql.execute("ROLLBACK")
        self.shop.__exit__(None, None, None)

    def do(self, work: Any) -> None:
        """Do it, or nothing of it if it is refused."""
        now = text_of(self.clock.now())
        self.sql.execute("SAVEPOINT step")
        try:
            work(self.shop._transaction, now)
        except (ShopError, RequirementFailed):
            self.sql.execute("ROLLBACK TO step")
        self.sql.execute("RELEASE step")

    def number(self) -> str:
        self.nth += 1
        return f"N-{self.nth}"

    @rule(holder=HOLDERS, lines=LINES, key=st.integers(1, 6))
    def buy(self, holder: tuple[int | None, str | None], lines: dict[int, int], key: int) -> None:
        user_id, session_id = holder
        purchase = checkout.Purchase(
            lines, "collection", None, user_id, session_id, "Gil", "gil@example.ie"
        )

        def work(tx: Transaction, now: str) -> None:
            checkout.check_out(
                tx,
                purchase,
                key=f"k{key}",
                request_hash=rules.request_hash(user_id, {"lines": sorted(lines.items())}),
                order_number=self.number(),
                now=now,
            )

        self.do(work)

    @rule(holder=HOLDERS, product_id=PRODUCTS)
    def reserve(self, holder: tuple[int | None, str | None], product_id: int) -> None:
        until = text_of(self.clock.now() + timedelta(hours=24))
        self.do(
            lambda tx, now: reservations.reserve(
                tx, product_id, user_id=holder[0], session_id=holder[1], now=now, expires_at=until
            )
        )

    @rule(holder=HOLDERS, reservation_id=st.integers(1, 8))
    def release(self, holder: tuple[int | None, str | None], reservation_id: int) -> None:
        self.do(
            lambda tx, now: reservations.release(
                tx, reservation_id, user_id=holder[0], session_id=holder[1], now=now
            )
        )

    @rule(user_id=USERS)
    def delete_account(self, user_id: int) -> None:
        self.do(lambda tx, now: reservations.release_all(tx, user_id, now))

    @rule(hours=st.sampled_from([1, 13, 24]), job=st.booleans())
    def wait(self, hours: int, job: bool) -> None:
        self.clock.turn(hours=hours)
        if job:
            self.do(lambda tx, now: reservations.end_lapsed(tx, now))

    @rule(
        order_id=st.integers(3, 9),
        status=st.sampled_from(sorted(rules.NEXT_STATUSES)),
    )
    def change_order(self, order_id: int, status: str) -> None:
        found = self.sql.execute("SELECT order_number FROM orders WHERE id = ?", (order_id,))
        number = str((found.fetchall() or [("none",)])[0][0])
        self.do(lambda tx, now: orders.change(tx, number, status=status, now=now))

    @rule(user_id=USERS, product_id=PRODUCTS, amount=st.integers(1, 9))
    def bid(self, user_id: int, product_id: int, amount: int) -> None:
        self.do(lambda tx, now: offers.bid(tx, product_id, user_id, amount, now))

    @rule(offer_id=st.integers(1, 6), yes=st.booleans())
    def answer_offer(self, offer_id: int, yes: bool) -> None:
        if yes:
            self.do(lambda tx, now: offers.accept(tx, offer_id, self.number(), now))
        else:
            self.do(lambda tx, now: offers.refuse(tx, offer_id, now))

    @rule(product_id=PRODUCTS, change=st.integers(-2, 2))
    def adjust(self, product_id: int, change: int) -> None:
        self.do(lambda tx, now: ledger.move(tx, {product_id: change}, "adjustment", now))

    @rule(product_id=PRODUCTS)
    def remove(self, product_id: int) -> None:
        self.sql.execute(
            "UPDATE products SET status = 'removed' WHERE id = ? AND status <> 'reserved'",
            (product_id,),
        )

    @invariant()
    def rules_hold(self) -> None:
        broken = {name: self.sql.execute(sql).fetchall() for name, sql in RULES.items()}
        assert {name: found for name, found in broken.items() if found} == {}


def test_rules_hold_whatever_happens(tmp_path: Path) -> None:
    path = make_shop(tmp_path / "shop.db", ("0001_baseline", "0002_safe_migration"))
    open_the_books(path)
    machine = type("Machine", (Shop,), {"pristine": path})
    run = machine.TestCase
    run.settings = settings(
        max_examples=40,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run("runTest").runTest()
