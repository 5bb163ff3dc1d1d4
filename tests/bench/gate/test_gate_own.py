"""bench.gate on a database and queries of one's own."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import apsw
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from bench.commands.gate import gate
from bench.engines.sqlite.custom import connect_custom
from bench.engines.sqlite.engine import ENGINE
from bench.errors import BenchError
from bench.gate import verdict_input
from bench.gate.built_sides import BuiltSides, Measurements
from bench.gate.custom_database import copied, validate_database, write_queries
from bench.gate.databases import migrated
from bench.gate.exact import observe
from bench.gate.job import measure_sides
from bench.gate.options import GateOptions
from bench.gate.sides import build_sides
from bench.gate.timing import Timings
from bench.gate.verdict_input import judge_sides
from bench.gate.worker.counts import CounterWorker
from bench.gate.worker.custom_database import CustomDatabaseAdapter
from bench.results.gate import Gate, GatedOperation
from bench.study.queries import (
    BadQueries,
    is_ordered,
    parse,
    read_queries,
)

QUERIES = """\
-- Whatever stands before the first name is a comment.

-- name: orders_of_customer
-- title: Orders of a customer
-- draws: SELECT id AS customer
-- draws: FROM customers
SELECT id, total FROM orders WHERE customer_id = :customer ORDER BY id LIMIT 5;

-- name: customers_in
-- draws: SELECT DISTINCT country FROM customers
SELECT id, name FROM customers WHERE country = :country;

-- name: place_order
-- draws: SELECT id AS customer FROM customers
INSERT INTO orders (customer_id, total) VALUES (:customer, 1);
UPDATE customers SET name = name WHERE id = :customer;
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Path]:
    """A database that is none of ours, in use by somebody: its last rows are in the log only."""
    path = tmp_path / "shop.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "off")
        connection.wal_autocheckpoint(0)
        connection.execute(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT, country TEXT);"
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT, total REAL);"
            "CREATE INDEX orders_customer ON orders (customer_id);"
        )
        countries = ("DE", "FR", "US")
        connection.executemany(
            "INSERT INTO customers VALUES (?, ?, ?)",
            [(n, f"c{97 * n % 100}", countries[n % 3]) for n in range(100)],
        )
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?)", [(n, n % 100, n / 10) for n in range(2000)]
        )
        yield path


def written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def options_of(shop: Path, **more: Any) -> GateOptions:
    folder = shop.parent
    queries = more.pop("queries", QUERIES)
    for name in ("migration", "base_queries"):
        if isinstance(more.get(name), str):
            more[name] = written(folder / f"{name}.sql", more[name])
    more = {"queries": written(folder / "queries.sql", queries), **more}
    if more.get("migration") is None and "base_queries" not in more:
        more["base_queries"] = more["queries"]
    return GateOptions(base=str(shop), head=folder, work=folder / "work", **more)


def judged(options: GateOptions) -> Gate:
    """gate.json of the exact layer alone."""
    with build_sides(options) as built:
        return judged_exactly(built)


def judged_exactly(built: BuiltSides) -> Gate:
    assert built.base is not None
    about, seen = observe([built.base, built.head], built.workload_items, lambda _: None)
    return judge_sides(built, Measurements(about, seen, Timings((), {}, 0), 0.0, (0.0, 0.0, 0.0)))


def entry(document: Gate, name: str) -> GatedOperation:
    return next(one for one in document.operations if one.name == name)


def test_the_bases_second_process_has_a_file_of_its_own_where_the_sides_files_differ(
    shop: Path,
) -> None:
    with build_sides(options_of(shop, migration="CREATE INDEX o ON orders (total);")) as built:
        assert built.base is not None
        assert built.control is not None
        files = {lane.database for lane in (built.base, built.head, built.control)}
        assert len(files) == 3
        assert built.base.database.read_bytes() == built.control.database.read_bytes()
        assert built.control.source == built.base.source
    with build_sides(options_of(shop)) as built:
        assert built.base is not None
        assert built.control is not None
        assert {lane.database for lane in (built.base, built.head, built.control)} == {
            built.base.database
        }


ENDLESS = "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c"


def test_an_execution_that_takes_too_long_is_broken_off_and_counted(
    shop: Path, tmp_path: Path
) -> None:
    told = tmp_path / "told.json"
    queries = f"-- name: endless\n{ENDLESS} WHERE n > :least;\n-- name: quick\nSELECT 1;\n"
    write_queries(parse(queries, ENGINE), (), told)
    counts = CounterWorker(CustomDatabaseAdapter(shop, told))
    [cut] = counts.observe("endless", "read", [{"least": n} for n in range(3)], [], range(3), 0.05)
    assert (cut["unfinished_s"], cut["refused"], cut["answer"]) == (0.05, None, None)
    assert cut["vm_steps"] > 1_000
    assert cut["plan"]
    [whole] = counts.observe("quick", "read", [{}], [], [0], 60.0)
    assert (whole["refused"], whole.get("unfinished_s"), whole["steady"]) == (None, None, True)


# The file of queries


@pytest.mark.parametrize(
    ("sql", "ordered"),
    [
        ("SELECT a FROM t ORDER BY a;", True),
        ("SELECT a FROM t order\n  by a", True),
        ("SELECT a FROM t ORDER /* why */ BY a", True),
        ("SELECT a FROM (SELECT a FROM t ORDER BY a)", False),
        ("SELECT row_number() OVER (ORDER BY a) FROM t", False),
        ("SELECT 'ORDER BY', \"order by\", [order by], `order by` FROM t", False),
        ("SELECT a FROM t -- ORDER BY a\n", False),
        ("SELECT a FROM t /* ORDER BY a */", False),
        ("SELECT 'it''s (', a FROM t ORDER BY a", True),
        ("SELECT a FROM t", False),
    ],
)
def test_only_an_order_of_its_own_orders_a_statement(sql: str, ordered: bool) -> None:
    assert is_ordered(sql) is ordered


@given(st.text(alphabet="'()oOrdER bY,a\"", max_size=40))
def test_what_stands_in_a_string_orders_nothing(text: str) -> None:
    quoted = text.replace("'", "''")
    assert not is_ordered(f"SELECT '{quoted}' FROM t")
    assert is_ordered(f"SELECT '{quoted}' FROM t ORDER BY 1")


def test_a_file_of_queries_is_read() -> None:
    orders, customers, place = parse(QUERIES, ENGINE)
    assert (orders.name, orders.title) == ("orders_of_customer", "Orders of a customer")
    assert orders.parameters_sql == "SELECT id AS customer FROM customers"
    assert orders.ordered
    assert (customers.title, customers.ordered) == ("customers_in", False)
    assert len(place.statements) == 2


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("SELECT 1;", "write `-- name: …` before 'SELECT 1;'"),
        ("-- name: a b\nSELECT 1;", "'a b' is no name"),
        ("-- name: a\nSELECT 1;\n-- name: a\nSELECT 2;", "a stands twice"),
        ("-- name: a\nCREATE TABLE t (a);", "a begins a statement with CREATE"),
        ("-- name: a\nBEGIN;", "a begins a statement with BEGIN"),
        ("-- nothing\n", "there is no statement"),
        ("-- name: a\n-- name: b\nSELECT 1;", "a has no statement"),
        ("-- name: a\nSELECT 1;\n-- name: b\n", "b has no statement"),
        ("-- name: a\nSELECT 1", "end its last statement with a semicolon"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, script: str, told: str) -> None:
    path = written(tmp_path / "q.sql", script)
    with pytest.raises(BadQueries) as raised:
        read_queries(path, ENGINE)
    assert told in str(raised.value)
    assert str(path) in str(raised.value)


def test_draws_go_on_over_the_comment_lines_below() -> None:
    script = "-- name: a\n-- draws: SELECT id\n--   FROM orders\n-- title: A\n-- why\nSELECT :id;"
    [query] = parse(script, ENGINE)
    assert (query.parameters_sql, query.title) == ("SELECT id FROM orders", "A")


# The database


def test_a_copy_holds_what_stands_in_the_log_and_leaves_the_source_alone(
    shop: Path, tmp_path: Path
) -> None:
    before = {path: path.read_bytes() for path in tmp_path.glob("shop.db*")}
    assert len(before[Path(f"{shop}-wal")]) > 0
    copied(shop, tmp_path / "copy.db")
    with closing(connect_custom(tmp_path / "copy.db")) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(2000,)]
    assert {path: path.read_bytes() for path in before if path.suffix != ".db-shm"} == {
        path: data for path, data in before.items() if path.suffix != ".db-shm"
    }


def test_a_base_that_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="There is no database"):
        validate_database(tmp_path / "none.db")
    with pytest.raises(BenchError, match="is not a SQLite database"):
        validate_database(written(tmp_path / "text.db", "no database at all, only text"))


@pytest.mark.parametrize(
    ("script", "told"),
    [
        ("CREATE INDEX i ON absent (a);", "no such table"),
        ("BEGIN; CREATE TABLE t (a);", "leaves a transaction open"),
        ("CREATE TABLE t (a)", "semicolon"),
    ],
)
def test_a_migration_that_fails_says_where(shop: Path, script: str, told: str) -> None:
    copy = shop.parent / "copy.db"
    copied(shop, copy)
    with pytest.raises(BenchError, match=told):
        migrated(copy, written(shop.parent / "new.sql", script))


def test_a_migration_may_hold_its_own_transaction(shop: Path) -> None:
    copy = shop.parent / "copy.db"
    copied(shop, copy)
    script = "BEGIN; CREATE TABLE t (a); INSERT INTO t VALUES (1); COMMIT; VACUUM; PRAGMA optimize;"
    migrated(copy, written(shop.parent / "new.sql", script))
    with closing(connect_custom(copy)) as connection:
        assert connection.execute("SELECT a FROM t").fetchall() == [(1,)]


# Operations and their draws


@pytest.mark.parametrize(
    ("queries", "told"),
    [
        ("-- name: a\nSELECT nope FROM orders;", "a does not fit the database: no such column"),
        ("-- name: a\nSELECT * FROM orders WHERE id = ?;", "a has a parameter without a name"),
        (
            "-- name: a\nSELECT * FROM orders WHERE id = :id;",
            "`-- parameters: SELECT … AS id",
        ),
        (
            "-- name: a\n-- draws: SELECT id FROM orders WHERE id < 0\n"
            "SELECT * FROM orders WHERE id = :id;",
            "find no row",
        ),
        (
            "-- name: a\n-- draws: SELECT id AS other FROM orders\n"
            "SELECT * FROM orders WHERE id = :id;",
            "lack :id",
        ),
        (
            "-- name: a\n-- draws: SELECT id FROM absent\nSELECT * FROM orders WHERE id = :id;",
            "the parameters of a fail: no such table",
        ),
    ],
)
def test_operations_that_cannot_be_asked_are_refused(shop: Path, queries: str, told: str) -> None:
    with (
        pytest.raises(BadQueries) as raised,
        build_sides(options_of(shop, queries=queries)),
    ):
        pass
    assert told in str(raised.value)


def test_draws_are_rows_of_the_database_and_follow_from_the_seed(shop: Path) -> None:
    def drawn(seed: int | None) -> list[tuple[dict[str, Any], ...]]:
        with build_sides(options_of(shop, seed=seed)) as built:
            return [one.parameters for one in built.workload_items]

    first = drawn(None)
    assert [len(found) for found in first] == [12, 3, 12]
    assert {values["country"] for values in first[1]} == {"DE", "FR", "US"}
    assert len({values["customer"] for values in first[0]}) == 12
    assert drawn(None) == first
    assert drawn(7) != first


def test_what_is_asked_for_alone_is_asked_alone(shop: Path) -> None:
    with build_sides(options_of(shop, operations=("customers_in",))) as built:
        assert [one.operation.name for one in built.workload_items] == ["customers_in"]
    with (
        pytest.raises(BadQueries, match="no operation 'nothing'; choose among: orders_of_cust"),
        build_sides(options_of(shop, operations=("nothing",))),
    ):
        pass


def test_the_example_of_the_page_runs(shop: Path) -> None:
    with closing(connect_custom(shop, writable=True)) as connection:
        connection.execute("ALTER TABLE orders ADD COLUMN placed_at TEXT")
    page = (Path(__file__).parents[3] / "docs/your-own-database.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    document = judged(options_of(shop, queries=example, migration="DROP INDEX orders_customer;"))
    assert entry(document, "orders_of_customer").verdict == "regression"
    assert entry(document, "place_order").kind == "write"


def test_a_database_without_operations_is_told_how_to_name_them(shop: Path) -> None:
    options = replace(options_of(shop, migration="DROP INDEX orders_customer;"), queries=None)
    head = Path(verdict_input.__file__).parents[2]
    with (
        pytest.raises(BenchError, match="name the operations of a database of your own with --qu"),
        build_sides(replace(options, head=head)),
    ):
        pass


# What it finds


def test_the_same_database_twice_is_equal(shop: Path) -> None:
    document = judged(options_of(shop))
    assert not [one for one in document.operations if one.verdict == "regression"]
    assert all(one.exact and one.exact.base == one.exact.head for one in document.operations)
    assert entry(document, "place_order").kind == "write"
    assert entry(document, "orders_of_customer").title == "Orders of a customer"


def test_nothing_to_gate_is_no_pass(shop: Path) -> None:
    options = replace(options_of(shop), base_queries=None)
    with pytest.raises(BenchError, match="Both sides would be the same"), build_sides(options):
        pass


def test_what_an_index_costs_a_write_is_told_and_can_be_limited(shop: Path) -> None:
    index = "CREATE INDEX orders_total ON orders (total);"
    document = judged(options_of(shop, migration=index))
    assert entry(document, "place_order").verdict == "pass"
    assert "goes into orders_total on orders too" in document.reasons[0]
    table = "[tool.resale-bench.gate.operations.place_order]\nwrite_tax = 0\nsteps = 0\n"
    written(shop.parent / "pyproject.toml", table)
    dearer = entry(judged(options_of(shop, migration=index)), "place_order")
    assert dearer.verdict == "regression"
    assert "place_order]\nwrite_tax = " in str(dearer.cause)


def test_what_a_side_lacks_is_left_out_of_its_operations(shop: Path) -> None:
    queries = (
        "-- name: fines\n-- needs: fines\nSELECT id FROM fines ORDER BY id;\n"
        "-- name: rename\n-- parameters: SELECT id AS customer FROM customers\n"
        "UPDATE customers SET name = 'a' WHERE id = :customer;\n"
        "-- needs: fines\nINSERT INTO fines (id) VALUES (:customer);\n"
    )
    options = options_of(shop, queries=queries, migration="CREATE TABLE fines (id INT);")
    document = judged(options)
    assert entry(document, "fines").presence == "new"
    renamed = entry(document, "rename").exact
    assert renamed is not None
    assert renamed.head.statements == renamed.base.statements + 1


def test_a_write_that_changes_other_rows_than_it_requires_is_refused(shop: Path) -> None:
    queries = (
        "-- name: rename\n-- parameters: SELECT id AS customer, '[1]' AS one FROM customers\n"
        "-- require: 1\nUPDATE customers SET name = 'b' WHERE id = :customer AND country != 'X';\n"
        "-- require: one\nUPDATE customers SET name = 'c' WHERE id = :customer AND :one != '';\n"
    )
    options = options_of(shop, queries=queries, migration="CREATE INDEX n ON customers (name);")
    assert entry(judged(options), "rename").verdict == "pass"
    options = options_of(shop, queries=queries, migration="UPDATE customers SET country = 'X';")
    found = entry(judged(options), "rename")
    assert found.verdict == "regression"
    assert "a statement has to change 1 rows and changed 0" in str(found.message)


def test_limits_stand_in_the_study_beside_the_queries(shop: Path) -> None:
    written(shop.parent / "study.toml", "[gate.operations.place_order]\nwrite_tax = 0\nsteps = 0\n")
    options = options_of(shop, migration="CREATE INDEX orders_total ON orders (total);")
    dearer = entry(judged(options), "place_order")
    assert dearer.verdict == "regression"
    assert "study.toml:\n[gate.operations.place_order]\nwrite_tax = " in str(dearer.cause)
    written(shop.parent / "study.toml", "[gate.operations.place_orders]\nsteps = 0\n")
    with pytest.raises(BenchError, match=r"neither side has \(did you mean `place_order`"):
        judged(options)


def test_the_example_of_the_documentation_gets_a_careful_engineers_verdict(tmp_path: Path) -> None:
    documentation = (Path(__file__).parents[3] / "docs/your-own-database.md").read_text("utf-8")
    queries = documentation.split("```sql\n", 1)[1].split("```", 1)[0]
    path = tmp_path / "my.db"
    with closing(apsw.Connection(str(path))) as connection:
        connection.execute(
            "CREATE TABLE customers (id INTEGER PRIMARY KEY);"
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INT REFERENCES customers,"
            " total REAL, placed_at TEXT); BEGIN"
        )
        connection.executemany("INSERT INTO customers VALUES (?)", [(n,) for n in range(500)])
        connection.executemany(
            "INSERT INTO orders VALUES (?, ?, ?, ?)",
            [(n, n * 37 % 500, n, f"2026-01-{1 + n % 28:02}") for n in range(20_000)],
        )
        connection.execute("COMMIT")
    migration = "CREATE INDEX orders_of ON orders (customer_id, placed_at);"
    # It ends when all is decided, after some seconds; the rest is for a busy machine.
    options = options_of(path, queries=queries, migration=migration, budget_seconds=60.0)
    with build_sides(options) as built:
        document = judge_sides(built, measure_sides(built, options))
    assert document.verdict == "pass"
    assert entry(document, "orders_of_customer").verdict == "improved"
    placed = entry(document, "place_order")
    assert placed.verdict == "pass"
    told = r"orders_of on orders too, which the head adds. It takes [\d.]+ times as long"
    assert re.search(told, str(placed.cost))
    # What is told of a write decides nothing, and is no noise of the run.
    assert list(document.noise_floor.operations) == ["orders_of_customer"]
    with closing(apsw.Connection(str(path))) as connection:
        assert connection.execute("SELECT count(*) FROM orders").get == 20_000


def test_an_index_that_a_migration_drops_is_named(shop: Path) -> None:
    document = judged(options_of(shop, migration="DROP INDEX orders_customer;"))
    lost = entry(document, "orders_of_customer")
    assert document.verdict == lost.verdict == "regression"
    assert "orders_customer" in str(lost.cause)
    assert document.head.what == "shop.db after migration.sql"
    assert document.size.bytes > 4096


def test_rows_in_another_order_are_no_other_answer_where_none_is_asked_for(shop: Path) -> None:
    index = "CREATE INDEX by_name ON customers (country, name);"
    document = judged(options_of(shop, migration=index))
    assert entry(document, "customers_in").verdict != "regression"
    ordered = QUERIES.replace("country = :country;", "country = :country ORDER BY country;")
    document = judged(options_of(shop, migration=index, queries=ordered))
    tied = entry(document, "customers_in")
    assert tied.verdict == "inconclusive"
    assert "unique last key" in str(tied.message)


def test_a_query_that_changes_is_held_against_what_it_was(shop: Path) -> None:
    worse = QUERIES.replace("customer_id = :customer", "+customer_id = :customer")
    document = judged(options_of(shop, queries=worse, base_queries=QUERIES))
    assert entry(document, "orders_of_customer").verdict == "regression"
    assert document.base.what == "shop.db as it is with base_queries.sql"


def test_operations_that_one_side_cannot_answer_are_said(shop: Path) -> None:
    more = QUERIES + "-- name: notes\nSELECT * FROM notes;\n"
    migration = "CREATE TABLE notes (a); DROP TABLE orders;"
    document = judged(options_of(shop, queries=more, migration=migration))
    assert entry(document, "notes").verdict == "new"
    gone = entry(document, "orders_of_customer")
    assert gone.verdict == "regression"
    assert "no such table: orders" in str(gone.message)


def test_operations_that_leave_the_file_are_missing(shop: Path) -> None:
    fewer = QUERIES[: QUERIES.index("-- name: place_order")]
    document = judged(options_of(shop, queries=fewer, base_queries=QUERIES))
    assert entry(document, "place_order").verdict == "missing"


def test_an_order_that_is_new_is_no_other_answer(shop: Path) -> None:
    ordered = QUERIES.replace("country = :country;", "country = :country ORDER BY id DESC;")
    document = judged(options_of(shop, queries=ordered, base_queries=QUERIES))
    assert entry(document, "customers_in").exact.answers_equal


def test_writes_are_counted_and_undone(shop: Path, tmp_path: Path) -> None:
    copied(shop, tmp_path / "copy.db")
    queries = tmp_path / "q.json"
    queries.write_text(
        json.dumps(
            {
                "foreign_keys": True,
                "operations": {
                    "w": {"statements": ["DELETE FROM orders"], "require": [None], "ordered": False}
                },
            }
        ),
        "utf-8",
    )
    side = CustomDatabaseAdapter(tmp_path / "copy.db", queries)
    with closing(side.connect(writable=True)) as connection:
        with side.transaction(connection):
            side.write(connection, side.queries_of("w", connection)[0], {})
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]

        def undone() -> None:
            with side.transaction(connection):
                connection.execute("INSERT INTO orders VALUES (1, 1, 1)")
                raise KeyError

        with pytest.raises(KeyError):
            undone()
        assert connection.execute("SELECT count(*) FROM orders").fetchall() == [(0,)]


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("INSERT OR ROLLBACK INTO t VALUES (1)", "UNIQUE constraint failed"),
        ("UPDATE t SET id = 3", "refused by a trigger"),
        # Noticed by COMMIT, which leaves the transaction open.
        ("INSERT INTO later VALUES (7)", "FOREIGN KEY constraint failed"),
    ],
)
def test_a_write_that_sqlite_rolls_back_itself_tells_its_own_error(
    tmp_path: Path, statement: str, told: str
) -> None:
    database, queries = tmp_path / "t.db", tmp_path / "q.json"
    with closing(apsw.Connection(str(database))) as connection:
        connection.execute(
            "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);"
            "CREATE TRIGGER never BEFORE UPDATE ON t"
            " BEGIN SELECT RAISE(ROLLBACK, 'refused by a trigger'); END;"
            "CREATE TABLE later (id REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)"
        )
    operations = {"w": {"statements": [statement], "require": [None], "ordered": False}}
    queries.write_text(json.dumps({"foreign_keys": True, "operations": operations}), "utf-8")
    side = CustomDatabaseAdapter(database, queries)
    with closing(side.connect(writable=True)) as connection:
        for _ in range(2):
            with (
                pytest.raises(apsw.ConstraintError, match=told),
                side.transaction(connection),
            ):
                side.write(connection, side.queries_of("w", connection)[0], {})
            assert not connection.in_transaction


# The command


def test_the_command_gates_anybodys_database(shop: Path, tmp_path: Path) -> None:
    queries = written(tmp_path / "q.sql", QUERIES)
    migration = written(tmp_path / "new.sql", "DROP INDEX orders_customer;")
    asked = [
        "--base", str(shop), "--migration", str(migration), "--queries", str(queries),
        "--budget-seconds", "1", "--operation", "orders_of_customer",
        "--head", str(tmp_path), "--work", str(tmp_path / "work"), "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    done = CliRunner().invoke(gate, asked, standalone_mode=False)
    assert done.return_value == 1, done.output
    assert "orders_of_customer" in done.output
    assert "a database of" in (tmp_path / "out" / "gate.md").read_text(encoding="utf-8")
    assert not list((tmp_path / "work").glob("*"))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (["--queries", "{q}", "--scale", "1"], "--scale belongs to seeded databases"),
        (["--queries", "{q}", "--save", "x"], "--save belongs to seeded databases"),
        (["--queries", "{q}", "--arm", "a", "--scale", "1"], "--arm and --scale belong to"),
        (["--base-queries", "{q}"], "--base-queries goes with --queries"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    shop: Path, tmp_path: Path, more: list[str], told: str
) -> None:
    queries = written(tmp_path / "q.sql", QUERIES)
    done = CliRunner().invoke(gate, ["--base", str(shop), *(one.format(q=queries) for one in more)])
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())
