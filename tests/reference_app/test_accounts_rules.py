from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reference_app.accounts import rules
from reference_app.accounts.passwords import (
    UNKNOWN_HASH,
    Passwords,
    hash_password,
    is_outdated,
    is_password,
)
from reference_app.accounts.rate_limits import RateLimits
from reference_app.addresses import network_of
from reference_app.errors import Conflict, TooManyRequests
from reference_app.moving_window import MovingWindow


@pytest.mark.parametrize(
    ("address", "network"),
    [
        (None, "nowhere"),
        ("testclient", "testclient"),
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
    ],
)
def test_tries_are_counted_by_network(address: str | None, network: str) -> None:
    assert network_of(address) == network


@given(st.emails())
def test_an_address_is_compared_without_case(email: str) -> None:
    assert rules.normalised(email.upper()) == rules.normalised(rules.normalised(email).upper())
    assert rules.normalised(rules.normalised(email)) == rules.normalised(email)


def test_a_null_empties_only_what_may_be_empty() -> None:
    row = {"name": "a", "phone": "1"}
    assert rules.merged(row, {"name": None, "phone": None}, {"phone"}) == {
        "name": "a",
        "phone": None,
    }
    assert rules.merged(row, {}, {"phone"}) == row


@pytest.mark.parametrize(
    ("role", "admins", "has_acted", "may"),
    [
        ("customer", 1, False, True),
        ("customer", 0, False, True),
        ("customer", 1, True, False),
        ("admin", 2, False, True),
        ("admin", 2, True, False),
        ("admin", 1, False, False),
    ],
)
def test_who_may_leave(role: str, admins: int, has_acted: bool, may: bool) -> None:
    if may:
        rules.check_deletable(role, admins, has_acted=has_acted)
    else:
        with pytest.raises(Conflict):
            rules.check_deletable(role, admins, has_acted=has_acted)


def test_the_newest_address_becomes_the_default_where_none_is() -> None:
    plain = [{"id": 1, "is_default": 0}, {"id": 3, "is_default": 0}]
    assert rules.next_default(plain) == 3
    assert rules.next_default([*plain, {"id": 2, "is_default": 1}]) is None
    assert rules.next_default([]) is None


def test_passwords_are_argon2id_with_the_parameters_of_owasp() -> None:
    stored = hash_password("correct horse")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert UNKNOWN_HASH.rsplit("$", 2)[0] == stored.rsplit("$", 2)[0]
    assert is_password(stored, "correct horse")
    assert not is_password(stored, "correct horse ")
    assert not is_password(None, "correct horse")
    assert not is_password("no hash at all", "correct horse")
    assert not is_outdated(stored)
    assert is_outdated(stored.replace("t=2", "t=1"))


async def _all_at_once(passwords: Passwords, times: int) -> list[object]:
    import asyncio

    hashes = (passwords.hash("x") for _ in range(times))
    return list(await asyncio.gather(*hashes, return_exceptions=True))


def test_only_so_many_passwords_wait() -> None:
    import asyncio

    passwords = Passwords(threads=1, most_waiting=2)
    results = asyncio.run(_all_at_once(passwords, 5))
    assert [isinstance(result, TooManyRequests) for result in results] == [False] * 3 + [True] * 2
    assert all(isinstance(one, str) for one in asyncio.run(_all_at_once(passwords, 3)))
    passwords.close()


def tries_of(
    by_address: str = "1000/hour",
    by_account: str = "1000/hour",
    letters: tuple[str, str] = ("1000/hour", "1000/hour"),
    monotonic: Callable[[], float] = time.monotonic,
) -> RateLimits:
    return RateLimits(
        by_address,
        by_account,
        letters_by_address=letters[0],
        letters_by_account=letters[1],
        monotonic=monotonic,
    )


@pytest.mark.parametrize(
    ("what", "limits"),
    [
        ("login", {"by_account": "2/hour"}),
        ("password", {"by_account": "2/hour"}),
        ("reset", {"letters": ("2/hour", "5/hour")}),
        ("register", {"letters": ("2/hour", "5/hour")}),
    ],
)
def test_who_tries_from_one_address_keeps_nobody_out_elsewhere(
    what: str, limits: dict[str, Any]
) -> None:
    tries = tries_of(**limits)
    tries.admit(what, "192.0.2.1", "ann")
    tries.admit(what, "192.0.2.1", "ann")
    for _ in range(50):
        with pytest.raises(TooManyRequests) as refused:
            tries.admit(what, "192.0.2.1", "ann")
    assert 3500 < refused.value.retry_after_s <= 3600
    tries.admit(what, "192.0.2.2", "ann")
    tries.admit(what, "192.0.2.1", "bob")


@pytest.mark.parametrize("what", ["reset", "register"])
def test_no_mailbox_is_flooded_from_many_addresses(what: str) -> None:
    tries = tries_of(letters=("2/hour", "5/hour"))
    for number in range(5):
        tries.admit(what, f"192.0.2.{number}", "ann")
    with pytest.raises(TooManyRequests) as refused:
        tries.admit(what, "192.0.2.9", "ann")
    assert 3500 < refused.value.retry_after_s <= 3600
    # Another account, and the other kind of letter, are not concerned.
    tries.admit(what, "192.0.2.9", "bob")
    tries.admit({"reset": "register", "register": "reset"}[what], "192.0.2.9", "ann")


def test_a_refused_try_is_counted_nowhere() -> None:
    tries = tries_of(by_address="3/hour", by_account="1/hour")
    tries.admit("login", "192.0.2.1", "ann")
    for _ in range(5):
        with pytest.raises(TooManyRequests):
            tries.admit("login", "192.0.2.1", "ann")
    tries.admit("login", "192.0.2.1", "bob")


def test_too_many_tries_are_refused_by_address() -> None:
    tries = tries_of("3/hour", "2/hour")
    tries.admit("login", "192.0.2.3")
    tries.admit("login", "192.0.2.3")
    tries.admit("login", "192.0.2.3")
    with pytest.raises(TooManyRequests):
        tries.admit("login", "192.0.2.3", "cid")


def test_tries_wait_out_their_window_whatever_the_wall_clock_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed = [0.0]
    tries = tries_of("1000/hour", "2/hour", monotonic=lambda: passed[0])
    tries.admit("login", None, "ann")
    passed[0] = 600.5
    tries.admit("login", None, "ann")
    # An administrator, or NTP, sets the machine back by a day.
    monkeypatch.setattr("time.time", lambda: -86_400.0)
    passed[0] = 3599.5
    with pytest.raises(TooManyRequests, match="wait 1 s"):
        tries.admit("login", None, "ann")
    passed[0] = 3600.0
    tries.admit("login", None, "ann")
    passed[0] = 3600.5
    # The try that was refused is not counted: the one at 600.5 s is the oldest.
    with pytest.raises(TooManyRequests, match="wait 600 s"):
        tries.admit("login", None, "ann")


def test_tries_are_counted_again_after_the_wall_clock_was_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machine's own monotonic clock is used, and no other."""
    tries = tries_of("1000/second", "1/second")
    monkeypatch.setattr("time.time", lambda: 9e9)
    tries.admit("login", None, "ann")
    monkeypatch.setattr("time.time", lambda: 0.0)
    with pytest.raises(TooManyRequests) as refused:
        tries.admit("login", None, "ann")
    assert refused.value.retry_after_s == 1


def test_who_has_not_tried_for_a_while_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_app.moving_window._MANY_KEYS", 10)
    passed = [0.0]
    window = MovingWindow("2/second", lambda: passed[0])
    for number in range(100):
        passed[0] += 0.25
        assert window.hit("login", str(number)) == 0
        assert len(window) <= 11
    # Those within the window are remembered.
    assert window.hit("login", "99") == 0
    assert window.hit("login", "99") == 1
