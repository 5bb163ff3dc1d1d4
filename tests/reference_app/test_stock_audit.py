from __future__ import annotations

import json
from pathlib import Path

import apsw
import pytest
from click.testing import CliRunner

from bench.cli import cli
from reference_app.stock import audit
from reference_app.stock.constraints import checks_of
from tests.reference_app.conftest import make_shop
from tests.reference_app.trading import open_the_books

BREAKING = {
    "stock_mismatches": "UPDATE products SET quantity_available = 7 WHERE id = 2",
    "stock_below_nothing": (
        "PRAGMA ignore_check_constraints = ON;"
        "UPDATE products SET quantity_available = -1 WHERE id = 1"
    ),
    "status_that_disagrees": "UPDATE products SET status = 'sold' WHERE id = 1",
    "orders_without_items": "DELETE FROM order_items WHERE order_id = 1",
    "answers_that_disagree": (
        "UPDATE sell_submissions SET status = 'accepted', seller_response = 'refused',"
        " seller_response_at = '2025-10-05' WHERE id = 1"
    ),
    "rows_without_parents": (
        "PRAGMA foreign_keys = OFF; UPDATE order_items SET order_id = 99 WHERE id = 1"
    ),
    # What an index does not tell of: the table's rows were changed behind its back.
    "damage": (
        "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql ="
        " replace(sql, 'TEXT NOT NULL UNIQUE', 'TEXT CHECK (email IS NULL) UNIQUE')"
        " WHERE name = 'users'; PRAGMA writable_schema = RESET"
    ),
}


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = make_shop(tmp_path / "shop.db", ("0001_baseline", "0002_safe_migration"))
    open_the_books(path)
    return path


def test_a_sound_shop_keeps_every_rule(sound: Path) -> None:
    before = sound.read_bytes()
    found = audit.audit(sound)
    assert found.ok
    assert (found.products, found.moves) == (4, 5)
    assert sound.read_bytes() == before


def test_every_rule_is_broken_here() -> None:
    assert set(BREAKING) == set(audit.RULES)


@pytest.mark.parametrize("rule", BREAKING)
def test_a_broken_rule_is_named_with_its_rows(sound: Path, rule: str) -> None:
    connection = apsw.Connection(str(sound))
    connection.execute(BREAKING[rule])
    connection.close()
    broken = {one.name: one.broken_by for one in audit.audit(sound).findings if one.broken_by}
    assert rule in broken


def test_every_check_of_a_statement_is_found() -> None:
    sql = """CREATE TABLE "check" (
        a TEXT CHECK (a IN ('CHECK (', ')')), -- CHECK (no)
        "check" INTEGER check /* here */ ((a) > 1 OR a <> ')'),
        CONSTRAINT named CHECK(b(c) = '''it''s'''), [check] TEXT
    )"""
    assert list(checks_of(sql)) == [
        "a IN ('CHECK (', ')')",
        "(a) > 1 OR a <> ')'",
        "b(c) = '''it''s'''",
    ]


def test_the_command_says_what_is_broken(sound: Path) -> None:
    def run(*more: str) -> tuple[int, str]:
        result = CliRunner().invoke(
            cli, ["audit", "--db", str(sound), *more], standalone_mode=False
        )
        return result.return_value, result.output

    code, said = run()
    assert (code, "BROKEN" in said) == (0, False)
    connection = apsw.Connection(str(sound))
    connection.execute(BREAKING["stock_mismatches"])
    connection.close()
    code, said = run()
    assert (code, "product_id 2, quantity_available 7, ledger 2" in said) == (1, True)
    code, said = run("--json")
    assert code == 1
    assert json.loads(said)["broken"] == {
        "stock_mismatches": [{"product_id": 2, "quantity_available": 7, "ledger": 2}]
    }


def test_without_a_ledger_there_is_nothing_to_prove(shop_before: Path) -> None:
    with pytest.raises(audit.NoLedger, match="bring it to the arm"):
        audit.audit(shop_before)
