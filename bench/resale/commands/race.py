"""`resale-bench race`: many clients at once against a deployment, and whether its rules hold."""

from __future__ import annotations

import asyncio
import json

import click

from bench.exit_codes import GOOD, INVALID, REGRESSION
from bench.options import JSON, ask_password

EXIT_CODES = {
    "all rules hold": GOOD,
    "a rule broke": REGRESSION,
    "not everything could be probed": INVALID,
}
_NAMES = ("last-item", "offer-answers", "reservations", "idempotency")


@click.command()
@click.option("--url", required=True, help="Where the shop is served: http://127.0.0.1:8000.")
@click.option("--admin-email", help="A member of staff; the password is asked for.")
@click.option(
    "--admin-password",
    envvar="RESALE_ADMIN_PASSWORD",
    hidden=True,
    help="Better given by the environment, where others do not see it.",
)
@click.option(
    "--admin-token",
    envvar="RESALE_ADMIN_TOKEN",
    help="The token of a member of staff, instead of e-mail and password.",
)
@click.option(
    "--clients", default=50, show_default=True, type=click.IntRange(2, 500), help="At once."
)
@click.option(
    "--rounds", default=200, show_default=True, type=click.IntRange(1), help="Of each probe."
)
@click.option(
    "--probe",
    "probes",
    multiple=True,
    type=click.Choice(_NAMES),
    help="Only this probe; may be repeated.",
)
@JSON
def race(
    url: str,
    admin_email: str | None,
    admin_password: str | None,
    admin_token: str | None,
    clients: int,
    rounds: int,
    probes: tuple[str, ...],
    as_json: bool,
) -> int:
    """Let many clients race for one thing, and check that one wins.

    Every round makes a product or an offer of its own, and lets all clients fire at
    once: at the last piece (last-item), for and against an offer (offer-answers), for
    one reservation (reservations), with one Idempotency-Key (idempotency). Afterwards
    stock, ledger, orders and answers have to agree. The products are taken off
    the shop's lists again; the orders, cancelled, and the submissions stay, under
    addresses that end in @race.example.

    The password is taken from RESALE_ADMIN_PASSWORD, or asked for; a token from
    RESALE_ADMIN_TOKEN. Exit code 0: all rules hold; 1: a rule broke; 2: wrong use;
    3: the deployment could not be probed.

    Example: resale-bench race --url http://127.0.0.1:8000 --admin-email staff@example.ie
    """
    from bench import progress
    from bench.report.terminal import section_text
    from bench.resale.race import runner
    from bench.resale.race.section import race_section

    if admin_token is None and admin_email is None:
        raise click.UsageError("Name a member of staff with --admin-email or --admin-token.")
    if admin_token is None and admin_password is None:
        admin_password = ask_password("RESALE_ADMIN_PASSWORD")
    options = runner.Options(
        url=url,
        token=admin_token,
        email=admin_email,
        password=admin_password,
        clients=clients,
        rounds=rounds,
        probes=probes,
    )
    with progress.bars(hidden=as_json) as bar:
        results = asyncio.run(runner.probe(options, bar))
    if as_json:
        click.echo(json.dumps(results.json_values()))
    else:
        click.echo(section_text(race_section(results), width=100), nl=False)
    return EXIT_CODES[results.verdict]
