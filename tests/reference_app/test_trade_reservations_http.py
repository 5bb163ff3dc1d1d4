from __future__ import annotations

from reference_app.trade.offer_models import Reservation
from tests.reference_app.trading import Market


def reserve(market: Market, who: str | None, product_id: int, session: str | None = None) -> int:
    body = {"product_id": product_id} | ({} if session is None else {"session_id": session})
    return market.ask(who, "POST", "/reservations", json=body).status_code


def test_a_piece_is_held_for_a_day(market: Market) -> None:
    made = market.ask("ann", "POST", "/reservations", json={"product_id": 1})
    assert made.status_code == 201
    assert made.json()["expires_at"] == "2025-10-06 10:00:00"
    assert market.product(1) == (0, "reserved")
    assert market.moves(1) == [(-1, "reservation")]
    assert market.buy("bob", (1, 1)).status_code == 409
    assert reserve(market, "bob", 1) == 409
    listed = market.ask("ann", "GET", "/reservations").json()
    assert listed == {"items": [made.json()], "next": None}
    Reservation.model_validate(made.json())
    assert market.ask("bob", "GET", "/reservations").json()["items"] == []


def test_one_person_holds_one_piece(market: Market) -> None:
    assert reserve(market, "ann", 2) == 201
    assert reserve(market, "ann", 2) == 409
    assert reserve(market, None, 2, "s1") == 201
    assert reserve(market, None, 2, "s2") == 409
    assert market.product(2) == (0, "reserved")
    assert reserve(market, "ann", 99) == 404


def test_a_guest_needs_a_session(market: Market) -> None:
    assert reserve(market, None, 1) == 401
    assert market.ask(None, "GET", "/reservations").status_code == 401
    assert market.ask(None, "DELETE", "/reservations/1").status_code == 401
    assert reserve(market, None, 1, "") == 422
    assert reserve(market, None, 1, "s1") == 201
    assert len(market.ask(None, "GET", "/reservations?session_id=s1").json()["items"]) == 1
    assert market.ask(None, "DELETE", "/reservations/1?session_id=s2").status_code == 404
    assert market.ask("ann", "DELETE", "/reservations/1?session_id=s1").status_code == 404
    assert market.ask(None, "DELETE", "/reservations/1?session_id=s1").status_code == 204
    assert market.ask(None, "DELETE", "/reservations/1?session_id=s1").status_code == 409
    assert market.product(1) == (1, "available")
    assert market.moves(1) == [(-1, "reservation"), (1, "reservation")]


def test_an_account_keeps_others_away(market: Market) -> None:
    reserve(market, "ann", 1)
    for who, url in (("bob", "/reservations/1"), (None, "/reservations/1?session_id=x")):
        assert market.ask(who, "DELETE", url).status_code == 404
    assert market.ask("ann", "DELETE", "/reservations/99").status_code == 404
    assert market.ask("ann", "DELETE", "/reservations/1").status_code == 204


def test_what_a_buyer_holds_is_what_it_buys(market: Market) -> None:
    reserve(market, "ann", 1)
    assert market.buy("ann", (1, 1)).status_code == 201
    assert market.product(1) == (0, "sold")
    assert market.moves(1) == [(-1, "reservation"), (1, "reservation"), (-1, "sale")]
    assert market.sql("SELECT status FROM product_reservations") == [("completed",)]


def test_a_guest_buys_what_its_session_holds(market: Market) -> None:
    reserve(market, None, 1, "s1")
    assert market.buy(None, (1, 1)).status_code == 409
    assert market.buy(None, (1, 1), session_id="s2").status_code == 409
    assert market.buy(None, (1, 1), session_id="s1").status_code == 201


def test_a_refused_checkout_leaves_what_is_held(market: Market) -> None:
    reserve(market, "ann", 1)
    before = market.state()
    assert market.buy("ann", (1, 1), (4, 1)).status_code == 409
    assert market.state() == before


def test_the_last_free_piece_sold_leaves_the_product_reserved(market: Market) -> None:
    reserve(market, "ann", 2)
    assert market.buy("bob", (2, 1)).status_code == 201
    assert market.product(2) == (0, "reserved")
    assert market.buy("ann", (2, 1)).status_code == 201
    assert market.product(2) == (0, "sold")


def test_a_day_later_it_is_on_sale_again(market: Market) -> None:
    reserve(market, "ann", 1)
    market.clock.turn(hours=23, minutes=59)
    market.run_jobs()
    assert market.product(1) == (0, "reserved")
    market.clock.turn(minutes=1)
    market.run_jobs()
    market.run_jobs()
    assert market.product(1) == (1, "available")
    assert market.moves(1) == [(-1, "reservation"), (1, "reservation_expired")]
    assert market.sql("SELECT user_id, kind FROM notifications") == [(1, "reservation_expired")]


def test_nobody_waits_for_a_late_job(market: Market) -> None:
    reserve(market, "ann", 1)
    reserve(market, "ann", 3)
    market.clock.turn(hours=24)
    assert market.ask("ann", "GET", "/reservations").status_code == 200
    assert market.ask("ann", "GET", "/reservations").json()["items"] == []
    assert market.ask("ann", "DELETE", "/reservations/1").status_code == 409
    assert market.buy("bob", (1, 1)).status_code == 201
    assert reserve(market, "ann", 3) == 201
    assert market.moves(1) == [(-1, "reservation"), (1, "reservation_expired"), (-1, "sale")]


def test_the_job_ends_more_than_one_transaction_takes(market: Market) -> None:
    market.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1203)"
        " INSERT INTO product_reservations (product_id, session_id, created_at, expires_at)"
        " SELECT 1 + i % 3, 's' || i, '2025-10-04 09:00:00', '2025-10-05 09:00:00' FROM n"
    )
    market.sql(
        "INSERT INTO stock_moves (product_id, quantity_change, reason)"
        " SELECT product_id, -1, 'reservation' FROM product_reservations"
    )
    for product_id in (1, 2, 3):
        market.sql(
            "INSERT INTO stock_moves (product_id, quantity_change, reason)"
            " VALUES (?, 401, 'intake')",
            product_id,
        )
    market.run_jobs()
    assert market.sql("SELECT DISTINCT status FROM product_reservations") == [("expired",)]
    assert [market.product(nth)[0] for nth in (1, 2, 3)] == [402, 403, 402]
