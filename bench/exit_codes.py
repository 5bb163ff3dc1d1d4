"""The exit codes of the command line, named once; what each means stands in bench/cli.py."""

from __future__ import annotations

GOOD, REGRESSION, WRONG_USE, INVALID, INCOMPARABLE = range(5)
