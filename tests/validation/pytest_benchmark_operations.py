"""The gate's operations as pytest-benchmark would measure them, one after another.

Run by `python -m tests.validation.gate_trials pytest-benchmark`, in a process of its own for each
side, as a CI does: saved by one, compared by the next. It executes what the gate executes, so that
only the way to measure differs: rounds, iterations and warm-up are left to pytest-benchmark.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.gate.worker.asgi import ask, scope_of

GIVEN = "RESALE_TRIAL"


def _given() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Path(os.environ[GIVEN]).read_text(encoding="utf-8"))
    return found


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One benchmark for each operation of the file that the environment names."""
    asked = _given()["operations"]
    metafunc.parametrize("asked", asked, ids=[one["name"] for one in asked])


@pytest.fixture(scope="session")
def side() -> Callable[[dict[str, Any]], Callable[[], Any]]:
    """Makes an operation of the side callable; application and connection are opened once."""
    # Late, as the gate does: these import the side's code.
    from bench.resale.gate.tree_adapter import TreeAdapter

    given = _given()
    loop = asyncio.new_event_loop()
    tree = TreeAdapter(Path(given["database"]), Path(given["tree"]), Path(given["files"]))
    app, connection, read = tree.app(), tree.connect(), tree.reader()

    def callable_of(asked: dict[str, Any]) -> Callable[[], Any]:
        if asked["requests"]:
            scope = scope_of(asked["requests"][0])
            return lambda: loop.run_until_complete(ask(app, scope))
        loaded, values = tree.queries_of(asked["name"], connection), asked["parameters"][0]
        return lambda: [row for one in loaded for row in read(connection, one, values)]

    return callable_of


def test_operation(
    benchmark: Any, side: Callable[[dict[str, Any]], Callable[[], Any]], asked: dict[str, Any]
) -> None:
    """Measure one operation as users of pytest-benchmark do."""
    benchmark(side(asked))
