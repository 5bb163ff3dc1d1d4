"""What the gate may not name: tables, routes, operations and arms of the built-in study."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.study import load_study
from seeds.plan import Plan

BENCH = Path(__file__).parents[3] / "bench"
MODULES = [*(BENCH / "gate").rglob("*.py"), BENCH / "commands" / "gate.py"]


def names() -> frozenset[str]:
    study = load_study()
    routes = {operation.http.partition(" ")[2] for operation in study.operations}
    return frozenset(
        {arm.name for arm in study.arms}
        | {operation.name for operation in study.operations}
        | set(Plan(0.001, 1).counts)
        | routes - {""}
    )


def texts(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_no_text_of_the_gate_is_a_name_of_the_shop(module: Path) -> None:
    assert set(texts(module.read_text(encoding="utf-8"))) & names() == set()


def test_a_name_of_the_shop_is_seen() -> None:
    assert set(texts("DEFAULT_ARM = 'recommended'; TABLE = 'analytics_events'")) <= names()
