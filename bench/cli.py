"""The command line: parses, calls one plain function, prints, and sets the exit code.

The only place that exits. Exit codes: 0 good, 1 a regression or a refuted
gate, 2 wrong use, 3 inconclusive or invalid measurement, 4 incomparable runs,
70 a fault of this program (with its traceback), 128 + n ended by signal n.
"""

from __future__ import annotations

import os
import signal
import sys

import click

from bench import commands
from bench.exit_codes import GOOD, WRONG_USE
from bench.resale import commands as shop_commands


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="resale-bench")
def cli() -> None:
    """Prove, or refute, what a database migration promises.

    Example: resale-bench run --scale 0.01
    """


for _command in (*commands.ALL, *shop_commands.ALL):
    cli.add_command(_command)


def main() -> None:
    """Run the command line; the only place that exits."""
    from bench.exit_handling import Signals, failed

    signals = Signals()
    signals.listen()
    try:
        code = cli.main(standalone_mode=False)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; nothing half-made was left", err=True)
        sys.exit(signals.exit_code)
    except BrokenPipeError:
        # The reader has gone; what Python would flush at its end has nowhere to go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(128 + signal.SIGPIPE)
    except click.ClickException as error:
        error.show()
        sys.exit(WRONG_USE)
    except Exception as error:
        sys.exit(failed(error))
    sys.exit(code if isinstance(code, int) else GOOD)


if __name__ == "__main__":
    main()
