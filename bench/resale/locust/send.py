"""How a request is sent under Locust, by closed users and by open arrivals alike.

Only Locust may import this module: gevent patches the standard library.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter_ns
from typing import Any

from gevent import GreenletExit

from bench.resale.http_requests import name_of
from bench.study.service import Request

DUE = "due_ns"
"""The key of Locust's request context under which it stands when a request was due."""


def ask(
    client: Any, name: str, request: Request, due_ns: int | None, cut: Callable[[str], None] | None
) -> Any:
    """Send a request that was due at that reading of `perf_counter_ns`, if ever; the answer.

    A refusal that is in order is counted by itself, not as a failure. `cut` is told the name of
    a request that was still under way when the load was ended.
    """
    try:
        with client.request(
            request.method,
            request.path,
            name=name,
            json=request.body,
            headers=request.headers,
            catch_response=True,
            context={} if due_ns is None else {DUE: due_ns},
        ) as response:
            good = name_of(name, response.status_code)
            if good is not None:
                response.request_meta["name"] = good
                response.success()
            elif response.request_meta["exception"] is None:
                response.failure(f"status {response.status_code}")
    except GreenletExit:
        if cut is not None:
            cut(name)
        raise
    return response


def now_ns() -> int:
    """The clock by which requests are due."""
    return perf_counter_ns()
