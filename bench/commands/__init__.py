"""The commands that are about a shop rather than a measurement, a module each.

As in bench/cli.py: they parse, call one plain function, print, and return the exit code.
"""

from __future__ import annotations

import click

from bench.commands.account import account
from bench.commands.audit import audit
from bench.commands.race import race
from bench.commands.rollup import rollup

ALL: tuple[click.Command, ...] = (
    account,
    audit,
    race,
    rollup,
)
