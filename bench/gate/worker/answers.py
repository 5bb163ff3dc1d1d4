"""One answer of an operation, brought back from a side's process to be held against another's.

It runs beside the code of any tree: apsw and the standard library only.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

import apsw
import apsw.ext

from bench.gate.worker.adapter import Parameters, Side
from bench.gate.worker.asgi import ask, scope_of
from bench.gate.worker.ordering import Keyed, keyed
from bench.gate.worker.trace import Trace, kept_hook

MOST_ROWS = 1_000
"""So many rows are brought back at most."""
MOST_TIED = 10_000
"""So many rows of the statement without its LIMIT are read to see which of them tie."""
MOST_CHARACTERS = 200
"""A longer value is brought back as its beginning, its length, and a hash of it."""
MOST_BODY = 100_000


class Answers:
    """Executes one draw of an operation and returns bench.judge's `Answer` as JSON."""

    def __init__(self, side: Side) -> None:
        self._side = side
        self._loop = asyncio.new_event_loop()
        self._app: Any = None

    def answer(
        self, name: str, parameters: Parameters, request: Mapping[str, Any] | None, limit_s: float
    ) -> dict[str, Any] | None:
        """The answer to a request, without one that of the SQL; None where it cannot be had."""
        trace = Trace()
        try:
            with trace.limited(limit_s):
                if request is not None:
                    return self._by_http(trace, request)
                return self._by_sql(trace, name, parameters)
        except Exception:
            # Whatever the tree's code raises: what was counted and timed stands without it.
            return None

    def _by_http(self, trace: Trace, request: Mapping[str, Any]) -> dict[str, Any]:
        if self._app is None:
            with kept_hook(trace):
                self._app = self._side.app()
        _, body = self._loop.run_until_complete(ask(self._app, scope_of(request)))
        return {"body": body[:MOST_BODY].decode(errors="replace")}

    def _by_sql(self, trace: Trace, name: str, values: Parameters) -> dict[str, Any]:
        with kept_hook(trace):
            connection = self._side.opened()
        try:
            loaded = self._side.queries_of(name, connection)
            read = self._side.reader()
            trace.clear()
            rows = [row for query in loaded for row in read(connection, query, values)]
            told = self._side.comparable(loaded, rows)
            texts = list(trace.total()["texts"])
            columns, groups = None, None
            if len(texts) == 1:
                described = apsw.ext.query_info(connection, texts[0]).description
                columns = [column[0] for column in described]
                order = keyed(texts[0])
                if order is not None:
                    groups = _groups(connection, order, trace.bound(texts[0]), len(columns))
            return {
                "columns": columns, "rows": [_kept(row) for row in told[:MOST_ROWS]],
                "total": len(rows), "ordered": told is rows, "groups": groups,
            }  # fmt: skip
        finally:
            connection.close()


def _groups(
    connection: apsw.Connection, order: Keyed, bindings: Any, columns: int
) -> list[str] | None:
    """A hash of each group of rows with one sort key, up to the one that the answer ends in.

    The LIMIT cuts no group here. None where SQLite cannot tell the key, or there are too many.
    """
    try:
        last = None
        for row in connection.execute(order.limited, bindings):
            last = order.key(row, columns)
        found: list[tuple[Any, list[str]]] = []
        rows = connection.execute(order.unlimited, bindings)
        for count, row in enumerate(islice(rows, MOST_TIED + 1)):
            key = order.key(row, columns)
            if not found or found[-1][0] != key:
                if found and found[-1][0] == last:
                    break
                found.append((key, []))
            if count == MOST_TIED:
                return None
            found[-1][1].append(repr(row[:columns]))
    except apsw.InterruptError:
        raise
    except (apsw.Error, UnicodeDecodeError, IndexError):
        return None
    return [_digest(repr((key, sorted(group)))) for key, group in found]


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


def _kept(row: Sequence[Any]) -> list[Any]:
    """A row whose long values are shortened, so that unlike values stay unlike."""
    return [
        f"{value[:MOST_CHARACTERS]!s}… ({len(value):,} in all, {_digest(repr(value))})"
        if isinstance(value, str | bytes) and len(value) > MOST_CHARACTERS
        else value
        for value in row
    ]
