"""Shipping addresses, notifications, and accounts as staff sees them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.reference_app.accounts_shop import Shop, serving

HOME = {
    "name": "Ann Byrne",
    "line1": "1 Main Street",
    "city": "Galway",
    "postcode": "H91 AB12",
    "country": "Ireland",
}
ADDRESSES = "/account/addresses"
NOTIFICATIONS = "/account/notifications"


@pytest.fixture(name="shop")
def served(shop_after: Path) -> Iterator[Shop]:
    with serving(shop_after) as shop:
        yield shop


def addresses(shop: Shop, token: str = "ann") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = shop.ask("GET", ADDRESSES, token).json()["items"]
    return items


def add(shop: Shop, token: str = "ann", **more: Any) -> int:
    answer = shop.ask("POST", ADDRESSES, token, {**HOME, **more})
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def test_an_address_is_kept_changed_and_removed(shop: Shop) -> None:
    first = add(shop, line2="Apartment 3")
    assert addresses(shop) == [
        {
            **HOME,
            "id": first,
            "line2": "Apartment 3",
            "county": None,
            "is_default": True,
            "created_at": "2025-10-05 10:00:00",
        }
    ]
    changed = shop.ask(
        "PATCH", f"{ADDRESSES}/{first}", "ann", {"line2": None, "city": "Cork", "name": None}
    ).json()
    assert (changed["line2"], changed["city"], changed["name"]) == (None, "Cork", "Ann Byrne")
    assert shop.status("PATCH", f"{ADDRESSES}/{first}", "ann", {"is_default": False}) == 422
    assert shop.status("DELETE", f"{ADDRESSES}/{first}", "ann") == 204
    assert shop.status("DELETE", f"{ADDRESSES}/{first}", "ann") == 404
    assert addresses(shop) == []


def test_others_addresses_do_not_exist(shop: Shop) -> None:
    mine = add(shop)
    assert addresses(shop, "bob") == []
    for token in ("bob", "staff"):
        assert shop.status("PATCH", f"{ADDRESSES}/{mine}", token, {"city": "Cork"}) == 404
        assert shop.status("DELETE", f"{ADDRESSES}/{mine}", token) == 404
    theirs = add(shop, "bob")
    assert shop.status("PATCH", f"{ADDRESSES}/{theirs}", "bob", {"is_default": True}) == 200
    assert [one["is_default"] for one in addresses(shop)] == [True]
    assert addresses(shop)[0]["city"] == "Galway"


@pytest.mark.parametrize("seed", range(3))
def test_of_any_addresses_exactly_one_is_the_default(seed: int, shop: Shop) -> None:
    rng = random.Random(seed)
    for _ in range(40):
        kept = [one["id"] for one in addresses(shop)]
        what = rng.choice(["add", "add", "choose", "drop"])
        if what == "add" and len(kept) < 20:
            add(shop, is_default=rng.random() < 0.4)
        elif what == "choose" and kept:
            one = rng.choice(kept)
            shop.ask("PATCH", f"{ADDRESSES}/{one}", "ann", {"is_default": True})
            assert addresses(shop)[0]["id"] == one
        elif kept:
            shop.ask("DELETE", f"{ADDRESSES}/{rng.choice(kept)}", "ann")
        now = addresses(shop)
        assert sum(one["is_default"] for one in now) == bool(now)


def test_an_account_keeps_twenty_addresses(shop: Shop) -> None:
    for _ in range(20):
        add(shop)
    assert shop.status("POST", ADDRESSES, "ann", HOME) == 409
    add(shop, "bob")


def notify(shop: Shop, user: int, count: int) -> None:
    for number in range(count):
        shop.run(
            "INSERT INTO notifications (user_id, kind, title) VALUES (?, 'x', ?)", user, str(number)
        )


def test_notifications_come_newest_first_a_page_at_a_time(shop: Shop) -> None:
    notify(shop, 1, 5)
    notify(shop, 2, 2)
    notify(shop, 1, 2)
    titles: list[str] = []
    after = ""
    while True:
        page = shop.ask("GET", f"{NOTIFICATIONS}?limit=3{after}", "ann").json()
        titles += [one["title"] for one in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
    assert titles == ["1", "0", "4", "3", "2", "1", "0"]


def test_what_was_read_is_left_out(shop: Shop) -> None:
    notify(shop, 1, 2)
    newest = shop.ask("GET", NOTIFICATIONS, "ann").json()["items"][0]["id"]
    url = f"{NOTIFICATIONS}/{newest}/read"
    assert shop.status("POST", url, "bob") == 404
    assert shop.status("POST", url, "ann") == 204
    shop.clock.pass_by(hours=1)
    assert shop.status("POST", url, "ann") == 204
    assert shop.rows("SELECT read_at FROM notifications WHERE id = ?", newest) == [
        ("2025-10-05 10:00:00",)
    ]
    unread = shop.ask("GET", f"{NOTIFICATIONS}?unread=true", "ann").json()["items"]
    assert [one["title"] for one in unread] == ["0"]
    assert shop.status("POST", f"{NOTIFICATIONS}/999/read", "ann") == 404


def test_nobody_sees_these_without_a_session(shop: Shop) -> None:
    for method, url in (
        ("GET", "/auth/me"),
        ("PATCH", "/auth/me"),
        ("DELETE", "/auth/me"),
        ("POST", "/auth/logout"),
        ("POST", "/auth/password"),
        ("GET", ADDRESSES),
        ("POST", ADDRESSES),
        ("PATCH", f"{ADDRESSES}/1"),
        ("DELETE", f"{ADDRESSES}/1"),
        ("GET", NOTIFICATIONS),
        ("POST", f"{NOTIFICATIONS}/1/read"),
    ):
        for token in (None, "ended", "none"):
            answer = shop.ask(method, url, token, {})
            assert answer.status_code == 401, (method, url)
            assert answer.headers["www-authenticate"] == "Bearer"


def test_staff_finds_accounts(shop: Shop) -> None:
    def found(query: str) -> list[int]:
        items = shop.ask("GET", f"/admin/users?{query}", "staff").json()["items"]
        return [one["id"] for one in items]

    assert found("") == [3, 2, 1]
    assert found("email=ANN@example.ie") == [1]
    assert found("email=b") == [2]
    assert found("email=%25") == []
    assert found("role=admin") == [3]
    assert found("role=customer&limit=1") == [2]
    first = shop.ask("GET", "/admin/users?limit=2", "staff").json()
    assert found(f"limit=2&after={first['next']}") == [1]
    assert shop.status("GET", "/admin/users?after=abc", "staff") == 404
    one = shop.ask("GET", "/admin/users/1", "staff").json()
    assert (one["email"], one["open_sessions"], one["orders"], one["submissions"]) == (
        "ann@example.ie",
        1,
        2,
        1,
    )
    assert "password_hash" not in one
    assert shop.status("GET", "/admin/users/99", "staff") == 404


def test_staff_changes_roles_and_ends_sessions_and_it_is_written_down(shop: Shop) -> None:
    assert shop.status("GET", "/admin/users", "ann") == 403
    shop.run("UPDATE users SET email_verified = 1 WHERE id = 1")
    made = shop.ask("PATCH", "/admin/users/1", "staff", {"role": "admin"})
    assert (made.status_code, made.json()["role"]) == (200, "admin")
    assert shop.status("GET", "/admin/users", "ann") == 200
    assert shop.status("PATCH", "/admin/users/1", "staff", {"role": "customer"}) == 200
    assert shop.status("POST", "/admin/users/1/end-sessions", "staff") == 204
    assert shop.status("GET", "/auth/me", "ann") == 401
    assert shop.rows(
        "SELECT admin_id, action, entity_type, entity_id, details FROM admin_activity_log"
        " ORDER BY id"
    ) == [
        (3, "change_role", "user", 1, '{"from":"customer","to":"admin"}'),
        (3, "change_role", "user", 1, '{"from":"admin","to":"customer"}'),
        (3, "end_sessions", "user", 1, '{"ended":2}'),
    ]
    for method, url, body in (
        ("PATCH", "/admin/users/99", {"role": "admin"}),
        ("POST", "/admin/users/99/end-sessions", None),
    ):
        assert shop.status(method, url, "staff", body) == 404


def test_the_last_admin_keeps_the_role(shop: Shop) -> None:
    assert shop.status("PATCH", "/admin/users/3", "staff", {"role": "customer"}) == 409
    assert shop.rows("SELECT count(*) FROM admin_activity_log") == [(0,)]
    assert shop.status("PATCH", "/admin/users/3", "staff", {"role": "admin"}) == 200


def test_of_admins_who_all_step_down_one_remains(shop_after: Path) -> None:
    shop = Shop(shop_after)
    shop.run("UPDATE users SET role = 'admin'")

    async def race() -> list[int]:
        transport = httpx.ASGITransport(shop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            answers = await asyncio.gather(
                *(
                    client.patch(
                        f"/admin/users/{whom}",
                        json={"role": "customer"},
                        headers={"Authorization": f"Bearer {who}"},
                    )
                    for who, whom in (("ann", 1), ("bob", 2), ("staff", 3))
                )
            )
            return [answer.status_code for answer in answers]

    try:
        assert sorted(asyncio.run(race())) == [200, 200, 409]
        assert shop.rows("SELECT count(*) FROM users WHERE role = 'admin'") == [(1,)]
    finally:
        shop.app.state.database.close()
