"""The server is killed under load, three times; and what the look at the file would find."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reference_app import migrate
from reference_app.database import connect, transaction
from seeds import load
from tests.validation import durability_check, kill_9
from tests.validation.durability_check import Acknowledged, NotUsable, faults, prepare


@pytest.fixture
def empty_shop(tmp_path: Path) -> Path:
    path = tmp_path / "shop.db"
    connection = connect(path, create=True)
    migrate.apply(connection, ("0001_baseline", "0002_safe_migration"))
    connection.close()
    return path


def sql(path: Path, *statements: str) -> None:
    connection = connect(path)
    # Some faults are such that the schema would refuse them.
    connection.pragma("foreign_keys", False)
    with transaction(connection):
        for statement in statements:
            connection.execute(statement)
    connection.close()


ORDER = (
    "INSERT INTO orders (id, order_number, customer_name, customer_email, fulfilment,"
    " subtotal_cents, total_cents) VALUES (1, 'ORD-1', 'A', 'k1@kill.example', 'collection', 1, 1)"
)
ITEM = (
    "INSERT INTO order_items (order_id, product_id, product_name, size, price_cents)"
    " VALUES (1, 1, 'A', 'L', 1)"
)


def events(count: int) -> str:
    rows = ", ".join(["('page_view', 's1', '2025-10-05 10:00:00')"] * count)
    return f"INSERT INTO analytics_events (event_type, session_id, timestamp) VALUES {rows}"


def test_what_was_acknowledged_and_is_there_is_no_fault(empty_shop: Path) -> None:
    ground = prepare(empty_shop)
    assert len(ground.products) == durability_check.PRODUCTS
    sql(empty_shop, ORDER, ITEM, events(10))
    assert faults(empty_shop, ground, Acknowledged({"k1": ("ORD-1", 1)}, ["s1"])) == []


@pytest.mark.parametrize(
    ("statements", "told", "fault"),
    [
        ([], {"k1": ("ORD-1", 1)}, "the acknowledged order ORD-1 is lost"),
        ([ORDER], {}, "the order ORD-1 has no items"),
        ([ORDER, ITEM], {"k1": ("ORD-1", 2)}, "the acknowledged order ORD-1 has 1 of 2 items"),
        (
            [ORDER, ITEM, ORDER.replace("(1, 'ORD-1'", "(2, 'ORD-2'")],
            {},
            "the key k1 made two orders, ORD-1 and ORD-2",
        ),
        ([events(9)], {}, "the batch of events s1 has 9 of 10 events"),
        (
            ["UPDATE products SET quantity_available = 999999 WHERE id = 1"],
            {},
            "product 1 has a stock of 999999, its ledger adds up to 1000000",
        ),
        (
            [ORDER, ITEM.replace("(1, 1,", "(1, 777,")],
            {},
            "foreign_key_check: order_items row 1 points to nothing in products",
        ),
    ],
)
def test_each_fault_is_found(
    empty_shop: Path, statements: list[str], told: dict[str, tuple[str, int]], fault: str
) -> None:
    ground = prepare(empty_shop)
    sql(empty_shop, *statements)
    assert fault in faults(empty_shop, ground, Acknowledged(told))


def test_a_batch_that_is_lost_is_found(empty_shop: Path) -> None:
    found = faults(empty_shop, prepare(empty_shop), Acknowledged(batches=["s1"]))
    assert found == ["the acknowledged batch of events s1 is lost"]


def test_a_database_with_faults_of_its_own_is_refused(empty_shop: Path) -> None:
    prepare(empty_shop)
    sql(empty_shop, "UPDATE products SET quantity_available = 5, sku = id")
    with pytest.raises(NotUsable, match="Before anything was killed: product 1 has a stock of 5"):
        prepare(empty_shop)


def test_nothing_acknowledged_is_lost_by_kill_9(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "shop.db"
    load.seed(path, scale=0.001)
    content = path.read_bytes()
    words = ["--db", str(path), "--times", "3", "--window", "0.3", "--json"]
    assert kill_9.main(words) == 0
    rounds = json.loads(capsys.readouterr().out)
    assert [one["faults"] for one in rounds] == [[], [], []]
    assert all(one["orders"] for one in rounds)
    # The database that was given is as it was, and its copy is gone.
    assert path.read_bytes() == content
    assert not [one for one in tmp_path.iterdir() if one.is_dir()]


def test_a_missing_database_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert kill_9.main(["--db", str(tmp_path / "none.db")]) == 2
    assert "There is no database" in capsys.readouterr().err


def test_the_summary_names_the_kill_that_lost_something() -> None:
    lost = kill_9.Killed(0.1, 5, 2, 1, ("the acknowledged order ORD-1 is lost",))
    text = kill_9.summary([kill_9.Killed(0.1, 3, 1, 0, ()), lost], ledger=False)
    assert "killed 2 times; acknowledged 8 orders and 30 events" in text
    assert "no ledger" in text
    assert "kill 2: the acknowledged order ORD-1 is lost\n1 faults" in text
