"""How seeded accounts come in: a password that opens them, tokens that are known beforehand."""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
from pathlib import Path

import numpy as np
import pytest
from argon2 import PasswordHasher

from seeds import access, past
from seeds.load import SeedReport, read_manifest
from seeds.plan import DEMO_PASSWORD, Plan, sample_parameters, session_of, staff, token_of

DAY_AFTER_THE_YEAR = "2025-10-05 23:59:59"


def rows(db: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(db)) as connection:
        return connection.execute(sql, values).fetchall()


def test_the_demo_password_opens_every_account(seeded: tuple[Path, SeedReport]) -> None:
    stored = rows(seeded[0], "SELECT DISTINCT password_hash FROM users")
    assert stored == [(access.PASSWORD_HASH,)]
    hasher = PasswordHasher(memory_cost=19456, time_cost=2, parallelism=1)
    assert hasher.verify(access.PASSWORD_HASH, DEMO_PASSWORD)
    assert not hasher.check_needs_rehash(access.PASSWORD_HASH)


def test_tokens_are_known_and_stored_as_their_hashes(seeded: tuple[Path, SeedReport]) -> None:
    plan = read_manifest(seeded[0]).plan()
    stored = rows(seeded[0], "SELECT id, token_hash FROM sessions")
    assert len(stored) == plan.counts["sessions"]
    for row_id, token_hash in stored:
        token = token_of(plan.seed, int(str(row_id)) - 1)
        assert len(token) == 64
        assert hashlib.sha256(token.encode()).hexdigest() == token_hash


def test_tokens_differ_by_seed_and_row() -> None:
    assert len({token_of(seed, row) for seed in (1, 11) for row in range(120)}) == 240


def test_a_known_session_is_its_accounts_newest_and_lasts(seeded: tuple[Path, SeedReport]) -> None:
    plan = read_manifest(seeded[0]).plan()
    newest = dict(
        rows(
            seeded[0],
            "SELECT user_id, max(id) FROM sessions WHERE expires_at >= ? GROUP BY user_id",
            DAY_AFTER_THE_YEAR,
        )
    )
    for user_id in range(1, plan.counts["users"] + 1):
        row = session_of(plan, user_id)
        assert newest.get(user_id) == (None if row is None else row + 1)


@pytest.mark.parametrize("user_id", [-1, 0, 101])
def test_nobody_has_no_session(user_id: int) -> None:
    assert session_of(Plan(0.002), user_id) is None


def test_only_verified_accounts_are_logged_in(seeded: tuple[Path, SeedReport]) -> None:
    unverified = "SELECT count(*) FROM users WHERE email_verified = 0"
    assert rows(seeded[0], unverified) != [(0,)]
    logged_in = "SELECT count(*) FROM sessions JOIN users u ON u.id = user_id"
    assert rows(seeded[0], f"{logged_in} WHERE email_verified = 0") == [(0,)]


@pytest.mark.parametrize("scale", [0.0005, 0.1, 1.0, 10.0])
def test_all_of_staff_are_verified_and_have_a_session(scale: float) -> None:
    plan = Plan(scale)
    ids = np.array(staff(plan))
    assert len(ids) == max(1, plan.counts["users"] // 5_000)
    assert past.accounts(plan).is_verified(ids - 1).all()
    assert sorted(session_of(plan, int(user_id)) or -1 for user_id in ids) == list(
        range(plan.counts["sessions"] - len(ids), plan.counts["sessions"])
    )


def test_staff_are_the_admins(seeded: tuple[Path, SeedReport]) -> None:
    admins = rows(seeded[0], "SELECT id FROM users WHERE role = 'admin' ORDER BY id")
    assert admins == [(user_id,) for user_id in staff(read_manifest(seeded[0]).plan())]


@pytest.mark.parametrize(
    "operation",
    ["order_history", "order_detail", "submit_sell_request", "checkout", "respond_to_offer"],
)
@pytest.mark.parametrize("scale", [0.0005, 0.05])
def test_whoever_is_drawn_as_themselves_has_a_session(operation: str, scale: float) -> None:
    plan, rng = Plan(scale), np.random.default_rng(5)
    for _ in range(50):
        user_id = sample_parameters(plan, operation, rng)["user_id"]
        assert user_id is None or session_of(plan, int(user_id)) is not None
