"""`resale-bench account`."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.resale.commands.account import account
from tests.reference_app.accounts_shop import serving

PASSWORD = "staff password"


def run(database: Path, *words: str, password: str | None = PASSWORD, typed: str = "") -> str:
    runner = CliRunner()
    env = {"RESALE_ACCOUNT_PASSWORD": password}
    result = runner.invoke(account, ["--db", str(database), *words], env=env, input=typed)
    return f"{result.exit_code} {result.output.strip()}"


def test_an_account_is_made_beside_the_running_server(shop_after: Path) -> None:
    with serving(shop_after) as shop:
        said = run(shop_after, "--email", "Boss@Example.ie")
        assert said == "0 made: boss@example.ie is admin; log in with POST /auth/login"
        token = shop.log_in("boss@example.ie", PASSWORD)
        assert shop.status("GET", "/admin/users", token) == 200


def test_without_a_terminal_it_says_where_the_password_belongs(shop_before: Path) -> None:
    said = run(shop_before, "--email", "ann@example.ie", password=None)
    assert said.startswith("2 ")
    assert "give it in RESALE_ACCOUNT_PASSWORD" in said


def test_an_account_is_promoted_and_its_sessions_end(
    shop_before: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bench.options.at_terminal", lambda: True)
    with serving(shop_before) as shop:
        said = run(
            shop_before,
            *("--email", "ann@example.ie", "--role", "admin"),
            password=None,
            typed=f"{PASSWORD}\n{PASSWORD}\n",
        )
        assert said.startswith("0 ")
        assert "changed: ann@example.ie is admin" in said
        assert PASSWORD not in said
        assert shop.status("GET", "/auth/me", "ann") == 401
        token = shop.log_in("ann@example.ie", PASSWORD)
        assert shop.ask("GET", "/auth/me", token).json()["id"] == 1
        assert run(shop_before, "--email", "ann@example.ie", "--role", "customer")
        token = shop.log_in("ann@example.ie", PASSWORD)
        assert shop.status("GET", "/admin/users", token) == 403


@pytest.mark.parametrize(
    ("email", "password", "said"),
    [
        ("nobody", PASSWORD, "is no e-mail address"),
        ("a@b.ie", "short", "A password has 8 to 128 characters"),
    ],
)
def test_wrong_use_is_told(email: str, password: str, said: str, shop_after: Path) -> None:
    with serving(shop_after) as shop:
        before = shop.rows("SELECT count(*) FROM users")
        told = run(shop_after, "--email", email, password=password)
        assert told.startswith("2 ")
        assert said in told
        assert shop.rows("SELECT count(*) FROM users") == before
