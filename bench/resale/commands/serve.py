"""`resale-bench serve`: the shop over HTTP."""

from __future__ import annotations

from pathlib import Path

import click

from bench.options import DATABASE


@click.command()
@click.option(
    "--db", "database", required=True, type=DATABASE, help="A seeded database, of any arm."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, help="The port to listen on.")
@click.option(
    "--variant",
    type=click.Choice(["guarded", "reported"]),
    help="How sell offers are answered: `guarded` once each, as the shop does; `reported` with the "
    "report's own UPDATE, which has no guard, for `resale-bench race` to catch.",
)
def serve(database: Path, host: str, port: int, variant: str | None) -> None:
    """Serve the shop over HTTP, and say what one client may take of it and how Locust visits it.

    Limits and all else are set by environment variables, RESALE_*.

    Example: resale-bench serve --db shop.db
    """
    from bench.resale.locust_command import locust_command
    from reference_app.server import is_loopback
    from reference_app.server import serve as serve_app
    from reference_app.settings import Settings

    def announce(address: str) -> None:
        click.echo(f"serving {database} at {address}")
        if not is_loopback(host):
            click.echo(
                f"warning: others can reach {host}, and a seeded shop's passwords and session "
                "tokens are published, those of staff too; serve it to nobody but yourself.",
                err=True,
            )
        for line in settings.describe_limits():
            click.echo(f"limit: {line}")
        click.echo(f"visit it with: {locust_command(address)}")

    chosen = {} if variant is None else {"sell_answers": variant}
    settings = Settings.model_validate({"database": database, **chosen})
    serve_app(settings, host=host, port=port, announce=announce)
