"""No module of bench is longer than a few screens, and no function longer than one."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[1] / "bench"
MODULE_LINES = 350
FUNCTION_LINES = 50


def long_functions(source: str) -> Iterator[str]:
    """Functions that are too long, from `def` to the last line; decorators are not counted."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines} lines"


@pytest.mark.parametrize(
    "module", sorted(BENCH.rglob("*.py")), ids=lambda path: str(path.relative_to(BENCH))
)
def test_modules_and_functions_are_short(module: Path) -> None:
    source = module.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= MODULE_LINES
    assert list(long_functions(source)) == []


def test_a_long_function_is_seen() -> None:
    body = "    pass\n"
    assert list(long_functions("def f():\n" + body * (FUNCTION_LINES - 1))) == []
    source = "class A:\n  async def g(self):\n" + f"  {body}" * FUNCTION_LINES
    assert list(long_functions(source)) == [f"g has {FUNCTION_LINES + 1} lines"]
