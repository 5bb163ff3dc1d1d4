"""Models of analytics; times in UTC."""

from __future__ import annotations

import json
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field

from reference_app.answers import LARGEST_ID, shown
from reference_app.vocabulary import EventType

LARGEST_EVENT_DATA = 4096
DEEPEST_EVENT_DATA = 32
_TIME = (
    "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01]) ([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]$"
)

_TRACKED = {
    "event_type": "product_view",
    "event_data": {"product_id": 17},
    "user_id": None,
    "session_id": "5f2c9d1e7a64b083",
    "path": "/products/17",
}
_EVENT = {
    "id": 99,
    "event_type": "product_view",
    "event_data": '{"product_id":17}',
    "user_id": None,
    "session_id": "5f2c9d1e7a64b083",
    "path": "/products/17",
    "timestamp": "2025-10-04 12:00:00",
}
_COUNT = {"event_type": "product_view", "events": 1200}
_DAY = {**_COUNT, "sessions": 300, "users": 80}
_ROLLED = {"date": "2025-10-03", **_DAY, "revenue_cents": 0}
_DATED = {"date": "2025-10-03", **_DAY}
_TOTAL = {"event_type": "purchase", "events": 620}
_SALES = {"date": "2025-10-03", "orders": 21, "revenue_cents": 271_800}


def _small(data: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        size_bytes = len(json.dumps(data, allow_nan=False))
    except RecursionError as error:
        raise ValueError(f"nest event data in {DEEPEST_EVENT_DATA} levels at most") from error
    except ValueError as error:
        raise ValueError("write numbers that JSON has: no NaN and no Infinity") from error
    if size_bytes > LARGEST_EVENT_DATA:
        raise ValueError(f"send at most {LARGEST_EVENT_DATA} bytes of event data")
    if _levels(data) > DEEPEST_EVENT_DATA:
        raise ValueError(f"nest event data in {DEEPEST_EVENT_DATA} levels at most")
    return data


def _levels(data: Any) -> int:
    """The depth of nesting of a JSON value, from 1."""
    depth, values = 0, [data]
    while values:
        depth += 1
        values = [
            part
            for value in values
            if isinstance(value, dict | list)
            for part in (value.values() if isinstance(value, dict) else value)
        ]
    return depth


class TrackedEvent(BaseModel):
    """One event as a page sends it; the server adds address and time."""

    model_config = shown(_TRACKED)

    event_type: EventType
    event_data: Annotated[dict[str, Any] | None, AfterValidator(_small)] = None
    user_id: int | None = Field(default=None, ge=1, le=LARGEST_ID)
    session_id: str = Field(min_length=1, max_length=64)
    path: str | None = Field(default=None, max_length=1024)
    occurred_at: str | None = Field(
        default=None,
        pattern=_TIME,
        description="When it occurred, by the shop's clock, for one sent late: at most 3 days "
        "ago. Leave it out for an event that occurs now.",
        examples=[None],
    )


class TrackRequest(BaseModel):
    """A batch of events; all of them are written, or none."""

    model_config = shown({"events": [_TRACKED]})

    events: list[TrackedEvent] = Field(min_length=1, max_length=100)


class TrackAnswer(BaseModel):
    """The number of events that were committed."""

    model_config = shown({"accepted": 10})

    accepted: int


class Event(BaseModel):
    """One event as lists show it; event_data is the JSON text that was stored."""

    model_config = shown(_EVENT)

    id: int
    event_type: str
    event_data: str | None
    user_id: int | None
    session_id: str
    path: str | None
    timestamp: str


class Events(BaseModel):
    """Events, newest first."""

    model_config = shown({"items": [_EVENT]})

    items: list[Event]


class TypeCount(BaseModel):
    """Events of one type."""

    model_config = shown(_COUNT)

    event_type: str
    events: int


class TypeCounts(BaseModel):
    """Events by type."""

    model_config = shown({"items": [_COUNT]})

    items: list[TypeCount]


class DayCount(TypeCount):
    """One day's events of one type, and the sessions and users behind them."""

    model_config = shown(_DAY)

    sessions: int
    users: int


class DayCounts(BaseModel):
    """One day by type."""

    model_config = shown({"items": [_DAY]})

    items: list[DayCount]


class Funnel(BaseModel):
    """Sessions that reached each step."""

    model_config = shown(
        {"product_view": 900, "add_to_cart": 40, "checkout_start": 25, "purchase": 20}
    )

    product_view: int
    add_to_cart: int
    checkout_start: int
    purchase: int


class DatedCount(DayCount):
    """One row of a dashboard."""

    model_config = shown(_DATED)

    date: str


class DaySales(BaseModel):
    """The valid orders of one day: not cancelled, returned, refunded or failed to be paid."""

    model_config = shown(_SALES)

    date: str
    orders: int
    revenue_cents: int


class RolledUp(DayCount):
    """One row of the daily rollup; its revenue is from events, which anybody may send."""

    model_config = shown(_ROLLED)

    date: str
    revenue_cents: int


class Rollup(BaseModel):
    """Rows of the daily rollup, newest day first."""

    model_config = shown({"items": [_ROLLED]})

    items: list[RolledUp]


class TypeTotal(BaseModel):
    """Events of one type over all days of a dashboard."""

    model_config = shown(_TOTAL)

    event_type: str
    events: int


class Dashboard(BaseModel):
    """Days by type, newest day first; days without a rollup are counted exactly.

    The revenue is that of the shop's orders.
    """

    model_config = shown(
        {
            "from_date": "2025-09-05",
            "to_date": "2025-10-04",
            "rolled_up_days": 29,
            "counted_days": 1,
            "items": [_DATED],
            "totals": [_TOTAL],
            "sales": [_SALES],
            "revenue_cents": 271_800,
        }
    )

    from_date: str
    to_date: str
    rolled_up_days: int
    counted_days: int
    items: list[DatedCount]
    totals: list[TypeTotal]
    sales: list[DaySales]
    revenue_cents: int
