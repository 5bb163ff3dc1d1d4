"""The sentences of cost.json: when an index pays, and what its figures cannot tell.

Judging room: no file, no clock, no database may enter.
"""

from __future__ import annotations

from collections.abc import Mapping

from bench.judge.figures import significant


def break_even_sentence(
    index: str, read: str | None, write: str | None, saved: float, more: float, ratio: float | None
) -> str:
    """When an index pays: `read` and `write` are titles, rows are those of one request."""
    if read is None:
        cost = f", and each “{write}” writes {_rows(more)} for it" if write else ""
        return f"{index} helps no request that the base answers too{cost}."
    if saved <= 0:
        return (
            f"{index} never pays by rows read: the request it helps most ({read}) reads "
            f"{significant(-saved)} rows more than without the migration."
            if saved < 0
            else f"{index} never pays by rows read: {read} reads as many rows as before."
        )
    told = f"saves {significant(saved)} rows read at each request of “{read}”"
    if write is None or ratio is None or more == 0:
        return f"{index} {told}, and no write of the study puts an entry into it."
    told = f"{index} {told} and costs {_rows(more)} written at each “{write}”"
    if ratio < 1:
        return f"{told}: on D1's prices one of the former pays for {significant(1 / ratio)} of it."
    return f"{told}: on D1's prices it pays from {significant(ratio)} of the former for each of it."


def _rows(count: float) -> str:
    return "1 row" if count == 1 else f"{significant(count)} rows"


def limits(ablated: bool, not_counted: Mapping[tuple[str, str], str]) -> list[str]:
    """What the figures of cost.json do not tell, as sentences."""
    found = [
        "Rows read are not counted by this SQLite as they are by D1's: they are derived from each "
        "program and its counters, the fewest and the most that fit; the middle is shown and "
        "billed, and both ends stand beside it.",
        "Rows read and written are means over the drawn parameters. Rows that a write reads are "
        "not billed.",
        "WAL bytes are derived, not measured: the pages that the index added, and two more (the "
        "file's first, and the schema's), each once with its header.",
        "Dollars to build and the break-even take the price beyond what a month includes; the "
        "bill takes off what is included. The plan's own price is not in it.",
        "An index on a table that the migration itself has made was built while that was empty: "
        "time, bytes and rows are those of then.",
        "The bill holds the operations that every arm answers, and no others.",
    ]
    found.append(
        "Which operations an index helps is what the ablation found."
        if ablated
        else "Which operations an index helps is taken from their plans, since there was no "
        "ablation."
    )
    found.append(
        "Rows saved are those between the base and the arm; where several indexes help one "
        "operation, each is told the whole of it."
    )
    found += [
        f"{operation} on {arm} has no rows read: {reason}"
        for (operation, arm), reason in sorted(not_counted.items())
    ]
    return found
