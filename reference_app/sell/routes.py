"""Routes of the sell side, for sellers and for staff."""

# No `from __future__ import annotations`: FastAPI could not resolve the names of a closure.

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from reference_app.accounts.authorization import AccessControl, Caller, address_of
from reference_app.allowances import SubmissionAllowance
from reference_app.answers import GUESTS_TOO, answer, documented
from reference_app.paging import After, Limit
from reference_app.sell.models import (
    OwnSubmissions,
    Progress,
    Received,
    SellRequests,
    StaffSubmission,
    Submission,
    Submitted,
    Summary,
)
from reference_app.sell.requests import (
    Answer,
    Cancellation,
    Email,
    NewOffer,
    NewSubmission,
    Receipt,
)
from reference_app.sell.sellers import Requester
from reference_app.sell.store import MEASURED_PAGE, SellStore, SubmissionFilter
from reference_app.vocabulary import SubmissionStatus

BatchId = Annotated[str, Path(min_length=1, max_length=64, examples=["BATCH-20251004-00001"])]
_DAY = "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
FromDay = Annotated[
    str | None, Query(alias="from", pattern=_DAY, description="The first day, YYYY-MM-DD.")
]
ToDay = Annotated[
    str | None, Query(alias="to", pattern=_DAY, description="The last day, YYYY-MM-DD.")
]
SellerEmail = Annotated[Email | None, Query(description="A guest's contact address.")]

_LOGIN, _ABSENT = HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND
_STATE, _BUSY = HTTPStatus.CONFLICT, HTTPStatus.SERVICE_UNAVAILABLE
_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def router(store: SellStore, access: AccessControl, allowance: SubmissionAllowance) -> APIRouter:
    """The routes of the sell side."""
    routes = APIRouter(prefix="/sell/submissions", tags=["sell"])
    _submission_routes(routes, store, access, allowance)
    _answer_routes(routes, store, access)
    return routes


def _submission_routes(
    routes: APIRouter, store: SellStore, access: AccessControl, allowance: SubmissionAllowance
) -> None:
    Anybody = Annotated[Caller | None, Depends(access.anybody)]
    Customer = Annotated[Caller, Depends(access.customer)]

    @routes.post(
        "",
        response_model=Submitted,
        status_code=int(HTTPStatus.CREATED),
        responses=documented(_LOGIN, _STATE, _LARGE, HTTPStatus.TOO_MANY_REQUESTS, _BUSY),
        openapi_extra=GUESTS_TOO,
    )
    async def submit(request: Request, new: NewSubmission, caller: Anybody) -> Response:
        """Offer items to the shop, with or without an account.

        Submissions are limited by address, in number and bytes.
        """
        allowance.admit(address_of(request), len(await request.body()))
        return answer(await store.submit(new, caller), HTTPStatus.CREATED)

    @routes.get("", response_model=OwnSubmissions, responses=documented(_LOGIN))
    async def own_submissions(
        caller: Customer,
        after: After = None,
        limit: Limit = MEASURED_PAGE,
    ) -> Response:
        """The caller's own submissions, newest first."""
        return answer(await store.own_submissions(caller, after, limit))

    @routes.get(
        "/{batch_id}",
        response_model=Submission,
        responses=documented(_LOGIN, _ABSENT),
        openapi_extra=GUESTS_TOO,
    )
    async def submission(
        batch_id: BatchId,
        caller: Anybody,
        email: SellerEmail = None,
    ) -> Response:
        """One submission, its items and their pictures: for its seller and for staff."""
        return answer(await store.submission(batch_id, Requester(caller, email)))


def _answer_routes(routes: APIRouter, store: SellStore, access: AccessControl) -> None:
    Anybody = Annotated[Caller | None, Depends(access.anybody)]

    @routes.post(
        "/{batch_id}/response",
        response_model=Progress,
        responses=documented(_LOGIN, _ABSENT, _STATE, _LARGE, _BUSY),
        openapi_extra=GUESTS_TOO,
    )
    async def respond(
        batch_id: BatchId,
        given: Answer,
        caller: Anybody,
    ) -> Response:
        """Answer an offer: once, by its seller, before it expires."""
        return answer(await store.answer(batch_id, Requester(caller, given.email), given))

    @routes.post(
        "/{batch_id}/cancel",
        response_model=Progress,
        responses=documented(_LOGIN, _ABSENT, _STATE, _LARGE, _BUSY),
        openapi_extra=GUESTS_TOO,
    )
    async def cancel(
        batch_id: BatchId,
        caller: Anybody,
        by: Cancellation | None = None,
    ) -> Response:
        """Withdraw a submission without agreement; a guest gives the contact address."""
        requester = Requester(caller, None if by is None else by.email)
        return answer(await store.cancel(batch_id, requester))


def admin_router(store: SellStore, access: AccessControl) -> APIRouter:
    """The routes of the sell side for staff."""
    routes = APIRouter(prefix="/sell-requests")
    _list_routes(routes, store, access)
    _action_routes(routes, store, access)
    return routes


def _list_routes(routes: APIRouter, store: SellStore, access: AccessControl) -> None:
    Admin = Annotated[Caller, Depends(access.admin)]

    @routes.get("", response_model=SellRequests, responses=documented())
    async def sell_requests(
        status: SubmissionStatus | None = None,
        from_day: FromDay = None,
        to_day: ToDay = None,
        after: After = None,
        limit: Limit = MEASURED_PAGE,
    ) -> Response:
        """Submissions, newest first, of one status or of all, of some days or of all."""
        wanted = SubmissionFilter(status, from_day, to_day, after, limit)
        return answer(await store.requests(wanted))

    @routes.get("/summary", response_model=Summary)
    async def summary() -> Response:
        """Submissions and items by status."""
        return answer({"items": await store.summary()})

    @routes.get("/{batch_id}", response_model=StaffSubmission, responses=documented(_ABSENT))
    async def sell_request(batch_id: BatchId, caller: Admin) -> Response:
        """One submission with all its data."""
        return answer(await store.for_staff(batch_id, caller))


def _action_routes(routes: APIRouter, store: SellStore, access: AccessControl) -> None:
    Admin = Annotated[Caller, Depends(access.admin)]
    responses = documented(_ABSENT, _STATE, _LARGE, _BUSY)

    @routes.post("/{batch_id}/review", response_model=Progress, responses=responses)
    async def review(batch_id: BatchId, caller: Admin) -> Response:
        """Take up a pending submission."""
        return answer(await store.review(batch_id, caller))

    @routes.post("/{batch_id}/offer", response_model=Progress, responses=responses)
    async def offer(
        batch_id: BatchId,
        new: NewOffer,
        caller: Admin,
    ) -> Response:
        """Decide on every item and offer a price: in review, after a counter-offer or an expiry."""
        return answer(await store.offer(batch_id, caller, new))

    @routes.post("/{batch_id}/accept-counter", response_model=Progress, responses=responses)
    async def accept_counter(batch_id: BatchId, caller: Admin) -> Response:
        """Take a counter-offer: the seller's price becomes the final one."""
        return answer(await store.accept_counter(batch_id, caller))

    @routes.post("/{batch_id}/close", response_model=Progress, responses=responses)
    async def close(batch_id: BatchId, caller: Admin) -> Response:
        """Close a submission without agreement."""
        return answer(await store.close(batch_id, caller))

    @routes.post("/{batch_id}/receive", response_model=Received, responses=responses)
    async def receive(
        batch_id: BatchId,
        receipt: Receipt,
        caller: Admin,
    ) -> Response:
        """Record the arrival: every approved item becomes a product at its price."""
        return answer(await store.receive(batch_id, caller, receipt))

    @routes.post("/{batch_id}/pay", response_model=Progress, responses=responses)
    async def pay(batch_id: BatchId, caller: Admin) -> Response:
        """Record that the agreed price was paid."""
        return answer(await store.pay(batch_id, caller))
