"""A shop for the tests of accounts: a clock that can be moved, the letters, and the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from reference_app import database
from reference_app.app import create_app
from reference_app.mail import MemoryOutbox, OutboxPort
from reference_app.settings import Settings

PASSWORD = "correct horse"
ZOE = {
    "email": "Zoe@Example.ie",
    "password": PASSWORD,
    "first_name": "Zoe",
    "last_name": "Zimmer",
    "phone": "+353 85 1",
}


class MovableClock:
    def __init__(self) -> None:
        self.moment = datetime(2025, 10, 5, 10)

    def now(self) -> datetime:
        return self.moment

    def pass_by(self, **span: float) -> None:
        self.moment += timedelta(**span)


class Shop:
    """One served shop, seen from all sides."""

    def __init__(self, path: Path, post: OutboxPort | None = None, **settings: Any) -> None:
        settings = {
            "jobs": False,
            "log_level": "error",
            "synchronous": "normal",
            "tries_by_account": "1000/minute",
            "tries_by_address": "1000/minute",
            "letters_by_account": "1000/minute",
            "letters_by_address": "1000/minute",
            **settings,
        }
        self.path = path
        self.clock = MovableClock()
        self.post = MemoryOutbox()
        self.app = create_app(
            Settings(database=path, **settings), clock=self.clock, outbox=post or self.post
        )
        self.client = TestClient(self.app, raise_server_exceptions=False)

    def ask(self, method: str, url: str, token: str | None = None, body: Any = None) -> Any:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.request(method, url, headers=headers, json=body)

    def status(self, method: str, url: str, token: str | None = None, body: Any = None) -> int:
        return int(self.ask(method, url, token, body).status_code)

    def rows(self, sql: str, *params: Any) -> list[tuple[Any, ...]]:
        connection = database.connect(self.path, query_only=True)
        try:
            return connection.execute(sql, params).fetchall()
        finally:
            connection.close()

    def run(self, sql: str, *params: Any) -> None:
        connection = database.connect(self.path)
        try:
            connection.execute(sql, params)
        finally:
            connection.close()

    def token(self) -> str:
        """The token in the newest letter, on a line of its own."""
        [token] = [line for line in self.post.sent[-1].body.splitlines() if len(line) == 43]
        return token

    def kinds(self) -> list[tuple[str, str]]:
        return [(letter.recipient, letter.kind) for letter in self.post.sent]

    def log_in(self, email: str = "zoe@example.ie", password: str = PASSWORD) -> str:
        answer = self.ask("POST", "/auth/login", body={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["token"])

    def join(self, email: str = "zoe@example.ie") -> str:
        """Register, confirm and log in; the token of the session."""
        assert self.status("POST", "/auth/register", body={**ZOE, "email": email}) == 202
        assert self.status("POST", "/auth/verify-email", body={"token": self.token()}) == 204
        return self.log_in(email)


@contextmanager
def serving(path: Path, post: OutboxPort | None = None, **settings: Any) -> Iterator[Shop]:
    shop = Shop(path, post, **settings)
    with shop.client:
        yield shop
