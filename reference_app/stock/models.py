"""The JSON of the stock ledger. Values only."""

from __future__ import annotations

from pydantic import BaseModel

from reference_app.answers import shown
from reference_app.vocabulary import StockReason

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
