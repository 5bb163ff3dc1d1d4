"""The sell side over HTTP, for sellers and for staff. No SQL may enter."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from reference_app.accounts.doors import Doors
from reference_app.answers import answer, documented, not_found
from reference_app.sell.models import SellRequests, Submission, Summary
from reference_app.sell.store import SellStore
from reference_app.vocabulary import SubmissionStatus

BatchId = Annotated[str, Path(min_length=1, max_length=64, examples=["BATCH-20251004-00001"])]


def router(store: SellStore, doors: Doors) -> APIRouter:
    """The routes of the sell side."""
    routes = APIRouter(tags=["sell"])

    @routes.get(
        "/sell/submissions/{batch_id}",
        response_model=Submission,
        responses=documented(HTTPStatus.NOT_FOUND),
    )
    async def submission(batch_id: BatchId) -> Response:
        """One submission and its items."""
        found = await store.submission(batch_id)
        if found is None:
            raise not_found(f"There is no submission {batch_id}; check the batch id.")
        return answer(found)

    return routes


def admin_router(store: SellStore, doors: Doors) -> APIRouter:
    """The routes of the sell side for staff."""
    routes = APIRouter(prefix="/sell-requests")

    @routes.get("", response_model=SellRequests, responses=documented())
    async def sell_requests(status: SubmissionStatus | None = None) -> Response:
        """Submissions, newest 50, of one status or of all."""
        return answer({"items": await store.requests(status)})

    @routes.get("/summary", response_model=Summary)
    async def summary() -> Response:
        """Submissions and items by status."""
        return answer({"items": await store.summary()})

    return routes
