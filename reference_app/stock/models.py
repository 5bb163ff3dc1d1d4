"""Models of the stock ledger."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints

from reference_app.answers import shown
from reference_app.vocabulary import ProductStatus, StockReason

_OF_ORDER = {
    "id": 70,
    "product_id": 17,
    "quantity_change": -1,
    "reason": "sale",
    "created_at": "2025-09-30 18:20:00",
}
_MOVE = {**_OF_ORDER, "order_id": 3, "submission_id": None}


class MoveOfOrder(BaseModel):
    """One change of stock that an order made."""

    model_config = shown(_OF_ORDER)

    id: int
    product_id: int
    quantity_change: int
    reason: StockReason
    created_at: str


class MovesOfOrder(BaseModel):
    """The changes of stock of one order."""

    model_config = shown({"items": [_OF_ORDER]})

    items: list[MoveOfOrder]


class Move(MoveOfOrder):
    """One change of stock, and what caused it."""

    model_config = shown(_MOVE)

    order_id: int | None
    submission_id: int | None


class Moves(BaseModel):
    """The changes of stock of one product, newest first."""

    model_config = shown({"items": [_MOVE]})

    items: list[Move]


def _nonzero(change: int) -> int:
    if change == 0:
        raise ValueError("a change is of one piece at least")
    return change


class Adjustment(BaseModel):
    """Pieces that were found or are missing, and the reason."""

    model_config = shown({"quantity_change": -1, "note": "Damaged in the store room"})

    quantity_change: Annotated[
        int,
        Field(ge=-10_000, le=10_000, json_schema_extra={"not": {"const": 0}}),
        AfterValidator(_nonzero),
    ]
    note: Annotated[str, StringConstraints(max_length=500, pattern=r"\S")]


class Adjusted(BaseModel):
    """The stock of a product after an adjustment."""

    model_config = shown(
        {"product_id": 17, "quantity_change": -1, "quantity_available": 0, "status": "sold"}
    )

    product_id: int
    quantity_change: int
    quantity_available: int
    status: ProductStatus


_MISMATCH = {"product_id": 17, "quantity_available": 1, "ledger": 0}
_AUDIT: dict[str, Any] = {
    "ledger": True,
    "products": 100000,
    "moves": 290000,
    "mismatches": [],
    "ok": True,
}


class Mismatch(BaseModel):
    """A product whose stock is not the sum of its ledger."""

    model_config = shown(_MISMATCH)

    product_id: int
    quantity_available: int
    ledger: int


class Audit(BaseModel):
    """Whether every stock is the sum of its ledger; `ok` is null where there is no ledger.

    At most 100 mismatches are shown.
    """

    model_config = shown(_AUDIT)

    ledger: bool
    products: int
    moves: int
    mismatches: list[Mismatch]
    ok: bool | None
