"""bench/load and its commands name nothing of the built-in study."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import bench.load
from bench.resale.hooks import HOOKS
from bench.resale.http_requests import BESIDES
from bench.study import load_study

# Words of anybody's: users send load, and Locust has sessions.
ORDINARY = {"users", "sessions"}
STUDY = load_study()
OPERATIONS = {operation.name for operation in STUDY.operations} | set(BESIDES)
TABLES = {*HOOKS.generator.planned(0.01, 1).rows} | {
    table for operation in STUDY.operations for table in operation.needs
}
ROUTES = {
    (operation.http or "/").split(" ")[-1].split("?")[0] for operation in STUDY.operations
} - {"/", ""}
WORD = re.compile(
    r"\b(?:" + "|".join(sorted((OPERATIONS | TABLES) - ORDINARY)) + r"|\w*shop\w*|RESALE_\w+)\b|"
    + "|".join(re.escape(route) for route in sorted(ROUTES)),
    re.I,
)  # fmt: skip
MODULES = sorted(Path(*bench.load.__path__).glob("**/*.py"))


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_name_of_the_shop_is_in_it(module: Path) -> None:
    assert WORD.findall(module.read_text(encoding="utf-8")) == []


def test_a_name_of_the_shop_is_seen() -> None:
    for text in ("count(*) FROM analytics_events", '"checkout": 409', "/admin/logs", "a Shop"):
        assert WORD.search(text)
