"""One answer of an operation, brought back from a side's process to be held against another's.

See `bench.gate.worker.adapter` for what it may import.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from bench.engines.sqlite.ordering import columns_of, keyed_statement, short_hash, tied_groups
from bench.engines.sqlite.trace import Trace, watch_connections
from bench.gate.worker.adapter import Adapter, Parameters
from bench.gate.worker.asgi import ask, scope_of

MOST_ROWS = 1_000
"""So many rows are brought back at most."""
MOST_CHARACTERS = 200
"""A longer value is brought back as its beginning, its length, and a hash of it."""
MOST_BODY = 100_000


class Answers:
    """Executes one parameter set of an operation and returns bench.judge's `Answer` as JSON."""

    def __init__(self, adapter: Adapter) -> None:
        self._adapter = adapter
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
            with watch_connections(trace):
                self._app = self._adapter.app()
        _, body = self._loop.run_until_complete(ask(self._app, scope_of(request)))
        return {"body": body[:MOST_BODY].decode(errors="replace")}

    def _by_sql(self, trace: Trace, name: str, values: Parameters) -> dict[str, Any]:
        with watch_connections(trace):
            connection = self._adapter.connect()
        try:
            loaded = self._adapter.queries_of(name, connection)
            read = self._adapter.reader()
            trace.clear()
            rows = [row for query in loaded for row in read(connection, query, values)]
            comparable = self._adapter.comparable(loaded, rows)
            texts = list(trace.total()["texts"])
            columns, groups = None, None
            if len(texts) == 1:
                columns = columns_of(connection, texts[0])
                keyed = keyed_statement(texts[0])
                if keyed is not None:
                    groups = tied_groups(connection, keyed, trace.bound(texts[0]), len(columns))
            return {
                "columns": columns, "rows": [_kept(row) for row in comparable[:MOST_ROWS]],
                "total": len(rows), "ordered": comparable is rows, "groups": groups,
            }  # fmt: skip
        finally:
            connection.close()


def _kept(row: Sequence[Any]) -> list[Any]:
    """A row whose long values are shortened, so that unlike values stay unlike."""
    return [
        f"{value[:MOST_CHARACTERS]!s}… ({len(value):,} in all, {short_hash(repr(value))})"
        if isinstance(value, str | bytes) and len(value) > MOST_CHARACTERS
        else value
        for value in row
    ]
