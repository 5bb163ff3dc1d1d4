"""What the benchmarks of the service need of a database before it is served: ids, and a way in.

No HTTP. It is only done to copies.
"""

from __future__ import annotations

import hashlib
import random
import secrets
from pathlib import Path

from reference_app.database import connect, transaction


class NotSeeded(Exception):
    """The database has too few rows for a benchmark; the text says which."""


def product_ids(database: Path, count: int, seed: int, *, on_sale: bool = False) -> list[int]:
    """So many products, drawn without repetition; only available ones if `on_sale`.

    Raises:
        NotSeeded: there are fewer.
    """
    wanted = "status = 'available' AND quantity_available > 0" if on_sale else "status <> 'removed'"
    connection = connect(database, query_only=True)
    try:
        ids = [int(row[0]) for row in connection.execute(f"SELECT id FROM products WHERE {wanted}")]
    finally:
        connection.close()
    if len(ids) < count:
        raise NotSeeded(
            f"{database} has {len(ids)} such products, not {count}; seed a larger shop or ask less."
        )
    return random.Random(seed).sample(ids, count)


def let_staff_in(database: Path) -> str:
    """Open a session for a member of staff; its token.

    Raises:
        NotSeeded: there is no staff.
    """
    token = secrets.token_urlsafe(32)
    connection = connect(database)
    try:
        with transaction(connection):
            connection.execute(
                "INSERT INTO sessions (token_hash, user_id, expires_at)"
                " SELECT ?, id, '9999-12-31 00:00:00' FROM users WHERE role = 'admin' LIMIT 1",
                (hashlib.sha256(token.encode()).hexdigest(),),
            )
            if not connection.changes():
                raise NotSeeded(f"{database} has no staff; seed the database anew.")
    finally:
        connection.close()
    return token
