"""Routes of analytics: tracking for pages, dashboards for staff."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from reference_app.accounts.authorization import AccessControl, address_of
from reference_app.allowances import EventAllowance
from reference_app.analytics.models import (
    Dashboard,
    DayCounts,
    Events,
    Funnel,
    Rollup,
    TrackAnswer,
    TrackRequest,
    TypeCounts,
)
from reference_app.analytics.store import AnalyticsStore
from reference_app.answers import Id, answer, documented, unusable
from reference_app.vocabulary import EventType

Days = Annotated[int, Query(ge=1, le=366, examples=[7])]
DashboardDays = Annotated[int, Query(ge=1, le=366, examples=[30])]
MaybeDays = Annotated[int | None, Query(ge=1, le=366, examples=[7])]
MaybeType = Annotated[EventType | None, Query(alias="type", examples=["product_view"])]
Day = Annotated[date, Query(alias="date", ge=date(1970, 1, 1), le=date(9999, 12, 30))]
_USER_AGENT_LENGTH = 512


def router(store: AnalyticsStore, allowance: EventAllowance) -> APIRouter:
    """The routes of analytics."""
    routes = APIRouter()

    @routes.post(
        "/analytics/track",
        response_model=TrackAnswer,
        status_code=int(HTTPStatus.ACCEPTED),
        responses=documented(
            HTTPStatus.CONFLICT, HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE
        ),
        tags=["analytics"],
    )
    async def track(batch: TrackRequest, request: Request) -> Response:
        """Write 1 to 100 events; answered when they are committed.

        All of them are written, or none. An event sent late, with `occurred_at`, is counted
        on its own day.
        """
        address = address_of(request)
        size_bytes = len(await request.body())
        allowance.admit(address, (event.session_id for event in batch.events), size_bytes)
        agent = request.headers.get("user-agent")
        accepted = await store.track(
            batch.events,
            address,
            agent[:_USER_AGENT_LENGTH] if agent else None,
        )
        return answer({"accepted": accepted}, HTTPStatus.ACCEPTED)

    return routes


def admin_router(store: AnalyticsStore, access: AccessControl) -> APIRouter:
    """The dashboards of staff."""
    admin = APIRouter(prefix="/analytics")

    @admin.get("/events", response_model=Events, responses=documented())
    async def events(event_type: MaybeType = None, days: MaybeDays = None) -> Response:
        """Newest 100 of all, newest 20 of one type, or newest 50 of one type and some days."""
        if event_type is not None:
            return answer({"items": await store.of_type(event_type, days)})
        if days is not None:
            raise unusable("Events of some days are listed by type only; add `type` too.")
        return answer({"items": await store.recent()})

    @admin.get("/by-type", response_model=TypeCounts, responses=documented())
    async def by_type(days: MaybeDays = None) -> Response:
        """Events by type, of all time or of the last days."""
        return answer({"items": await store.by_type(days)})

    @admin.get("/users/{user_id}", response_model=Events, responses=documented())
    async def of_user(user_id: Id) -> Response:
        """One user's events, newest 50."""
        return answer({"items": await store.of_user(user_id)})

    @admin.get("/daily", response_model=DayCounts, responses=documented())
    async def daily(day: Day) -> Response:
        """One day's events, sessions and users by type."""
        return answer({"items": await store.of_day(day)})

    @admin.get("/funnel", response_model=Funnel, responses=documented())
    async def funnel(days: Days = 7) -> Response:
        """The sessions of the last days that reached each step."""
        return answer(await store.funnel(days))

    @admin.get("/rollup", response_model=Rollup, responses=documented(HTTPStatus.NOT_FOUND))
    async def rollup(event_type: MaybeType = None, days: Days = 30) -> Response:
        """The daily rollup of the last days, of one type or of all; 404 without a rollup."""
        return answer({"items": await store.rollup(event_type, days)})

    @admin.get(
        "/dashboard", response_model=Dashboard, responses=documented(HTTPStatus.SERVICE_UNAVAILABLE)
    )
    async def dashboard(days: DashboardDays = 30) -> Response:
        """The last days by type, today included, and their totals; always exact.

        Days that are rolled up cost next to nothing; today and days without a rollup are counted.
        """
        return answer(await store.dashboard(days))

    return admin
