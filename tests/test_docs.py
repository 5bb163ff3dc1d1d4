"""README and docs: short lines, links that lead somewhere, and no figure or command gone stale."""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench import results
from bench.results.model import Document
from tests import cli_page, figures, schemas

ROOT = Path(__file__).parents[1]
NAMES = [str(path.relative_to(ROOT)) for path in figures.PAGES]


def lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def test_the_readme_can_be_read_in_some_minutes() -> None:
    assert (ROOT / "README.md").stat().st_size <= 9_000
    assert [line for line in lines("README.md") if len(line) > figures.WIDTH] == []


@pytest.mark.parametrize("name", NAMES)
def test_lines_are_short_but_for_tables(name: str) -> None:
    long = [line for line in lines(name) if len(line) > figures.WIDTH and not line.startswith("|")]
    assert long == []


@pytest.mark.parametrize("name", NAMES)
def test_figures_are_those_of_the_results(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert figures.filled(text) == text, "run `make docs`"


def test_a_stale_figure_is_seen() -> None:
    place = "<!-- figures: verdict -->\nIt keeps all its promises.\n<!-- end -->"
    assert figures.filled(place) != place


def test_the_commands_are_those_of_the_program() -> None:
    # In a process of its own: click keeps the help option of a command that was run by itself.
    command = [sys.executable, "-m", "tests.cli_page", "--print"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    assert cli_page.PAGE.read_text(encoding="utf-8") == said.stdout, "run `make docs`"


def test_the_schemas_are_those_of_the_models() -> None:
    held = {path.name: path.read_text(encoding="utf-8") for path in schemas.FOLDER.iterdir()}
    assert held == schemas.files(), "run `make docs`"


def test_every_model_of_a_document_has_a_schema() -> None:
    for module in pkgutil.iter_modules(results.__path__, "bench.results."):
        importlib.import_module(module.name)
    assert set(Document.__subclasses__()) == set(schemas.DOCUMENTS.values())


def anchors(path: Path) -> set[str]:
    """The places within a page that a link may lead to, named as GitHub names them."""
    found = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in found}


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    text = "\n".join(lines(name))
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http:", "https:")):
            continue
        path, _, anchor = target.partition("#")
        there = (ROOT / name).parent / path if path else ROOT / name
        assert there.exists(), target
        assert not anchor or anchor in anchors(there), target
