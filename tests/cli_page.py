"""docs/cli.md: every command and option, from the program itself.

python -m tests.cli_page
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bench import cli

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"


def page() -> str:
    """Return the page as it has to be."""
    parts = ["# Commands\n", "Written by `make docs` from the program's own help.\n"]
    # Options of the group, `-h` among them, hold for its commands.
    group = click.Context(cli.cli, info_name="resale-bench", **cli.cli.context_settings)
    for path, command in commands("resale-bench", cli.cli):
        name = path.partition(" ")[2]
        context = click.Context(command, group, info_name=name, terminal_width=88)
        parts += [f"## {path}\n", f"```text\n{command.get_help(context)}\n```\n"]
    return "\n".join(parts)


def commands(path: str, group: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Walk every command below a group, by its path."""
    if not isinstance(group, click.Group):
        yield path, group
        return
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        assert command is not None
        yield from commands(f"{path} {name}", command)


def main() -> int:
    """Write the page; with `--print` print it instead."""
    if "--print" in sys.argv[1:]:
        sys.stdout.write(page())
    else:
        PAGE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
