"""Opaque cursors of paged lists: the place of the last row shown, as text of a URL.

A cursor says where to go on, never who may look: whoever alters one reaches no row that the list
itself would not show.
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


def pack(*place: int | str) -> str:
    """The cursor of a place: the values that the list is ordered by."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).rstrip(b"=").decode()


def unpack(cursor: str, *kinds: type) -> tuple[Any, ...]:
    """The place of a cursor, values of these kinds.

    Raises:
        NotThere: this list did not give the cursor.
    """
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError as error:
        raise _mangled() from error
    if not isinstance(place, list) or len(place) != len(kinds):
        raise _mangled()
    for value, kind in zip(place, kinds, strict=True):
        # bool is an int to Python, and no place.
        if type(value) is not kind:
            raise _mangled()
        if isinstance(value, int) and not _SMALLEST <= value <= _LARGEST:
            raise _mangled()
    return tuple(place)


def page(rows: Sequence[dict[str, Any]], limit: int, *by: str) -> dict[str, Any]:
    """A page of `limit` rows, of one row more that was asked for, and the cursor of the next.

    `by` names the columns that the list is ordered by. `next` is None on the last page.
    """
    shown = list(rows[:limit])
    more = len(rows) > limit
    return {"items": shown, "next": pack(*(shown[-1][name] for name in by)) if more else None}


def _mangled() -> NotFound:
    return NotFound(
        "There is no page after this; take `next` of the page before, or leave `after` out."
    )
