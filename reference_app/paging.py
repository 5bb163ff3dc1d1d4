"""Opaque cursors of paged lists: the position of the last row, as text for a URL.

A cursor grants nothing: an altered one reaches only rows that the list itself would show.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Annotated, Any

import orjson
from fastapi import Query

from reference_app.errors import NotFound

LARGEST_PAGE = 100
LARGEST_CURSOR = 512
CURSOR = "^[A-Za-z0-9_-]+$"
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1

After = Annotated[
    str | None,
    Query(
        max_length=LARGEST_CURSOR,
        pattern=CURSOR,
        description="`next` of the page before; leave it out for the first page.",
    ),
]
Limit = Annotated[int, Query(ge=1, le=LARGEST_PAGE, description="How many at most.")]


def pack(*values: int | str) -> str:
    """The cursor of a row, from its values of the columns that order the list."""
    return base64.urlsafe_b64encode(orjson.dumps(values)).rstrip(b"=").decode()


def unpack(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The values of a cursor, which have these types.

    Raises:
        NotFound: the cursor is not one of this list.
    """
    try:
        values = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise _mangled() from error
    if not isinstance(values, list) or len(values) != len(kinds):
        raise _mangled()
    for value, kind in zip(values, kinds, strict=True):
        # isinstance would accept a bool as an int.
        if type(value) is not kind:
            raise _mangled()
        if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
            raise _mangled()
    return tuple(values)


def page(rows: Sequence[dict[str, Any]], limit: int, *by: str) -> dict[str, Any]:
    """A page of at most `limit` of the rows, which are one more if there is a next page.

    `by` names the columns that order the list. `next` is None on the last page.
    """
    shown = list(rows[:limit])
    more = len(rows) > limit
    return {"items": shown, "next": pack(*(shown[-1][name] for name in by)) if more else None}


def _mangled() -> NotFound:
    return NotFound(
        "There is no page after this; take `next` of the page before, or leave `after` out."
    )
