"""The commands that are about a shop rather than a measurement, a module each.

As in bench/cli.py: they parse, call one plain function, print, and return the exit code.
"""

from __future__ import annotations

import click

from bench.commands.account import account
from bench.commands.audit import audit
from bench.commands.capacity import capacity
from bench.commands.claims import claims
from bench.commands.live import live
from bench.commands.load import load
from bench.commands.logs import logs
from bench.commands.race import race
from bench.commands.rollup import rollup

ALL: tuple[click.Command, ...] = (
    account,
    audit,
    capacity,
    claims,
    live,
    load,
    logs,
    race,
    rollup,
)
