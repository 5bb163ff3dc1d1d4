"""Lists and details of submissions, and each action in a transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from reference_app.accounts.authorization import Caller
from reference_app.clock import Clock, text_of
from reference_app.paging import pack, page, unpack
from reference_app.port import Database, Row, Transaction
from reference_app.sell import rules, sellers, staff
from reference_app.sell.requests import CounterAnswer, NewOffer, NewSubmission, PlainAnswer, Receipt
from reference_app.sell.sellers import Answers, Requester

MEASURED_PAGE = 50
_PROGRESS = (
    "batch_id", "status", "seller_price_cents", "offered_price_cents", "offer_expires_at",
    "seller_response", "seller_response_at", "final_price_cents", "updated_at",
)  # fmt: skip
_FOR_STAFF = ("id", "user_id", "reviewed_by")


@dataclass(frozen=True, slots=True)
class SubmissionFilter:
    """Selects submissions, all by default; days are 'YYYY-MM-DD', both included."""

    status: str | None = None
    from_day: str | None = None
    to_day: str | None = None
    after: str | None = None
    limit: int = MEASURED_PAGE


class SellStore:
    """Reads and changes submissions.

    `answers` is "reported" only to show what the report's own UPDATE does.
    """

    def __init__(self, database: Database, clock: Clock, *, answers: Answers = "guarded") -> None:
        self._database = database
        self._clock = clock
        self._answers: Answers = answers

    async def requests(self, wanted: SubmissionFilter) -> Row:
        """A page of submissions, newest first."""
        if wanted == SubmissionFilter(wanted.status):
            return await self._first_page(wanted.status)
        time, row_id = (None, None) if not wanted.after else unpack(wanted.after, str, int)
        rows = await self._database.read(
            "sell_requests_page",
            {
                "status": wanted.status,
                "from_time": wanted.from_day and f"{wanted.from_day} 00:00:00",
                "to_time": wanted.to_day and f"{wanted.to_day} 23:59:59",
                "after_time": time,
                "after_id": row_id,
                "rows": wanted.limit + 1,
            },
        )
        return page(rows, wanted.limit, "created_at", "id")

    async def _first_page(self, status: str | None) -> Row:
        """The measured page of 50 rows; a full one may be the last."""
        if status is None:
            rows = await self._database.read("sell_requests_recent", {})
        else:
            rows = await self._database.read("sell_requests_by_status", {"status": status})
        full = len(rows) == MEASURED_PAGE
        return {
            "items": rows,
            "next": pack(rows[-1]["created_at"], rows[-1]["id"]) if full else None,
        }

    async def summary(self) -> list[Row]:
        """Submissions and items by status."""
        return await self._database.read("sell_requests_summary", {})

    async def own_submissions(self, caller: Caller, after: str | None, limit: int) -> Row:
        """A page of an account's own submissions, newest first."""
        rows = await self._database.read(
            "submissions_of_user",
            {
                "user_id": caller.user_id,
                "after_id": unpack(after, int)[0] if after else None,
                "rows": limit + 1,
            },
        )
        shown = page(rows, limit, "id")
        return {**shown, "items": [_without(row, ("id",)) for row in shown["items"]]}

    async def submission(self, batch_id: str, requester: Requester) -> Row:
        """One submission with its items and their pictures, for its seller and for staff.

        Raises:
            NotFound: there is none, or it is another's.
        """
        return _without(await self._whole(batch_id, requester), _FOR_STAFF)

    async def for_staff(self, batch_id: str, caller: Caller) -> Row:
        """One submission with all its data.

        Raises:
            NotFound: there is none.
        """
        return await self._whole(batch_id, Requester(caller))

    async def _whole(self, batch_id: str, requester: Requester) -> Row:
        rows, items, photos = await self._database.read_together(
            ("submission_by_batch_id", "sell_items_for_submission", "photos_of_submission"),
            {"batch_id": batch_id},
        )
        if not rows or not rules.may_see(rows[0], requester.caller, requester.email):
            raise sellers.absent(batch_id)
        expired = rules.state_of(rows[0], self._now()) == "expired"
        return {**rows[0], "offer_expired": expired, "items": items, "photos": photos}

    async def submit(self, new: NewSubmission, caller: Caller | None) -> Row:
        """Store a submission of an account or of a guest.

        Raises:
            Conflict: one of its pictures is listed twice or belongs to something else.
        """
        user_id, now = (None if caller is None else caller.user_id), self._now()
        submission = await self._database.transact(lambda tx: sellers.submit(tx, new, user_id, now))
        return {key: submission[key] for key in ("batch_id", "status", "item_count", "created_at")}

    async def answer(
        self, batch_id: str, requester: Requester, given: PlainAnswer | CounterAnswer
    ) -> Row:
        """Write the seller's one answer; see `sellers.answer`."""
        now = self._now()
        return await self._progress(
            lambda tx: sellers.answer(tx, batch_id, requester, given, now, answers=self._answers)
        )

    async def cancel(self, batch_id: str, requester: Requester) -> Row:
        """Withdraw a submission; see `sellers.cancel`."""
        now = self._now()
        return await self._progress(lambda tx: sellers.cancel(tx, batch_id, requester, now))

    async def review(self, batch_id: str, caller: Caller) -> Row:
        """Start the review; see `staff.review`."""
        now = self._now()
        return await self._progress(lambda tx: staff.review(tx, batch_id, caller, now))

    async def offer(self, batch_id: str, caller: Caller, new: NewOffer) -> Row:
        """Offer a price and write to the seller; see `staff.offer`."""
        moment = self._clock.now()
        now = text_of(moment)
        expires_at = text_of(moment + timedelta(days=new.expires_in_days))
        return await self._progress(
            lambda tx: staff.offer(tx, batch_id, caller, new, now, expires_at)
        )

    async def accept_counter(self, batch_id: str, caller: Caller) -> Row:
        """Agree to the seller's price; see `staff.accept_counter`."""
        now = self._now()
        return await self._progress(lambda tx: staff.accept_counter(tx, batch_id, caller, now))

    async def close(self, batch_id: str, caller: Caller) -> Row:
        """End a submission without agreement; see `staff.close`."""
        now = self._now()
        return await self._progress(lambda tx: staff.close(tx, batch_id, caller, now))

    async def receive(self, batch_id: str, caller: Caller, receipt: Receipt) -> Row:
        """Turn the arrived items into products; see `staff.receive`."""
        now = self._now()
        received, products = await self._database.transact(
            lambda tx: staff.receive(tx, batch_id, caller, receipt, now)
        )
        return {**_progress_of(received), "product_ids": products}

    async def pay(self, batch_id: str, caller: Caller) -> Row:
        """Record the payment and write to the seller; see `staff.pay`."""
        now = self._now()
        return await self._progress(lambda tx: staff.pay(tx, batch_id, caller, now))

    async def _progress(self, work: Callable[[Transaction], Row]) -> Row:
        return _progress_of(await self._database.transact(work))

    def _now(self) -> str:
        return text_of(self._clock.now())


def _progress_of(submission: Row) -> Row:
    return {key: submission[key] for key in _PROGRESS}


def _without(row: Row, names: tuple[str, ...]) -> Row:
    return {key: value for key, value in row.items() if key not in names}
