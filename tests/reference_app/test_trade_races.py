"""Many at once through the real application: one wins, and nothing of the others is written."""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from reference_app.app import create_app
from reference_app.mail import MemoryOutbox
from reference_app.offline import OfflineShop
from reference_app.settings import Settings
from tests.reference_app.conftest import make_shop
from tests.reference_app.trading import GUEST, TurningClock, broken_rules, open_the_books, restore

MANY = 24
Ask = Callable[..., Awaitable[httpx.Response]]
Scene = Callable[[Ask], Awaitable[Any]]


class Arena:
    """One shop, and two servers of it, as two processes would serve it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        settings = Settings(database=path, jobs=False, log_level="error", synchronous="normal")
        self._apps = [
            create_app(settings, clock=TurningClock(), outbox=MemoryOutbox()) for _ in range(2)
        ]

    def play(self, scene: Scene) -> Any:
        async def on_stage() -> Any:
            clients = [
                httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://shop")
                for app in self._apps
            ]
            turn = iter(range(10**6))

            async def ask(who: str | None, method: str, url: str, **more: Any) -> httpx.Response:
                headers = more.pop("headers", {})
                if who is not None:
                    headers["Authorization"] = f"Bearer {who}"
                client = clients[next(turn) % len(clients)]
                return await client.request(method, url, headers=headers, **more)

            try:
                return await scene(ask)
            finally:
                for client in clients:
                    await client.aclose()

        return asyncio.run(on_stage())

    def close(self) -> None:
        for app in self._apps:
            app.state.database.close()


@pytest.fixture(scope="module")
def opened_arena(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Arena, Path]]:
    folder = tmp_path_factory.mktemp("arena")
    pristine = make_shop(folder / "pristine.db", ("0001_baseline", "0002_safe_migration"))
    open_the_books(pristine)
    arena = Arena(Path(shutil.copy(pristine, folder / "shop.db")))
    yield arena, pristine
    arena.close()


@pytest.fixture
def arena(opened_arena: tuple[Arena, Path]) -> Iterator[Arena]:
    arena, pristine = opened_arena
    restore(arena.path, pristine)
    yield arena
    assert broken_rules(arena.path) == {}


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with OfflineShop(path) as shop:
        return shop._connection.execute(sql).fetchall()


def order(product_id: int, quantity: int = 1) -> dict[str, Any]:
    items = [{"product_id": product_id, "quantity": quantity}]
    return {"items": items, "fulfilment": "collection", **GUEST}


def statuses(answers: list[httpx.Response]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def test_the_last_piece_has_one_buyer(arena: Arena) -> None:
    async def scene(ask: Ask) -> list[httpx.Response]:
        return await asyncio.gather(
            *(ask(None, "POST", "/orders", json=order(1)) for _ in range(MANY))
        )

    assert statuses(arena.play(scene)) == {201: 1, 409: MANY - 1}
    assert rows(arena.path, "SELECT count(*) FROM orders WHERE id > 2") == [(1,)]
    assert rows(arena.path, "SELECT count(*) FROM idempotency_keys") == [(1,)]


def test_one_key_sent_many_times_is_one_order(arena: Arena) -> None:
    async def scene(ask: Ask) -> list[httpx.Response]:
        key = {"Idempotency-Key": "the-one"}
        return await asyncio.gather(
            *(ask("ann", "POST", "/orders", json=order(2), headers={**key}) for _ in range(MANY))
        )

    answers = arena.play(scene)
    assert statuses(answers) == {201: MANY}
    assert len({answer.content for answer in answers}) == 1
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1
    assert rows(arena.path, "SELECT quantity_available FROM products WHERE id = 2") == [(1,)]


def test_the_last_piece_is_held_by_one(arena: Arena) -> None:
    async def scene(ask: Ask) -> list[httpx.Response]:
        return await asyncio.gather(
            *(
                ask(None, "POST", "/reservations", json={"product_id": 1, "session_id": f"s{nth}"})
                for nth in range(MANY)
            )
        )

    assert statuses(arena.play(scene)) == {201: 1, 409: MANY - 1}
    assert rows(arena.path, "SELECT status FROM products WHERE id = 1") == [("reserved",)]


def test_one_person_holds_one_piece_however_often_it_asks(arena: Arena) -> None:
    async def scene(ask: Ask) -> list[httpx.Response]:
        body = {"product_id": 2}
        return await asyncio.gather(
            *(ask("ann", "POST", "/reservations", json=body) for _ in range(MANY))
        )

    assert statuses(arena.play(scene)) == {201: 1, 409: MANY - 1}


def test_an_order_is_cancelled_once(arena: Arena) -> None:
    async def scene(ask: Ask) -> list[httpx.Response]:
        number = (await ask("ann", "POST", "/orders", json=order(1))).json()["order_number"]
        return await asyncio.gather(
            *(ask("ann", "POST", f"/orders/{number}/cancel") for _ in range(MANY))
        )

    assert statuses(arena.play(scene)) == {200: 1, 409: MANY - 1}
    assert rows(arena.path, "SELECT quantity_available FROM products WHERE id = 1") == [(1,)]


def test_an_offer_is_answered_once_and_nothing_is_sold_twice(arena: Arena) -> None:
    async def scene(ask: Ask) -> list[httpx.Response]:
        await ask("ann", "POST", "/products/1/offers", json={"amount_cents": 9000})
        answers = [
            ask("staff", "POST", f"/admin/offers/1/{('accept', 'refuse')[nth % 2]}")
            for nth in range(MANY)
        ]
        buyers = [ask("bob", "POST", "/orders", json=order(1)) for _ in range(4)]
        answered, _ = await asyncio.gather(asyncio.gather(*answers), asyncio.gather(*buyers))
        return list(answered)

    assert statuses(arena.play(scene)) == {200: 1, 409: MANY - 1}
    assert rows(
        arena.path,
        "SELECT count(*) <= 1 FROM stock_moves WHERE product_id = 1 AND reason = 'sale'",
    ) == [(1,)]


def test_one_bid_leads(arena: Arena) -> None:
    async def scene(ask: Ask) -> list[httpx.Response]:
        return await asyncio.gather(
            *(
                ask(
                    ("ann", "bob")[nth % 2],
                    "POST",
                    "/products/1/offers",
                    json={"amount_cents": 1000 + nth // 2},
                )
                for nth in range(MANY)
            )
        )

    assert set(statuses(arena.play(scene))) <= {201, 409}
    assert rows(arena.path, "SELECT amount_cents FROM customer_offers WHERE status = 'open'") == [
        (1000 + MANY // 2 - 1,)
    ]
