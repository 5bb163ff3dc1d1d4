"""`resale-bench account`: an account to log in with, made beside the server."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal, cast

import click

from bench.options import DATABASE, ask_password

_PASSWORD = "RESALE_ACCOUNT_PASSWORD"


@click.command()
@click.option("--db", "database", required=True, type=DATABASE, help="The shop's database.")
@click.option("--email", required=True, help="The address to log in with.")
@click.option(
    "--role",
    default="admin",
    show_default=True,
    type=click.Choice(["admin", "customer"]),
    help="What the account may do.",
)
@click.option("--first-name", default="Shop", show_default=True, help="Of a new account.")
@click.option("--last-name", default="Account", show_default=True, help="Of a new account.")
def account(database: Path, email: str, role: str, first_name: str, last_name: str) -> None:
    """Make a verified account, or give an existing one a role and a new password.

    The password is asked for twice and not shown, or taken from RESALE_ACCOUNT_PASSWORD.
    Works beside a running server; an existing account has to log in again.

    Example: resale-bench account --db shop.db --email staff@example.com
    """
    from reference_app.accounts import offline
    from reference_app.errors import Unprocessable

    try:
        email = offline.check_email(email)
        password = offline.check_password(_password())
    except Unprocessable as error:
        raise click.UsageError(error.detail) from error
    chosen_role = cast(Literal["admin", "customer"], role)
    new = offline.save_account(database, email, password, chosen_role, first_name, last_name)
    click.echo(f"{'made' if new else 'changed'}: {email} is {role}; log in with POST /auth/login")


def _password() -> str:
    given = os.environ.get(_PASSWORD)
    if given is not None:
        return given
    return ask_password(_PASSWORD, confirm=True)
