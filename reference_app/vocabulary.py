"""The values that columns and parameters with a closed list may have."""

from __future__ import annotations

from typing import Literal

Category = Literal["BN-CLOTHES", "BN-SHOES", "PO-CLOTHES", "PO-SHOES"]
ProductStatus = Literal["available", "reserved", "sold", "removed"]
Sort = Literal["newest", "cheapest", "dearest"]
EntityType = Literal["product", "sell_item", "user", "other"]
SubmissionStatus = Literal[
    "pending",
    "reviewing",
    "offer_sent",
    "accepted",
    "refused",
    "counter_offer",
    "received",
    "paid",
    "cancelled",
]
EventType = Literal[
    "page_view",
    "product_view",
    "search",
    "add_to_cart",
    "checkout_start",
    "purchase",
    "login",
    "sell_submit",
]
Fulfilment = Literal["collection", "delivery"]
StockReason = Literal[
    "intake", "sale", "return", "reservation", "reservation_expired", "adjustment"
]
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
