"""The shop's own commands, which bench/cli.py adds to the others."""

from __future__ import annotations

import click

from bench.resale.commands.account import account
from bench.resale.commands.audit import audit
from bench.resale.commands.logs import logs
from bench.resale.commands.migrate import migrate
from bench.resale.commands.race import race
from bench.resale.commands.rollup import rollup
from bench.resale.commands.seed import seed
from bench.resale.commands.serve import serve

ALL: tuple[click.Command, ...] = (account, audit, logs, migrate, race, rollup, seed, serve)
