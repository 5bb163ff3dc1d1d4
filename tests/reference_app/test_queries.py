from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import apsw
import apsw.ext
import pytest

from bench.study import load_study
from reference_app import database, queries
from reference_app.database import transaction

Parameters = dict[str, dict[str, int | str | None]]
# Drawn for those who ask which row a write uses up, and bound by no statement.
BESIDE = {"checkout": {"product_id"}}


def loaded(shop: apsw.Connection, name: str) -> queries.Query:
    return queries.load(name, database.tables(shop))


def answer(shop: apsw.Connection, name: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    return queries.read(shop, loaded(shop, name), params)


def rows(shop: apsw.Connection, sql: str) -> list[tuple[Any, ...]]:
    return shop.execute(sql).fetchall()


def test_operations_are_those_of_the_study(parameters: Parameters) -> None:
    names = {operation.name for operation in load_study().operations}
    assert set(queries.OPERATIONS) == names == set(parameters)


def test_kinds_and_needs_are_those_of_the_study(shop: apsw.Connection) -> None:
    for operation in load_study().operations:
        loaded_all = [queries.catalogue()[name] for name in queries.OPERATIONS[operation.name]]
        assert {query.kind for query in loaded_all} == {operation.kind}
        if operation.kind == "read":
            needed = {s.needs for query in loaded_all for s in query.statements if s.needs}
            # A column that a migration drops is no condition: arms without it answer as well.
            assert {need for need in needed if "." not in need} == set(operation.needs)


def test_every_statement_prepares_and_binds_exactly_the_drawn_names(
    shop: apsw.Connection, parameters: Parameters
) -> None:
    for operation, names in queries.OPERATIONS.items():
        bound: set[str] = set()
        for name in names:
            for statement in loaded(shop, name).statements:
                info = apsw.ext.query_info(shop, statement.sql)
                assert info.query_remaining is None
                assert info.is_readonly == (loaded(shop, name).kind == "read")
                bound |= {str(one) for one in info.bindings_names}
        assert bound == set(parameters[operation]) - BESIDE.get(operation, set()), operation


def test_no_query_binds_the_planners_hands() -> None:
    for query in queries.catalogue().values():
        for statement in query.statements:
            hint = r"\b(INDEXED|CROSS|likely|unlikely|likelihood)\b|[+]\s*\w+\s*(=|>)"
            assert not re.search(hint, statement.sql, re.IGNORECASE), query.name
            assert not re.search(r"(SELECT|,)\s+\*|\.\*", statement.sql), query.name


def test_every_limited_or_ordered_answer_has_one_order(shop: apsw.Connection) -> None:
    unique = {"id", "event_type", "status"}
    last_order = r"ORDER BY\s+(.*?)(?:\s+LIMIT (?:\d+|:\w+))?;"
    for query in queries.catalogue().values():
        for statement in query.statements if query.kind == "read" else ():
            ordered = re.search(last_order, statement.sql, re.DOTALL)
            assert ordered or "LIMIT" not in statement.sql
            if ordered:
                last = ordered[1].split(",")[-1].split()[0].split(".")[-1]
                assert last in unique, query.name


def test_every_read_operation_finds_rows(shop: apsw.Connection, parameters: Parameters) -> None:
    for operation, names in queries.OPERATIONS.items():
        for name in names:
            query = loaded(shop, name)
            if query.kind == "read":
                found = queries.read(shop, query, parameters[operation])
                named = queries.read_named(shop, query, parameters[operation])
                assert found, name
                assert [tuple(row.values()) for row in named] == found


def test_answers(shop: apsw.Connection, parameters: Parameters) -> None:
    def ids(name: str) -> list[int]:
        return [row[0] for row in answer(shop, name, parameters[name])]

    assert ids("products_by_size") == [2, 1]
    assert ids("products_by_category_size") == [1]
    assert ids("products_newest") == [3, 2, 1]
    assert ids("sell_requests_by_status") == [3, 1]
    assert ids("password_resets_for_user") == [1]
    assert ids("events_by_type_since") == [2]
    assert ids("events_newest_of_type") == [2, 1]
    assert ids("logs_errors_since") == [1]
    assert ids("order_history") == [2, 1]
    assert ids("stock_history") == [2, 1]
    assert ids("stock_of_order") == [2]
    assert answer(shop, "images_of_product", {"product_id": 1})[0][1] == "i2"
    assert answer(shop, "sell_requests_summary", {}) == [("offer_sent", 2, 3), ("pending", 1, 1)]
    assert answer(shop, "funnel_since", {"since": "2025-09-28 10:00:00"}) == [(2, 1, 1, 1)]
    day = parameters["events_of_day"]
    assert ("page_view", 1, 1, 0) in answer(shop, "events_of_day", day)
    assert len(answer(shop, "rollup_range", parameters["rollup_range"])) == 2
    assert len(answer(shop, "rollup_of_type", parameters["rollup_of_type"])) == 1


def test_a_day_holds_its_first_second_and_not_the_next_days(shop: apsw.Connection) -> None:
    span = {"day_start": "2025-10-04 10:00:00", "day_end": "2025-10-05 10:00:00"}
    assert answer(shop, "events_of_day", span) == [
        ("add_to_cart", 1, 1, 1),
        ("checkout_start", 1, 1, 1),
        ("page_view", 1, 1, 0),
        ("product_view", 1, 1, 1),
        ("purchase", 1, 1, 1),
    ]


def test_an_empty_answer_has_no_rows(shop: apsw.Connection) -> None:
    query = loaded(shop, "products_by_size")
    assert queries.read(shop, query, {"size": "none"}) == []
    assert queries.read_named(shop, query, {"size": "none"}) == []


def test_a_forgotten_parameter_is_no_null(shop: apsw.Connection) -> None:
    with pytest.raises(KeyError, match="size"):
        queries.read(shop, loaded(shop, "products_by_size"), {})


def test_what_needs_an_absent_table_is_left_out_when_loaded() -> None:
    before = {"products", "orders"}
    assert len(queries.load("checkout", before).statements) == 4
    assert len(queries.load("checkout", {*before, "stock_moves"}).statements) == 5
    with pytest.raises(queries.TableAbsent, match="stock_moves"):
        queries.load("stock_history", before)


def test_an_unknown_query_is_told() -> None:
    with pytest.raises(queries.QueryMissing, match="no query 'nothing'"):
        queries.load("nothing", ())


@pytest.mark.parametrize(
    "script",
    [
        "SELECT 1;",
        "-- name: a\nSELECT 1;",
        "-- name: a\n-- kind: read\nSELECT 1;\n-- name: a\n-- kind: read\nSELECT 2;",
    ],
)
def test_a_query_without_a_head_of_its_own_is_refused(script: str) -> None:
    with pytest.raises(queries.QueryError):
        queries.parse(script)


def test_tracking_writes_ten_events(shop: apsw.Connection, parameters: Parameters) -> None:
    with transaction(shop):
        assert queries.write(shop, loaded(shop, "track_events"), parameters["track_events"]) == 10
    stored = rows(
        shop,
        "SELECT event_type, event_data, user_id, session_id, ip_address, user_agent, path,"
        " timestamp FROM analytics_events ORDER BY id DESC LIMIT 1",
    )
    event = json.loads(str(parameters["track_events"]["events"]))[0]
    assert stored == [tuple(event.values())]


def test_a_sell_request_comes_with_its_items(shop: apsw.Connection, parameters: Parameters) -> None:
    with transaction(shop):
        params = parameters["submit_sell_request"]
        assert queries.write(shop, loaded(shop, "submit_sell_request"), params) == 4
    made = answer(shop, "submission_by_batch_id", {"batch_id": params["batch_id"]})
    assert made[0][1:3] == ("pending", 3)
    items = answer(shop, "sell_items_for_submission", {"batch_id": params["batch_id"]})
    assert [item[1:6] for item in items] == [("PO-SHOES", "Nike", "A", "UK 8", "good")] * 3


def state(shop: apsw.Connection) -> list[Any]:
    tables = ("products", "orders", "order_items", "idempotency_keys", "stock_moves")
    return [rows(shop, f"SELECT * FROM {table}") for table in tables]


def test_checkout_takes_the_piece_and_writes_everything(
    shop: apsw.Connection, parameters: Parameters
) -> None:
    with transaction(shop):
        assert queries.write(shop, loaded(shop, "checkout"), parameters["checkout"]) == 5
    assert rows(shop, "SELECT status, quantity_available FROM products WHERE id = 1") == [
        ("sold", 0)
    ]
    assert rows(
        shop, "SELECT subtotal_cents, total_cents FROM orders WHERE order_number = 'ORD-9'"
    ) == [(12000, 12500)]
    assert rows(
        shop,
        "SELECT product_id, quantity_change, reason FROM stock_moves ORDER BY id DESC LIMIT 1",
    ) == [(1, -1, "sale")]


def test_the_loser_of_the_last_piece_leaves_nothing(
    shop: apsw.Connection, parameters: Parameters
) -> None:
    checkout = loaded(shop, "checkout")
    with transaction(shop):
        queries.write(shop, checkout, parameters["checkout"])
    before = state(shop)
    loser = {**parameters["checkout"], "order_number": "ORD-10", "idempotency_key": "k10"}
    with pytest.raises(queries.RequirementFailed, match="checkout"), transaction(shop):
        queries.write(shop, checkout, loser)
    assert state(shop) == before


def test_a_repeated_idempotency_key_leaves_nothing(
    shop: apsw.Connection, parameters: Parameters
) -> None:
    params = {**parameters["checkout"], "items": '[{"product_id": 2, "quantity": 1}]'}
    with transaction(shop):
        queries.write(shop, loaded(shop, "checkout"), params)
    before = state(shop)
    with pytest.raises(apsw.ConstraintError), transaction(shop):
        queries.write(shop, loaded(shop, "checkout"), {**params, "order_number": "ORD-10"})
    assert state(shop) == before


def test_checkout_before_the_migration_writes_no_ledger(
    shop_before: Path, parameters: Parameters
) -> None:
    connection = database.connect(shop_before)
    query = queries.load("checkout", database.tables(connection))
    with transaction(connection):
        assert queries.write(connection, query, parameters["checkout"]) == 4
    connection.close()


def test_an_offer_is_answered_once_and_in_time(
    shop: apsw.Connection, parameters: Parameters
) -> None:
    query = loaded(shop, "respond_to_offer")
    params = parameters["respond_to_offer"]
    with transaction(shop):
        assert queries.write(shop, query, params) == 1
    assert rows(shop, "SELECT status, final_price_cents FROM sell_submissions WHERE id = 1") == [
        ("accepted", 8000)
    ]
    expired = {**params, "batch_id": "BATCH-20251003-00003"}
    for again in (params, expired):
        with pytest.raises(queries.RequirementFailed), transaction(shop):
            queries.write(shop, query, again)


def test_the_reported_answer_overwrites_a_refusal(
    shop: apsw.Connection, parameters: Parameters
) -> None:
    params = parameters["respond_to_offer"]
    for name, status in (
        ("reported_refuse_offer", "refused"),
        ("reported_accept_offer", "accepted"),
    ):
        with transaction(shop):
            assert queries.write(shop, loaded(shop, name), params) == 1
        assert rows(shop, "SELECT status FROM sell_submissions WHERE id = 1") == [(status,)]


def test_the_reported_checkout_sells_the_last_piece_twice(
    shop: apsw.Connection, parameters: Parameters
) -> None:
    for number in ("ORD-10", "ORD-11"):
        with transaction(shop):
            params = {**parameters["checkout"], "order_number": number}
            assert queries.write(shop, loaded(shop, "reported_checkout"), params) == 2
    assert rows(shop, "SELECT count(*) FROM order_items WHERE product_id = 1") == [(2,)]
    assert rows(shop, "SELECT quantity_available FROM products WHERE id = 1") == [(1,)]


def test_a_log_row_is_written(shop: apsw.Connection, parameters: Parameters) -> None:
    with transaction(shop):
        assert queries.write(shop, loaded(shop, "write_log"), parameters["write_log"]) == 1
    assert answer(shop, "logs_recent", {})[0][1:4] == ("info", "web", "hello")


OPTIONAL = """
-- name: listed
-- kind: read
SELECT id FROM t WHERE a = 1
  AND b = :b  -- if: b
  AND c = :c -- if: c
ORDER BY
  price,  -- if: cheapest
  id;
"""


def test_optional_lines_stand_only_with_their_parameter() -> None:
    [query] = queries.parse(OPTIONAL)
    assert query.optional == {"b", "c", "cheapest"}
    bare = queries.shaped(query, frozenset())
    assert " ".join(bare.statements[0].sql.split()) == "SELECT id FROM t WHERE a = 1 ORDER BY id;"
    full = queries.shaped(query, frozenset({"b", "cheapest"})).statements[0].sql
    assert "b = :b" in full
    assert "c = :c" not in full
    assert "price," in full
    assert "-- if" not in full


REQUIRING = """
-- name: take
-- kind: write
-- require: lines
UPDATE products SET featured = 1 WHERE id IN (SELECT value FROM json_each(:lines));
"""


def test_as_many_rows_as_the_parameter_has_entries_must_change(shop: apsw.Connection) -> None:
    [query] = queries.parse(REQUIRING)
    assert queries.write(shop, query, {"lines": "[1, 2]"}) == 2
    with pytest.raises(queries.RequirementFailed, match="had to change 3"):
        queries.write(shop, query, {"lines": "[1, 2, 999]"})


def test_a_statement_can_need_a_column(shop: apsw.Connection) -> None:
    have = database.parts(shop)
    assert {"products", "products.image_id", "stock_moves.reason"} <= have
    assert "products.nothing" not in have
    [query] = queries.parse(
        "-- name: two\n-- kind: read\n-- needs: products.image_id\nSELECT image_id FROM products;"
    )
    assert query.statements[0].needs == "products.image_id"


def test_a_write_of_which_nothing_is_left_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    [query] = queries.parse(
        "-- name: move\n-- kind: write\n-- needs: stock_moves\nDELETE FROM stock_moves;"
    )
    monkeypatch.setattr(queries, "catalogue", lambda: {"move": query})
    assert queries.load("move", {"products"}).statements == ()
