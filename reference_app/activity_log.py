"""Actions of staff, notifications and rows of the system log.

Each is written in the transaction of the event that it records.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from reference_app.accounts.authorization import Caller
from reference_app.port import Transaction

Details = Mapping[str, Any]


def record_action(
    transaction: Transaction,
    caller: Caller,
    action: str,
    entity: tuple[str, int | None],
    now: str,
    details: Details | None = None,
) -> None:
    """Record an action of staff on an entity: (type, id)."""
    transaction.write(
        "record_action",
        {
            "admin_id": caller.user_id,
            "action": action,
            "entity_type": entity[0],
            "entity_id": entity[1],
            "details": _text(details),
            "ip_address": caller.address,
            "now": now,
        },
    )


def notify(
    transaction: Transaction, user_id: int | None, kind: str, title: str, body: str, now: str
) -> None:
    """Notify an account; guests have no notifications."""
    if user_id is not None:
        transaction.write(
            "notify",
            {"user_id": user_id, "kind": kind, "title": title, "body": body, "now": now},
        )


def notify_staff(transaction: Transaction, kind: str, title: str, body: str, now: str) -> None:
    """Notify all staff."""
    transaction.write("notify_staff", {"kind": kind, "title": title, "body": body, "now": now})


def write_log(
    transaction: Transaction,
    level: str,
    category: str,
    message: str,
    now: str,
    *,
    details: Details | None = None,
    user_id: int | None = None,
    address: str | None = None,
) -> None:
    """Write a row of the system log."""
    transaction.write(
        "write_log",
        {
            "level": level,
            "category": category,
            "message": message,
            "details": _text(details),
            "user_id": user_id,
            "ip_address": address,
            "now": now,
        },
    )


def _text(details: Details | None) -> str | None:
    return None if details is None else json.dumps(details, separators=(",", ":"))
