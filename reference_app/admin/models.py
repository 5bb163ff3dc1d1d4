"""The JSON of the log and of the server's state. Values only."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from reference_app.answers import shown
from reference_app.vocabulary import LogLevel

_ROW = {
    "id": 12,
    "level": "error",
    "category": "checkout",
    "message": "Payment provider answered late",
    "details": '{"attempt":2}',
    "user_id": 9,
    "ip_address": "203.0.113.7",
    "created_at": "2025-10-04 12:00:00",
}


class LogRow(BaseModel):
    """One row of the system's log; details is JSON text."""

    model_config = shown(_ROW)

    id: int
    level: LogLevel
    category: str
    message: str
    details: str | None
    user_id: int | None
    ip_address: str | None
    created_at: str


class Logs(BaseModel):
    """Log rows, newest first."""

    model_config = shown({"items": [_ROW]})

    items: list[LogRow]


class Health(BaseModel):
    """The process is alive."""

    model_config = shown({"status": "ok"})

    status: Literal["ok"]


class Ready(BaseModel):
    """The database answers; what it has, decided from its migrations when the server started."""

    model_config = shown(
        {
            "status": "ready",
            "migrations": ["0001_baseline"],
            "ledger": False,
            "rollup": False,
            "now": "2025-10-04 23:59:59",
        }
    )

    status: Literal["ready"]
    migrations: list[str]
    ledger: bool
    rollup: bool
    now: str
