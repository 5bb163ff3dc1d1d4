"""The harness outside bench/resale names nothing of the built-in study."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.judge.recommended import ARM
from bench.study import load_study
from seeds.plan import Plan

BENCH = Path(__file__).parents[1] / "bench"
# The command line adds the study's commands to the others.
OF_THE_STUDY = (BENCH / "resale", BENCH / "shop.py", BENCH / "cli.py")
MODULES = [
    path
    for path in sorted(BENCH.rglob("*.py"))
    if not any(path.is_relative_to(other) for other in OF_THE_STUDY)
]
SHOP = re.compile(r"(?<![a-z])shops?(?![a-z])", re.I)


def names() -> frozenset[str]:
    """Tables, routes, operations, indexes and arms; `recommended` is the harness's own word."""
    study = load_study()
    operations = study.operations
    return frozenset(
        {arm.name for arm in study.arms} - {ARM}
        | {operation.name for operation in operations}
        | {operation.http.partition(" ")[2] for operation in operations}
        | {name for entry in operations for name in (*entry.needs, *entry.writes, *entry.indexes)}
        | set(Plan(0.001, 1).counts)
    ) - {""}


def texts(source: str) -> Iterator[str]:
    """Every string and docstring, but for pydantic's `mode="after"`."""
    tree = ast.parse(source)
    modes = {
        id(word.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for word in node.keywords
        if word.arg == "mode"
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in modes:
            yield node.value


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(BENCH)))
def test_no_text_names_anything_of_the_shop(module: Path) -> None:
    found = set(texts(module.read_text(encoding="utf-8")))
    assert found & names() == set()
    assert [text for text in found if SHOP.search(text)] == []


def test_a_name_of_the_shop_is_seen() -> None:
    source = "ARMS = ('before', 'after'); TABLE = 'analytics_events'; READ = 'product_detail'"
    assert set(texts(source)) <= names()
    assert all(SHOP.search(text) for text in texts("'The shop.'; 'shop_target'; 'of shops'"))
    assert list(texts("@model_validator(mode='after')\ndef valid(self): ...")) == []
