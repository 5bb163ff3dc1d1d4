"""Small shops and a Locust that is imported once, for all tests of the built-in study."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from seeds import load
from tests.bench.command import Command
from tests.bench.resale.locust_runs import TINY_SCALE, Locust


@pytest.fixture(scope="session")
def arms(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A small shop without a ledger and one with, which no test may change."""
    folder = tmp_path_factory.mktemp("arms")
    arms = {name: folder / f"{name}.db" for name in ("before", "after")}
    for path in arms.values():
        load.seed(path, scale=TINY_SCALE)
    code, _, error = Command()("migrate", "--db", arms["after"], "--arm", "after")
    assert code == 0, error
    return arms


@pytest.fixture(scope="session")
def locust() -> Iterator[Locust]:
    with closing(Locust()) as locust:
        yield locust
