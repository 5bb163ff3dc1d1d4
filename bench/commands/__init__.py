"""The commands, a module each.

As in bench/cli.py: they parse, call one plain function, print, and return the exit code.
"""

from __future__ import annotations

import click

from bench.commands.capacity import capacity
from bench.commands.claims import claims
from bench.commands.compare import compare
from bench.commands.evidence import evidence
from bench.commands.gate import gate
from bench.commands.live import live
from bench.commands.load import load
from bench.commands.micro import micro
from bench.commands.report import report
from bench.commands.run import run

ALL: tuple[click.Command, ...] = (
    capacity, claims, compare, evidence, gate, live, load, micro, report, run,
)  # fmt: skip
