"""Progress on the terminal's error stream, out of the way of what is printed."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def bars(*, hidden: bool = False) -> Iterator[Callable[[str, int, int], None]]:
    """One bar for each stage; the callable takes the stage, what is done and the total.

    Nothing is shown where the error stream is no terminal.
    """
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    disabled = hidden or not sys.stderr.isatty()
    with Progress(*columns, console=Console(stderr=True), disable=disabled) as progress:
        tasks: dict[str, object] = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total)
            progress.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield report


def line(stream: TextIO) -> Callable[[str], None]:
    """One changing line on `stream` if that is a terminal; an empty text clears it."""
    shown = stream.isatty()

    def show(text: str) -> None:
        if shown:
            stream.write(f"\r\x1b[2K{f'  {text}' if text else ''}")
            stream.flush()

    return show
