"""Registering, confirming an address, logging in and out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher

from reference_app.accounts.offline import save_account
from tests.reference_app.accounts_shop import PASSWORD, ZOE, Shop, serving

NOW = "2025-10-05 10:00:00"
LOGIN = {"email": "zoe@example.ie", "password": PASSWORD}


@pytest.fixture(name="shop")
def served(shop_after: Path) -> Iterator[Shop]:
    with serving(shop_after) as shop:
        yield shop


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def test_somebody_registers_confirms_and_logs_in(shop: Shop) -> None:
    assert shop.status("POST", "/auth/register", body=ZOE) == 202
    assert shop.kinds() == [("zoe@example.ie", "verification")]
    assert shop.status("POST", "/auth/login", body=LOGIN) == 403
    token = shop.token()
    assert shop.status("POST", "/auth/verify-email", body={"token": token}) == 204
    assert shop.status("POST", "/auth/verify-email", body={"token": token}) == 409
    session = shop.ask("POST", "/auth/login", body={**LOGIN, "email": "ZOE@example.IE"}).json()
    assert session["expires_at"] == "2025-11-04 10:00:00"
    assert session["user"]["email"] == "zoe@example.ie"
    assert shop.ask("GET", "/auth/me", session["token"]).json() == {
        "id": 4,
        "email": "zoe@example.ie",
        "first_name": "Zoe",
        "last_name": "Zimmer",
        "phone": "+353 85 1",
        "role": "customer",
        "email_verified": True,
        "created_at": NOW,
        "last_login_at": NOW,
    }


def test_tokens_and_passwords_are_kept_as_hashes_only(shop: Shop) -> None:
    session = shop.join()
    told = shop.post.sent[0].body
    [(verification,)] = shop.rows("SELECT token_hash FROM email_verifications")
    assert verification in {digest(line) for line in told.splitlines()}
    [(stored,)] = shop.rows("SELECT token_hash FROM sessions WHERE user_id = 4")
    assert stored == digest(session)
    [(password,)] = shop.rows("SELECT password_hash FROM users WHERE id = 4")
    assert password.startswith("$argon2id$v=19$m=19456,t=2,p=1$")


def test_the_answer_does_not_tell_who_has_an_account(shop: Shop) -> None:
    shop.join()
    answers = [
        shop.ask("POST", "/auth/register", body={**ZOE, "email": email})
        for email in ("zoe@example.ie", "ZOE@EXAMPLE.IE", "new@example.ie")
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {
        (202, answers[0].content)
    }
    assert shop.kinds()[1:] == [
        ("zoe@example.ie", "account_exists"),
        ("zoe@example.ie", "account_exists"),
        ("new@example.ie", "verification"),
    ]
    # A registration changes nothing of an account that is confirmed.
    assert shop.log_in()


MALLORY = {
    **ZOE,
    "password": "mallory's own",
    "first_name": "Mallory",
    "last_name": "M.",
    "phone": None,
}


def registered(shop: Shop, *people: dict[str, Any]) -> list[str]:
    """Register one after another; the tokens of their letters."""
    tokens = []
    for person in people:
        assert shop.status("POST", "/auth/register", body=person) == 202
        tokens.append(shop.token())
    return tokens


def confirmed(shop: Shop, token: str) -> int:
    return shop.status("POST", "/auth/verify-email", body={"token": token})


@pytest.mark.parametrize("hers", [0, 1, 2])
def test_the_letter_decides_whose_registration_counts(hers: int, shop: Shop) -> None:
    people = [MALLORY, MALLORY]
    people.insert(hers, ZOE)
    tokens = registered(shop, *people)
    assert shop.rows("SELECT count(*) FROM users WHERE email = 'zoe@example.ie'") == [(1,)]
    shop.run("INSERT INTO sessions (token_hash, user_id, expires_at) VALUES ('m', 4, '2026')")
    assert confirmed(shop, tokens[hers]) == 204
    assert shop.rows(
        "SELECT first_name, last_name, phone, email_verified FROM users WHERE id = 4"
    ) == [("Zoe", "Zimmer", "+353 85 1", 1)]
    assert shop.rows("SELECT * FROM sessions WHERE user_id = 4") == []
    # What others registered is gone, with their tokens.
    assert [confirmed(shop, token) for token in tokens] == [409, 409, 409]
    assert shop.rows("SELECT token_hash FROM email_verifications WHERE user_id = 4") == [
        (digest(tokens[hers]),)
    ]
    wrong = {**LOGIN, "password": MALLORY["password"]}
    assert shop.status("POST", "/auth/login", body=wrong) == 401
    assert shop.log_in()


def test_a_letter_of_the_seeds_confirms_the_account_as_it_stands(shop: Shop) -> None:
    shop.run(
        "INSERT INTO email_verifications (user_id, token_hash, expires_at) VALUES (1, ?, '2026')",
        digest("a token"),
    )
    [hers] = registered(shop, {**MALLORY, "email": "ann@example.ie"})
    assert confirmed(shop, "a token") == 204
    assert shop.rows(
        "SELECT password_hash, first_name, email_verified FROM users WHERE id = 1"
    ) == [("x", "Ann", 1)]
    assert confirmed(shop, hers) == 409


@pytest.mark.parametrize("by", ["reset", "command"])
def test_a_password_that_was_chosen_otherwise_ends_what_is_registered(by: str, shop: Shop) -> None:
    tokens = registered(shop, MALLORY, MALLORY)
    if by == "reset":
        shop.ask("POST", "/auth/password-reset", body={"email": "zoe@example.ie"})
        body = {"token": shop.token(), "new_password": PASSWORD}
        assert shop.status("POST", "/auth/password-reset/confirm", body=body) == 204
    else:
        save_account(shop.path, "zoe@example.ie", PASSWORD, "customer", "Zoe", "Z.")
    assert [confirmed(shop, token) for token in tokens] == [409, 409]
    assert shop.rows("SELECT count(*) FROM email_verifications WHERE user_id = 4") == [(0,)]
    assert shop.log_in()


def test_the_letter_says_when_its_registration_was_made(shop: Shop) -> None:
    registered(shop, ZOE)
    assert f"registered with this address at {NOW} (UTC)" in shop.post.sent[-1].body


def test_nobody_unconfirmed_becomes_staff(shop: Shop) -> None:
    [token] = registered(shop, ZOE)
    refused = shop.ask("PATCH", "/admin/users/4", "staff", {"role": "admin"})
    assert refused.status_code == 409
    assert "is not confirmed" in refused.json()["detail"]
    assert confirmed(shop, token) == 204
    assert shop.status("PATCH", "/admin/users/4", "staff", {"role": "admin"}) == 200


def test_nobody_takes_over_staff_by_registering(shop: Shop) -> None:
    shop.ask("POST", "/auth/register", body={**ZOE, "email": "staff@example.ie"})
    assert shop.kinds() == [("staff@example.ie", "account_exists")]
    assert shop.rows("SELECT password_hash FROM users WHERE id = 3") == [("x",)]


@pytest.mark.parametrize(("hours", "status"), [(47.9, 204), (48, 409)])
def test_an_address_is_confirmed_within_two_days(hours: float, status: int, shop: Shop) -> None:
    shop.ask("POST", "/auth/register", body=ZOE)
    shop.clock.pass_by(hours=hours)
    assert shop.status("POST", "/auth/verify-email", body={"token": shop.token()}) == status


def test_a_wrong_password_and_an_unknown_address_are_refused_alike(shop: Shop) -> None:
    shop.join()
    answers = [
        shop.ask("POST", "/auth/login", body={"email": email, "password": "wrong"})
        for email in ("zoe@example.ie", "nobody@example.ie", "ann@example.ie")
    ]
    assert {(one.status_code, one.content) for one in answers} == {(401, answers[0].content)}
    assert shop.rows(
        "SELECT level, category, user_id, ip_address, created_at FROM system_logs"
        " WHERE message = 'A login failed.' ORDER BY id"
    ) == [("warning", "auth", user, "testclient", NOW) for user in (4, None, 1)]


def test_a_wrong_password_of_an_unconfirmed_account_is_only_wrong(shop: Shop) -> None:
    shop.ask("POST", "/auth/register", body=ZOE)
    assert shop.status("POST", "/auth/login", body={**LOGIN, "password": "wrong"}) == 401


def test_a_hash_with_other_parameters_is_renewed_at_a_login(shop: Shop) -> None:
    shop.join()
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=2).hash(PASSWORD)
    shop.run("UPDATE users SET password_hash = ? WHERE id = 4", old)
    shop.log_in()
    [(renewed,)] = shop.rows("SELECT password_hash FROM users WHERE id = 4")
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    shop.log_in()
    assert shop.rows("SELECT password_hash FROM users WHERE id = 4") == [(renewed,)]


def test_a_password_that_changes_while_it_is_checked_opens_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.join()
    people: Any = None
    for job in shop.app.state.jobs.jobs:
        if job.name == "remove-ended-sessions":
            people = job.run.__self__
    check = people._passwords.check

    async def slow(stored: str | None, password: str) -> bool:
        right: bool = await check(stored, password)
        shop.run("UPDATE users SET password_hash = 'changed' WHERE id = 4")
        return right

    monkeypatch.setattr(people._passwords, "check", slow)
    before = shop.rows("SELECT count(*) FROM sessions")
    assert shop.status("POST", "/auth/login", body=LOGIN) == 401
    assert shop.rows("SELECT count(*) FROM sessions") == before


def test_a_session_ends_by_logging_out_and_by_time(shop: Shop) -> None:
    first, second = shop.join(), shop.log_in()
    assert shop.status("POST", "/auth/logout", first) == 204
    assert shop.status("GET", "/auth/me", first) == 401
    assert shop.status("GET", "/auth/me", second) == 200
    shop.clock.pass_by(days=30)
    assert shop.status("GET", "/auth/me", second) == 401


def test_ended_sessions_are_removed_and_open_ones_kept(shop: Shop) -> None:
    shop.run(
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)"
        " INSERT INTO sessions (token_hash, user_id, expires_at) SELECT 'old' || i, 1, ? FROM n",
        NOW,
    )
    assert shop.client.portal is not None
    shop.client.portal.call(shop.app.state.jobs.run_once)
    left = shop.rows("SELECT id FROM sessions ORDER BY id")
    assert left == [(1,), (2,), (3,)]


@pytest.mark.parametrize(
    ("url", "body"),
    [
        ("/auth/register", ZOE),
        ("/auth/login", LOGIN),
        ("/auth/password-reset", {"email": "zoe@example.ie"}),
        ("/auth/verify-email", {"token": "x"}),
        ("/auth/password-reset/confirm", {"token": "x", "new_password": PASSWORD}),
    ],
)
def test_tries_by_address_are_limited(url: str, body: Any, shop_after: Path) -> None:
    with serving(shop_after, tries_by_address="3/hour") as shop:
        first = [shop.status("POST", url, body=body) for _ in range(3)]
        assert 429 not in first
        refused = shop.ask("POST", url, body=body)
        assert refused.status_code == 429
        assert 3500 < int(refused.headers["retry-after"]) <= 3600
        assert refused.headers["content-type"] == "application/problem+json"


def test_tries_by_account_are_limited_however_it_is_written(shop_after: Path) -> None:
    with serving(shop_after, tries_by_account="2/hour") as shop:
        assert shop.status("POST", "/auth/login", body=LOGIN) == 401
        assert shop.status("POST", "/auth/login", body={**LOGIN, "email": "ZOE@EXAMPLE.IE"}) == 401
        assert shop.status("POST", "/auth/login", body=LOGIN) == 429
        assert shop.status("POST", "/auth/login", body={**LOGIN, "email": "a@b.ie"}) == 401


@pytest.mark.parametrize(
    "change",
    [
        {"email": "no address"},
        {"email": "a\x00b@example.ie"},
        {"password": "short"},
        {"password": "x" * 129},
        {"first_name": ""},
        {"first_name": " "},
        {"last_name": "line\nbreak"},
        {"phone": "\x00\x00\x00"},
        {"role": "admin"},
        {"email": "\ud800@example.ie"},
    ],
)
def test_what_cannot_be_used_is_refused(change: dict[str, str], shop: Shop) -> None:
    body = {**ZOE, **change}
    answer = shop.client.post(
        "/auth/register",
        content=json.dumps(body),
        headers={"content-type": "application/json"},
    )
    assert answer.status_code == 422
    assert shop.post.sent == []
