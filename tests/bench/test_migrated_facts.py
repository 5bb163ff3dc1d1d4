"""The facts of a migrated database, on a seeded one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import apsw
import numpy as np
import pytest

from bench.measure import arms
from bench.measure.facts import SCHEMA_FACTS, schema_facts
from bench.resale import facts
from bench.study import load_study
from reference_app.database import connect
from seeds import ledger
from seeds.manifest import read_manifest
from seeds.plan import sample_parameters


@pytest.mark.parametrize(
    ("arm", "expected"),
    [
        ("after", {"new_indexes": 14, "new_indexes_on_older_tables": 10, "indexes": 55}),
        # It makes 25 indexes and drops ten of them again.
        ("recommended", {"new_indexes": 15, "new_indexes_on_older_tables": 11, "indexes": 56}),
    ],
)
def test_an_index_that_is_dropped_again_is_no_new_index(
    arm: str, expected: dict[str, int], shop: Path, tmp_path: Path
) -> None:
    study = replace(load_study(), judged=arm)
    plan, rng = read_manifest(shop).plan(), np.random.default_rng(1)
    fill = partial(ledger.fill_after_tables, source=shop)
    with closing(arms.build(shop, tmp_path, study, fill=fill)) as files:
        connection = files.open(arm, query_only=False)
        found = schema_facts(files.engine, connection, files.arms[arm])
        tried = facts.tried(
            connection,
            offer=sample_parameters(plan, "respond_to_offer", rng),
            purchase=sample_parameters(plan, "checkout", rng),
        )
        connection.close()
    assert {name: found[name] for name in expected} == expected
    assert found["new_tables"] == 2
    assert (set(found), set(tried)) == (set(SCHEMA_FACTS), set(facts.NAMES))
    assert tried == {"offer_answers_overwritten": 1, "checkout_pieces_oversold": 1}


@pytest.mark.parametrize(
    ("find", "operation", "table"),
    [
        (facts._offer_answers_overwritten, "respond_to_offer", "UPDATE ON sell_submissions"),
        (facts._pieces_oversold, "checkout", "INSERT ON orders"),
    ],
)
def test_a_try_that_sqlite_rolls_back_itself_tells_its_own_error(
    shop: Path, find: Callable[[apsw.Connection, Any], Any], operation: str, table: str
) -> None:
    drawn = sample_parameters(read_manifest(shop).plan(), operation, np.random.default_rng(1))
    with closing(connect(shop)) as connection:
        connection.execute(
            f"CREATE TRIGGER never BEFORE {table} BEGIN SELECT RAISE(ROLLBACK, 'not here'); END"
        )
        with pytest.raises(apsw.ConstraintError, match="not here"):
            find(connection, drawn)
