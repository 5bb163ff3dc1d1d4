"""What each case has to come out as.

`python tests/cases` runs them all and prints what was expected and what came out; `python
tests/cases 09b 31` runs those that begin so. Sentences are looked for in the terminal's
output, gate.md and standard error together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import databases as made


@dataclass(frozen=True)
class Case:
    """One case: its database, and what the gate has to say of its migration and queries.

    `verdicts` has, by operation, the verdicts that are right. `says` and `never` are patterns
    (regular expressions, case ignored). `unchanged` are files that must keep every byte. `around`
    is "locked" (a writer holds the database) or "read-only" (the folder may not be written to).
    """

    name: str
    make: Callable[[Path], None]
    exit_code: int
    verdicts: Mapping[str, str] = field(default_factory=dict)
    says: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    unchanged: tuple[str, ...] = ("my.db",)
    around: str | None = None
    seconds: float = 4


_IMPROVED = {"orders_of_customer": "improved"}
CASES = (
    Case("00-readme-example", made.shop, 0, _IMPROVED),
    Case(
        "01-low-cardinality-index", made.songs, 1,
        {"page_newest": "regression", "count_missing": "improved"}, ("song_missing",),
    ),
    Case(
        "03-covering-index-flips-join", made.images, 1,
        {"board_count": "regression", "list_names": "improved"},
    ),
    Case("05-analyze-mends", made.messages, 0, {"by_external_id": "improved|pass"}),
    Case(
        "06a-prisma-redefine", made.authors, 0,
        {"posts_of_author": "pass", "user_by_email": "pass"}, ("foreign keys",), seconds=12,
    ),
    Case(
        "06b-d1-cascade-as-generated", made.authors, 0,
        {"posts_of_author": "pass", "user_by_email": "pass"},
        ("transaction", "foreign keys", "50,000 rows of Post"), seconds=12,
    ),
    Case(
        "07-rebuild-loses-trigger", made.jobs, 1, {}, ("trigger job_reset", "20,?000"),
    ),
    Case("09b-queries-bom", made.shop, 0, _IMPROVED),
    Case(
        "09e-literal-with-separators", made.shop, 1, {"note_lengths": "regression"},
        ("differ",),
    ),
    Case("10-goose-up-and-down", made.shop, 0, _IMPROVED, ("goose", "Up")),
    Case("10b-empty-migration", made.shop, 2, {}, ("no statement",)),
    Case("12-begin-commit", made.shop, 0, _IMPROVED),
    Case("13b-fts5-minimal", made.documents, 0, {"search": "pass"}, seconds=12),
    Case(
        "14-rtree", made.points, 0, {"box_plain": "pass", "box_rtree": "new"}, seconds=12,
    ),
    Case(
        "18-nocase", made.actors, 1, {"by_equal": "regression", "by_like": "improved"}, ("rows",)
    ),
    Case(
        "20-ties-without-last-key", made.notes, 3, {"newest": "inconclusive"},
        ("tie", "unique last key"),
    ),
    Case("21c-collation-not-asked", made.channels, 0, {"by_country": "improved"}, ("LOCALIZED",)),
    Case(
        "24-wal-read-only-dir", made.shop_in_wal, 0, _IMPROVED, around="read-only",
    ),
    Case(
        "25b-corrupt", made.damaged, 2, {}, ("malformed",), ("mend the migration",),
    ),
    Case(
        "26d-leading-block-comment", made.shop_with_status, 0,
        {"orders_of_customer": "improved", "marked": "improved"},
    ),
    Case("26e-comment-after-draws", made.shop_with_status, 0, _IMPROVED),
    Case(
        "27-odd-names", made.odd_names, 0,
        {"by_select": "improved", "by_kanji": "improved", "add_item": "pass"},
        ("cost of add_item", "idx Order Items.select on Order Items"),
    ),
    Case(
        "28-clock-random", made.shop_with_status, 3,
        {"age_now": "inconclusive", "random_pick": "inconclusive"}, ("chance|clock|time of day",),
    ),
    Case(
        "29-attach-writes-elsewhere", made.with_archive, 2, {}, ("ATTACH",),
        unchanged=("my.db", "archive.db"),
    ),
    Case("31-blob-uuid-keys", made.history, 0, {"of_session": "improved"}),
    Case(
        "32a-invalid-utf8-answer", made.pages, 0, {"titles": "improved", "ids": "improved"},
    ),
    Case("34b-lost-index", made.tree, 1, {"parents": "regression"}),
    Case("42-noop", made.shop_with_status, 0, {"open_orders": "pass", "sums": "pass"}, seconds=45),
    Case(
        "47-locked", made.shop_with_status, 2, {}, ("locked",), ("not an error",), around="locked"
    ),
)  # fmt: skip
