"""The commands, a module each.

As in bench/cli.py: they parse, call one plain function, print, and return the exit code.
"""

from __future__ import annotations

import click

from bench.commands.account import account
from bench.commands.audit import audit
from bench.commands.capacity import capacity
from bench.commands.claims import claims
from bench.commands.compare import compare
from bench.commands.evidence import evidence
from bench.commands.gate import gate
from bench.commands.live import live
from bench.commands.load import load
from bench.commands.logs import logs
from bench.commands.micro import micro
from bench.commands.migrate import migrate
from bench.commands.race import race
from bench.commands.report import report
from bench.commands.rollup import rollup
from bench.commands.run import run
from bench.commands.seed import seed
from bench.commands.serve import serve

ALL: tuple[click.Command, ...] = (
    account,
    audit,
    capacity,
    claims,
    compare,
    evidence,
    gate,
    live,
    load,
    logs,
    micro,
    migrate,
    race,
    report,
    rollup,
    run,
    seed,
    serve,
)
