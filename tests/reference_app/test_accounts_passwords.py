"""Changing a password, and resetting a forgotten one."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.reference_app.accounts_shop import PASSWORD, Shop, serving

NEW = "battery staple"
EMAIL = {"email": "zoe@example.ie"}


@pytest.fixture(name="shop")
def served(shop_after: Path) -> Iterator[Shop]:
    with serving(shop_after) as shop:
        yield shop


def confirm(shop: Shop, token: str, password: str = NEW) -> int:
    body = {"token": token, "new_password": password}
    return shop.status("POST", "/auth/password-reset/confirm", body=body)


def ask(shop: Shop, email: str = "Zoe@Example.ie") -> str:
    assert shop.status("POST", "/auth/password-reset", body={"email": email}) == 202
    return shop.token()


def test_a_changed_password_ends_every_other_session(shop: Shop) -> None:
    here, there = shop.join(), shop.log_in()
    reset = ask(shop)
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert shop.status("POST", "/auth/password", here, {**body, "current_password": "no"}) == 403
    assert shop.status("GET", "/auth/me", there) == 200
    assert shop.status("POST", "/auth/password", here, body) == 204
    assert shop.status("GET", "/auth/me", here) == 200
    assert shop.status("GET", "/auth/me", there) == 401
    assert shop.status("GET", "/auth/me", "bob") == 200
    assert confirm(shop, reset) == 409
    assert shop.kinds()[-1] == ("zoe@example.ie", "password_changed")
    assert shop.log_in(password=NEW)
    assert shop.status("POST", "/auth/login", body={**EMAIL, "password": PASSWORD}) == 401


def test_guessing_a_password_from_within_is_limited(shop_after: Path) -> None:
    with serving(shop_after, tries_by_account="3/hour") as shop:
        token = shop.join()
        body = {"current_password": "no", "new_password": NEW}
        tried = [shop.status("POST", "/auth/password", token, body) for _ in range(3)]
        assert tried == [403, 403, 403]
        assert shop.status("DELETE", "/auth/me", token, {"password": PASSWORD}) == 429


def test_a_reset_sets_the_password_once_and_ends_all_sessions(shop: Shop) -> None:
    session = shop.join()
    token = ask(shop)
    [(stored, ends)] = shop.rows(
        "SELECT token_hash, expires_at FROM password_resets WHERE user_id = 4"
    )
    assert token not in stored
    assert ends == "2025-10-05 11:00:00"
    assert confirm(shop, token) == 204
    assert shop.status("GET", "/auth/me", session) == 401
    assert shop.status("GET", "/auth/me", "bob") == 200
    assert shop.log_in(password=NEW)
    assert confirm(shop, token, "yet another one") == 409
    assert shop.log_in(password=NEW)


@pytest.mark.parametrize("used", [0, 1, 2])
def test_whoever_asks_again_ends_no_letter_and_whoever_uses_one_ends_all(
    used: int, shop: Shop
) -> None:
    shop.join()
    tokens = [ask(shop) for _ in range(3)]
    assert confirm(shop, tokens[used]) == 204
    assert [confirm(shop, token, "yet another one") for token in tokens] == [409] * 3
    assert shop.log_in(password=NEW)
    assert shop.rows("SELECT count(*) FROM password_resets WHERE user_id = 4 AND used = 0") == [
        (0,)
    ]


def test_of_open_resets_beyond_the_most_the_oldest_end(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reference_app.accounts.registration.MOST_OPEN_RESETS", 3)
    shop.join()
    tokens = [ask(shop) for _ in range(5)]
    assert shop.rows("SELECT used FROM password_resets WHERE user_id = 4 ORDER BY id") == [
        (1,), (1,), (0,), (0,), (0,),
    ]  # fmt: skip
    assert [confirm(shop, token) for token in tokens[:2]] == [409, 409]
    assert confirm(shop, tokens[2]) == 204


@pytest.mark.parametrize(("minutes", "status"), [(59.9, 204), (60, 409)])
def test_a_reset_lasts_one_hour(minutes: float, status: int, shop: Shop) -> None:
    shop.join()
    token = ask(shop)
    shop.clock.pass_by(minutes=minutes)
    assert confirm(shop, token) == status


def test_who_asks_without_end_keeps_the_owner_neither_from_asking_nor_from_a_letter(
    shop_after: Path,
) -> None:
    with serving(shop_after, letters_by_address="10/hour", letters_by_account="60/hour") as shop:
        shop.join()
        stranger, owner = (
            TestClient(shop.app, client=(address, 4711)) for address in ("192.0.2.1", "192.0.2.2")
        )
        asked = [stranger.post("/auth/password-reset", json=EMAIL) for _ in range(12)]
        assert [one.status_code for one in asked] == [202] * 10 + [429] * 2
        assert owner.post("/auth/password-reset", json=EMAIL).status_code == 202
        token = shop.token()
        assert stranger.post("/auth/password-reset", json=EMAIL).status_code == 429
        assert confirm(shop, token) == 204


def test_the_answer_does_not_tell_who_has_an_account(shop: Shop) -> None:
    shop.join()
    answers = [
        shop.ask("POST", "/auth/password-reset", body={"email": email})
        for email in ("zoe@example.ie", "nobody@example.ie")
    ]
    assert {(one.status_code, one.content) for one in answers} == {(202, answers[0].content)}
    # A letter each, so that both take the same work.
    assert shop.kinds()[-2:] == [
        ("zoe@example.ie", "password_reset"),
        ("nobody@example.ie", "no_account"),
    ]
    assert shop.rows("SELECT count(*) FROM password_resets WHERE user_id = 4") == [(1,)]


def test_a_reset_confirms_the_address_too(shop: Shop) -> None:
    assert shop.rows("SELECT email_verified FROM users WHERE id = 1") == [(0,)]
    assert confirm(shop, ask(shop, "ann@example.ie")) == 204
    assert shop.log_in("ann@example.ie", NEW)


def test_a_reset_of_the_seeds_ends_when_a_new_one_is_used(shop: Shop) -> None:
    def open_ones() -> int:
        found = shop.rows(
            "SELECT id FROM password_resets WHERE user_id = 1 AND used = 0 AND expires_at > ?",
            "2025-10-05 10:00:00",
        )
        return len(found)

    before = open_ones()
    assert before
    token = ask(shop, "ann@example.ie")
    assert open_ones() == before + 1
    assert confirm(shop, token) == 204
    assert open_ones() == 0


def test_of_simultaneous_confirmations_one_succeeds(shop_after: Path) -> None:
    shop = Shop(shop_after)

    async def race() -> list[int]:
        transport = httpx.ASGITransport(shop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            await client.post("/auth/password-reset", json={"email": "ann@example.ie"})
            bodies = [
                {"token": shop.token(), "new_password": f"password {number}"} for number in range(8)
            ]
            answers = await asyncio.gather(
                *(client.post("/auth/password-reset/confirm", json=body) for body in bodies)
            )
            statuses = [answer.status_code for answer in answers]
            winner = bodies[statuses.index(204)]["new_password"]
            login = {"email": "ann@example.ie", "password": winner}
            assert (await client.post("/auth/login", json=login)).status_code == 200
            return statuses

    try:
        assert sorted(asyncio.run(race())) == [204] + [409] * 7
    finally:
        shop.app.state.database.close()


def test_simultaneous_registrations_make_one_account(shop_after: Path) -> None:
    shop = Shop(shop_after)
    person = {**EMAIL, "first_name": "Zoe", "last_name": "Z"}

    async def race() -> list[int]:
        transport = httpx.ASGITransport(shop.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            registered = await asyncio.gather(
                *(
                    client.post("/auth/register", json={**person, "password": f"password {n}"})
                    for n in range(8)
                )
            )
            assert {answer.status_code for answer in registered} == {202}
            tokens = [
                line
                for letter in shop.post.sent
                for line in letter.body.splitlines()
                if len(line) == 43
            ]
            verified = await asyncio.gather(
                *(client.post("/auth/verify-email", json={"token": token}) for token in tokens)
            )
            return [answer.status_code for answer in verified]

    try:
        assert sorted(asyncio.run(race())) == [204] + [409] * 7
        assert shop.rows("SELECT count(*) FROM users WHERE email = 'zoe@example.ie'") == [(1,)]
    finally:
        shop.app.state.database.close()
