"""Names use the field's standard terms: the old ones of the vocabulary stay out.

Read from the syntax trees: modules, classes, functions, arguments, local names and the attributes
that a class defines. What a term means in the shop is no old term, so some of the list are not
here: an offer, a customer's session, the facts of a database, a fault that a problem document
lists, the two sides of a gate.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("reference_app", "seeds", "bench")

# No name has one of these words in it.
WORDS = {
    "alike": "aa_control",
    "asked": "workload_items; the request, the parameters",
    "asker": "caller, requester",
    "demand": "require_*",
    "desk": "services",
    "doors": "access control, dependencies",
    "draw": "sample",
    "drawn": "sample",
    "draws": "samplers",
    "duel": "ab_test",
    "felt": "user latency",
    "fault_log": "error_log",
    "gating": "verdict_input",
    "keeper": "maintenance",
    "lane": "series",
    "lanes": "series, parallelism",
    "look": "interim_analysis, check",
    "looks": "interim_analyses, checks",
    "misjudged": "cardinality",
    "people": "users, accounts",
    "player": "generator",
    "plays": "load_result",
    "said": "the directive, the answer, the detail",
    "slot": "ScheduledRequest",
    "slots": "ScheduledRequests, times",
    "standstill": "outage",
    "stretch": "outage",
    "tape": "schedule",
    "theirs": "custom_database, pytest_benchmark_baseline",
    "thing": "the product, the row",
    "things": "the products, the rows",
    "told": "the totals, the detail, the changes",
    "tries": "rate_limits, attempts",
    "turn": "run, slice, lock",
    "turns": "runs, slices",
    "twin": "aa_control",
    "upkeep": "maintenance",
    "ways": "strategies",
}
# No name is exactly this, whatever it names; other names may have the word in them.
NAMES = {
    "across": "compare_runs",
    "again": "series",
    "alarm": "timerfd",
    "alone": "standalone, exclusive",
    "band": "decision_threshold",
    "behind": "send_delay",
    "causes": "explain",
    "codes": "exit_codes",
    "due": "expected",
    "ending": "exit_handling, final status",
    "figures": "format",
    "found": "the thing itself: rows, user, offer",
    "ground": "context",
    "listed": "workload_items; the offers",
    "misses": "unsent",
    "one": "the thing itself: row, part, network",
    "own": "custom_database; own orders, problem headers",
    "place": "workspace; address, position, cursor values",
    "play": "load_result",
    "playing": "generator_process",
    "refuse_foreign": "validate_*",
    "refused": "invalid",
    "saved": "baseline",
    "saving": "baseline",
    "stall": "outage",
    "tally": "interval_stats",
    "way": "MigrationStrategy",
    "wire": "http_connection",
    "wording": "text",
}
# No module, class or function is called this.
DEFINITIONS = {
    "asking": "direct_route, send",
    "calls": "http_requests",
    "closed": "closed_loop",
    "ended": "completion, finish_*",
    "entering": "login, registration",
    "fault": "INTERNAL_ERROR",
    "generation": "process_batch",
    "hidden": "index_hiding",
    "keeping": "maintenance",
    "leave": "delete_account",
    "leaving": "account_deletion",
    "letters": "outbox, mail",
    "matrix": "planner_statistics",
    "nothing": "null_server",
    "opened": "open_loop, open_*",
    "own_cost": "generator_overhead",
    "refusals": "domain errors",
    "states": "observations",
    "tallies": "interval_stats",
    "visits": "day sessions, locust_command",
}
PREFIXES = {"demand_": "require_", "refuse_": "validate_"}
# Public names, each with what makes it one.
PUBLIC = frozenset(
    {
        # Keys of a baseline that `gate --save` wrote.
        ("bench.judge.gate_seen", "draw"),
        ("bench.judge.gate_seen", "refused"),
        # A key of the logs that Locust's processes write.
        ("bench.load.interval_stats", "due"),
        ("bench.load.locust.shard", "due"),
        # A key of load.json, which takes the record as it is.
        ("bench.load.servers", "player_core"),
        # Numbers, as the page's templates and style sheet call them.
        ("bench.report.blocks", "figures"),
        # The OpenAPI document and environment variables.
        ("reference_app.answers", "Fault"),
        ("reference_app.settings", "tries_by_account"),
        ("reference_app.settings", "tries_by_address"),
    }
)
# Modules that know any SQLite database and nothing of the shop: they wait for another place.
MOVING = frozenset({"database_files", "file_state", "leftovers", "sqltext", "untouched"})

# Documents: the keys that docs/schemas publishes stay as they are.
DOCUMENTS = "bench.results."
SCHEMAS = ROOT / "docs" / "schemas"

_DEFINES = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def defined(tree: ast.AST) -> Iterator[tuple[str, int, bool]]:
    """(name, line, whether it is a class or a function) of what a module defines."""
    for node in ast.walk(tree):
        if isinstance(node, _DEFINES):
            yield node.name, node.lineno, True
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno, False
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno, False
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield node.attr, node.lineno, False
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name, node.lineno, False
        elif isinstance(node, ast.alias) and node.asname:
            yield node.asname, node.lineno, False


def snake(name: str) -> str:
    """A name in lower case, its words apart: `_FirstPage` is first_page."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name)
    return spaced.lower().strip("_")


def standard_term(name: str, *, definition: bool) -> str | None:
    """What an old name is called now, None for a good one."""
    plain = snake(name)
    if plain in NAMES:
        return NAMES[plain]
    if definition and plain in DEFINITIONS:
        return DEFINITIONS[plain]
    for prefix, term in PREFIXES.items():
        if plain.startswith(prefix):
            return term
    for word, term in WORDS.items():
        if f"_{word}_" in f"_{plain}_":
            return term
    return None


@cache
def published_keys() -> frozenset[str]:
    """Every key of the published documents."""
    keys: set[str] = set()
    for path in SCHEMAS.glob("*.json"):
        schema = json.loads(path.read_text(encoding="utf-8"))
        for model in (schema, *schema.get("$defs", {}).values()):
            keys |= model.get("properties", {}).keys()
    return frozenset(keys)


def fields(tree: ast.AST) -> frozenset[int]:
    """The lines of a module on which classes declare their fields."""
    return frozenset(
        statement.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        for statement in node.body
        if isinstance(statement, ast.AnnAssign)
    )


def is_public(module: str, name: str, *, declared: bool) -> bool:
    """Whether somebody outside of the code knows a name; `declared` as the field of a class."""
    if (module, name) in PUBLIC:
        return True
    return declared and module.startswith(DOCUMENTS) and name in published_keys()


def old_names(package: str) -> Iterator[str]:
    """What to rename in a package, one line each."""
    for path in sorted((ROOT / package).rglob("*.py")):
        if path.stem in MOVING:
            continue
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        declared = fields(tree)
        names = [(path.stem, 1, True), *defined(tree)]
        for name, line, definition in names:
            term = standard_term(name, definition=definition)
            if term is not None and not is_public(module, name, declared=line in declared):
                yield f"{path.relative_to(ROOT)}:{line}: {name} (standard: {term})"


@pytest.mark.parametrize("package", PACKAGES)
def test_no_old_term_is_left_in_names(package: str) -> None:
    assert not list(old_names(package))


@pytest.mark.parametrize(
    ("name", "definition"),
    [
        ("found", False),
        ("_one", True),
        ("DRAWS", False),
        ("_demand_product", True),
        ("refuse_foreign", True),
        ("LimitsTold", True),
        ("_turns_left", False),
        ("opened", True),
    ],
)
def test_old_terms_are_found(name: str, definition: bool) -> None:
    assert standard_term(name, definition=definition) is not None


@pytest.mark.parametrize(
    "name", ["NotFound", "one_or_none", "own_key", "refuse", "returned", "place_image", "opened"]
)
def test_domain_words_stay(name: str) -> None:
    assert standard_term(name, definition=False) is None


def test_only_fields_of_documents_are_excused() -> None:
    assert is_public("bench.results.load", "lanes", declared=True)
    assert not is_public("bench.results.load", "lanes", declared=False)
    assert not is_public("bench.judge.load", "lanes", declared=True)
