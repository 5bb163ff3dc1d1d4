"""Rewinding a served database, and its audit: a server that writes, and files with faults."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import apsw
import httpx
import pytest

from bench.engines.sqlite.files import DatabaseMissing
from bench.engines.sqlite.new_rows import new_rows as new_rows_since
from bench.engines.sqlite.new_rows import newest_rowids
from bench.engines.sqlite.rewind import NotRewindable, Rewound
from bench.load import invariants
from bench.load.server_process import served
from bench.resale.hooks import HOOKS
from bench.resale.invariants import INVARIANTS
from bench.resale.service import MODULE
from reference_app.database import beside, connect

EVENT = {"event_type": "search", "session_id": "s1"}


@pytest.fixture(params=["before", "after"])
def shop(request: pytest.FixtureRequest, arms: dict[str, Path], tmp_path: Path) -> Path:
    return Path(shutil.copy(arms[request.param], tmp_path / "shop.db"))


def write(path: Path, *statements: str) -> None:
    """Write as a server does that never folds its log in; some faults the schema would refuse."""
    connection = connect(path, checkpoints=False)
    connection.pragma("foreign_keys", False)
    connection.pragma("ignore_check_constraints", True)
    for statement in statements:
        connection.execute(statement)
    connection.close()


def at_rest(path: Path) -> dict[str, int]:
    """The newest rowids of a file without its log."""
    with tempfile.TemporaryDirectory() as folder:
        return newest_rowids(Path(shutil.copy(path, folder)))


def new_rows(path: Path, table: str, before: Path | None = None) -> int:
    return new_rows_since(path, table, at_rest(before or path))


def audit(path: Path) -> tuple[str, ...]:
    findings = (
        *HOOKS.service.audit(path, whole=False),
        invariants.parents(path, at_rest(path)),
    )
    return invariants.checked(findings).violations


def rewound(path: Path) -> Rewound:
    return Rewound(path, HOOKS.service.side_files(path))


def outbox_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.outbox.db")


@pytest.mark.parametrize("ending", ["terminate", "kill"])
def test_what_a_server_writes_stands_in_the_log_and_goes_with_it(shop: Path, ending: str) -> None:
    before = shop.read_bytes()
    plain = {"RESALE_CHECKPOINTS": "false", "RESALE_TRIES_BY_ADDRESS": "999/second"}
    with rewound(shop) as block:
        with served(MODULE, str(shop), environment=plain) as server:
            for _ in range(20):
                answer = httpx.post(f"{server.url}/analytics/track", json={"events": [EVENT] * 10})
                assert answer.status_code == 202
            reset = {"email": "nobody@example.ie"}
            assert httpx.post(f"{server.url}/auth/password-reset", json=reset).status_code == 202
            getattr(server.process, ending)()
            server.process.wait(20)
        assert shop.read_bytes() == before
        assert new_rows(shop, "analytics_events") == 200
        assert audit(shop) == ()
        assert shop.read_bytes() == before
        assert beside(shop)[0].stat().st_size > 0
        assert block.path == shop
    assert [path.name for path in shop.parent.iterdir()] == [shop.name]
    assert shop.read_bytes() == before
    assert new_rows(shop, "analytics_events") == 0


def test_a_block_is_rewound_and_an_error_of_it_goes_on(shop: Path) -> None:
    before = shop.read_bytes()
    with pytest.raises(KeyboardInterrupt), rewound(shop):
        write(shop, "DELETE FROM system_logs")
        raise KeyboardInterrupt
    assert [path.name for path in shop.parent.iterdir()] == [shop.name]
    assert shop.read_bytes() == before


def test_an_outbox_that_was_there_is_put_back(shop: Path) -> None:
    outbox = outbox_of(shop)
    outbox.write_text("letters")
    with rewound(shop):
        assert not outbox.exists()
        outbox.write_text("a load's letters")
        beside(outbox)[0].write_text("its log")
    assert outbox.read_text() == "letters"
    assert sorted(path.name for path in shop.parent.iterdir()) == [shop.name, outbox.name]


def test_an_outbox_of_a_block_that_was_killed_is_put_back(shop: Path) -> None:
    outbox = outbox_of(shop)
    outbox.with_name(f"{outbox.name}.aside").write_text("letters")
    outbox.write_text("the killed load's letters")
    with rewound(shop):
        pass
    assert outbox.read_text() == "letters"


def test_a_file_that_is_open_is_refused(shop: Path) -> None:
    before = shop.stat()
    connection = connect(shop, query_only=True)
    with pytest.raises(NotRewindable, match="open elsewhere"), rewound(shop):
        pass
    connection.close()
    with rewound(shop):
        pass
    assert shop.stat().st_mtime_ns == before.st_mtime_ns


def test_a_file_with_a_log_is_refused_and_left(shop: Path) -> None:
    write(shop, "DELETE FROM system_logs")
    size = beside(shop)[0].stat().st_size
    with pytest.raises(NotRewindable, match="left with its log"), rewound(shop):
        pass
    assert beside(shop)[0].stat().st_size == size > 0


def test_a_file_that_cannot_be_rewound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatabaseMissing), Rewound(tmp_path / "none.db"):
        pass
    plain = tmp_path / "plain.db"
    apsw.Connection(str(plain)).execute("CREATE TABLE t (a)")
    with pytest.raises(NotRewindable, match="no write-ahead log"), Rewound(plain):
        pass


def test_a_server_that_has_not_ended_is_told_and_its_log_left(shop: Path) -> None:
    with pytest.raises(NotRewindable, match="stop its server"), rewound(shop):
        connection = connect(shop, checkpoints=False)
        connection.execute("DELETE FROM system_logs")
    assert beside(shop)[0].stat().st_size > 0
    connection.close()


def test_a_file_that_was_written_to_is_told(shop: Path) -> None:
    with pytest.raises(NotRewindable, match="itself was written to"), rewound(shop):
        connection = connect(shop)
        connection.execute("DELETE FROM system_logs")
        connection.close()


def test_a_file_that_was_written_to_is_noted_with_the_error_of_the_block(shop: Path) -> None:
    with pytest.raises(ZeroDivisionError) as raised, rewound(shop):
        os.utime(shop)
        raise ZeroDivisionError
    assert "itself was written to" in raised.value.__notes__[0]


RULES = {
    **INVARIANTS,
    "rows_without_parents": "no row written since points to one that is not there",
}
AVAILABLE = "(SELECT min(id) FROM products WHERE status = 'available' AND quantity_available = 1)"
ORDER = (
    "INSERT INTO orders (id, order_number, customer_name, customer_email, fulfilment,"
    " subtotal_cents, total_cents) VALUES (900000, 'ORD-9', 'A', 'a@b.ie', 'collection', 1, 1)"
)
ITEM = (
    "INSERT INTO order_items (order_id, product_id, product_name, size, price_cents)"
    f" SELECT 900000, {AVAILABLE}, 'A', 'L', 1"
)
TAKE = f"UPDATE products SET quantity_available = 0, status = 'sold' WHERE id = {AVAILABLE}"
MOVE = (
    "INSERT INTO stock_moves (product_id, order_id, quantity_change, reason)"
    f" SELECT {AVAILABLE}, 900000, -1, 'sale'"
)
OPEN = "(SELECT min(id) FROM sell_submissions WHERE status = 'offer_sent')"


def test_a_sale_breaks_no_rule(shop: Path) -> None:
    ledger = has_ledger(shop)
    write(shop, ORDER, ITEM, *([MOVE] if ledger else []), TAKE)
    assert audit(shop) == ()
    assert new_rows(shop, "orders") == new_rows(shop, "order_items") == 1
    # Folded in, and then nothing is new but against a copy of the file as it was.
    pristine = Path(shutil.copy(shop, shop.with_name("pristine.db")))
    connection = connect(shop)
    connection.close()
    assert new_rows(shop, "orders", before=pristine) == 1
    with pytest.raises(ValueError, match="no table nothing"):
        new_rows(shop, "nothing")


def has_ledger(path: Path) -> bool:
    connection = connect(path, query_only=True, checkpoints=False)
    found = connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'stock_moves'").fetchall()
    connection.close()
    return bool(found)


@pytest.mark.parametrize(
    ("rule", "statements"),
    [
        ("orders_without_items", [ORDER]),
        # Sold, and still there: the next one buys it too.
        ("pieces_lost_or_made", [ORDER, ITEM]),
        ("pieces_lost_or_made", [TAKE]),
        (
            "pieces_lost_or_made",
            ["UPDATE product_reservations SET status = 'expired' WHERE status = 'active'"],
        ),
        (
            "pieces_lost_or_made",
            [
                "UPDATE orders SET status = 'cancelled' WHERE id ="
                " (SELECT max(id) FROM orders WHERE status NOT IN ('cancelled', 'returned'))"
            ],
        ),
        (
            "stock_below_nothing",
            [f"UPDATE products SET quantity_available = -1 WHERE id = {AVAILABLE}"],
        ),
        ("status_that_disagrees", [f"UPDATE products SET status = 'sold' WHERE id = {AVAILABLE}"]),
        (
            "answers_that_disagree",
            [f"UPDATE sell_submissions SET status = 'accepted' WHERE id = {OPEN}"],
        ),
        (
            "rows_without_parents",
            [ORDER, ITEM.replace("SELECT 900000", "SELECT 900001")],
        ),
    ],
)
def test_a_fault_that_a_load_left_is_found(shop: Path, rule: str, statements: list[str]) -> None:
    assert audit(shop) == ()
    write(shop, *statements)
    assert any(RULES[rule] in sentence for sentence in audit(shop))


def test_a_sum_of_the_ledger_that_is_wrong_is_found(arms: dict[str, Path], tmp_path: Path) -> None:
    shop = Path(shutil.copy(arms["after"], tmp_path / "shop.db"))
    write(shop, MOVE.replace("900000", "NULL"))
    [sentence] = audit(shop)
    assert RULES["stock_mismatches"] in sentence


def test_rows_of_a_table_that_came_meanwhile_are_all_new(shop: Path) -> None:
    write(shop, "CREATE TABLE later (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users)")
    write(shop, "INSERT INTO later (user_id) VALUES (1), (999999999)")
    assert new_rows(shop, "later") == 2
    [sentence] = audit(shop)
    assert "later row 2 points to no row of users" in sentence
