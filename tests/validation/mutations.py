"""Known faults for the gate to find: each one small change of text in a tree.

A change whose place is not found exactly once fails loudly, so that no mutant is ever an
unchanged tree. Knows no database and runs nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bench.errors import BenchError

MIGRATION = "reference_app/migrations/0002_safe_migration.sql"
_INDEX = re.compile(r"^CREATE INDEX (?P<name>\w+) ON (?P<table>\w+) \([^)]*\);\n", re.MULTILINE)


class MutationError(BenchError):
    """A mutation does not fit the tree; the text says which one and where to look."""


@dataclass(frozen=True, slots=True)
class Mutation:
    """One fault: in `file` of a tree, `old` becomes `new`.

    `arm` is the state in which it shows. `operation` is the one that must turn red by it, and
    `cause` a part of what the gate must say of it; both None where any will do. `index` is
    the index that it drops.
    """

    name: str
    file: str
    old: str
    new: str
    arm: str
    operation: str | None = None
    cause: str | None = None
    index: str | None = None


def mutate(tree: Path, mutation: Mutation) -> None:
    """Change the tree.

    Raises:
        MutationError: the file is missing, or does not hold the text exactly once.
    """
    path = tree / mutation.file
    if not path.is_file():
        raise MutationError(f"{mutation.name}: {mutation.file} is missing; mend the mutation.")
    text = path.read_text(encoding="utf-8")
    found = text.count(mutation.old)
    if found != 1:
        raise MutationError(
            f"{mutation.name}: {mutation.file} holds the text to change {found} times, not once; "
            "mend the mutation."
        )
    path.write_text(text.replace(mutation.old, mutation.new), encoding="utf-8")


def index_mutations(migration: str, arm: str = "after") -> list[Mutation]:
    """Each index of the migration's text dropped, one at a time.

    On `after`, which is that migration and nothing else: later ones replace or drop some of
    its indexes themselves, so that what they leave is for the ablation to tell.
    """
    return [
        Mutation(
            f"without {found['name']}",
            MIGRATION,
            found[0],
            "",
            arm,
            cause=found["name"],
            index=found["name"],
        )
        for found in _INDEX.finditer(migration)
    ]


FAULTS = (
    Mutation(
        "another column to order by",
        "reference_app/queries/catalogue.sql",
        "WHERE status = 'available' AND size = :size\nORDER BY created_at DESC, id DESC\n",
        "WHERE status = 'available' AND size = :size\nORDER BY price_cents DESC, id DESC\n",
        "recommended",
        "products_by_size",
        "",
    ),
    Mutation(
        "a query for each image (N+1)",
        "reference_app/catalogue/store.py",
        "        self._views.count(product_id)\n",
        "        for image in images:\n"
        '            await self._database.read("image_by_id", {"image_id": image["id"]})\n'
        "        self._views.count(product_id)\n",
        "recommended",
        "product_detail",
        "N+1",
    ),
    Mutation(
        "no LIMIT",
        "reference_app/queries/catalogue.sql",
        "WHERE status = 'available'\nORDER BY created_at DESC, id DESC\nLIMIT 24;",
        "WHERE status = 'available'\nORDER BY created_at DESC, id DESC;",
        "recommended",
        "products_newest",
        "",
    ),
    Mutation(
        "ANALYZE forgotten",
        "bench/resale/study.toml",
        'statistics = ["ANALYZE"]\n',
        "statistics = []\n",
        "after_analyzed",
        None,
        "ANALYZE was not run",
    ),
)


def mutations_of(tree: Path) -> list[Mutation]:
    """Every mutation for a tree.

    Raises:
        MutationError: the tree has no such migration, or it creates no index.
    """
    path = tree / MIGRATION
    if not path.is_file():
        raise MutationError(f"{tree} holds no {MIGRATION}; name a checkout with --repo.")
    found = index_mutations(path.read_text(encoding="utf-8"))
    if not found:
        raise MutationError(f"{MIGRATION} creates no index; mend how they are looked for.")
    return [*found, *FAULTS]
