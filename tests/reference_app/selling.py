"""A shop whose sell side is tried out over HTTP, and what is sent to it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from reference_app import database
from reference_app.app import create_app
from reference_app.clock import FixedClock
from reference_app.mail import MemoryOutbox
from reference_app.settings import Settings

NOW = "2025-10-05 10:00:00"
PROBLEM = "application/problem+json"
ITEM = {"category": "PO-SHOES", "brand": "Nike", "name": "A", "size": "UK 8", "condition": "good"}
PHOTO = {"url": "https://img.example/a.webp", "width": 800, "height": 600, "bytes": 1000}
GUEST = {"contact_name": "Gus Guest", "contact_email": "gus@example.ie", "items": [ITEM]}
STAFF, ANN, BOB = ({"Authorization": f"Bearer {token}"} for token in ("staff", "ann", "bob"))


class Shop:
    """A shop with one client; who asks is said by headers."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.path = path
        self.post = MemoryOutbox()
        values = {"jobs": False, "log_level": "error", **settings}
        self.app = create_app(
            Settings(database=path, **values), clock=FixedClock(NOW), outbox=self.post
        )
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def ask(self, path: str, status: int = 200, who: dict[str, str] | None = None) -> Any:
        return self._read(self.client.get(path, headers=who), status)

    def tell(
        self, path: str, body: Any = None, status: int = 200, who: dict[str, str] | None = None
    ) -> Any:
        return self._read(self.client.post(path, json=body, headers=who), status)

    def staff(self, batch_id: str, action: str, body: Any = None, status: int = 200) -> Any:
        return self.tell(f"/admin/sell-requests/{batch_id}/{action}", body, status, STAFF)

    def sql(self, text: str, *values: object) -> list[tuple[Any, ...]]:
        with closing(database.connect(self.path)) as connection:
            return connection.execute(text, values).fetchall()

    def submitted(self, who: dict[str, str] | None = None, **more: Any) -> str:
        return str(self.tell("/sell/submissions", {**GUEST, **more}, 201, who)["batch_id"])

    def offered(self, who: dict[str, str] | None = None, **more: Any) -> str:
        batch_id = self.submitted(who, **more)
        self.staff(batch_id, "review")
        self.staff(batch_id, "offer", self.offer(batch_id))
        return batch_id

    def offer(self, batch_id: str, price: int = 5000, **more: Any) -> dict[str, Any]:
        items = self.ask(f"/admin/sell-requests/{batch_id}", who=STAFF)["items"]
        judged = [{"id": one["id"], "approved": True, "offer_price_cents": price} for one in items]
        return {"items": judged, "offered_price_cents": price, "expires_in_days": 7, **more}

    @staticmethod
    def _read(response: Any, status: int) -> Any:
        assert response.status_code == status, response.text
        if status >= 400:
            assert response.headers["content-type"] == PROBLEM
            assert len(response.json()["detail"].split()) > 4
        return response.json()


def response_of(batch_id: str) -> str:
    return f"/sell/submissions/{batch_id}/response"
