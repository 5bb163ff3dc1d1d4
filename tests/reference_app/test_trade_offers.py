from __future__ import annotations

from typing import Any

import httpx

from reference_app.trade.offer_models import AcceptedOffer
from tests.reference_app.trading import Market


def bid(market: Market, who: str | None, amount: int, product_id: int = 1) -> httpx.Response:
    return market.ask(who, "POST", f"/products/{product_id}/offers", json={"amount_cents": amount})


def statuses(market: Market) -> list[Any]:
    return [row[0] for row in market.sql("SELECT status FROM customer_offers ORDER BY id")]


def told(market: Market) -> list[tuple[Any, ...]]:
    return market.sql("SELECT user_id, kind FROM notifications ORDER BY id")


def test_a_higher_offer_leads(market: Market) -> None:
    assert market.ask(None, "GET", "/products/1/offers/highest").json() == {
        "product_id": 1,
        "amount_cents": None,
    }
    assert bid(market, "ann", 9000).status_code == 201
    refused = bid(market, "bob", 9000)
    assert (refused.status_code, "9000 cents" in refused.json()["detail"]) == (409, True)
    higher = bid(market, "bob", 9100).json()
    assert (higher["user_id"], higher["status"], higher["product_name"]) == (2, "open", "Runner")
    assert statuses(market) == ["outbid", "open"]
    assert told(market) == [(1, "offer_outbid")]
    highest = market.ask(None, "GET", "/products/1/offers/highest").json()
    assert highest == {"product_id": 1, "amount_cents": 9100}
    assert bid(market, "bob", 9200).status_code == 201
    assert told(market) == [(1, "offer_outbid")]


def test_what_is_not_on_sale_takes_no_offers(market: Market) -> None:
    assert bid(market, "ann", 9000, product_id=4).status_code == 409
    assert bid(market, "ann", 9000, product_id=99).status_code == 404
    market.sql("UPDATE products SET status = 'removed' WHERE id = 3")
    assert bid(market, "ann", 9000, product_id=3).status_code == 404
    assert market.ask(None, "GET", "/products/3/offers/highest").status_code == 404
    assert bid(market, None, 9000).status_code == 401
    for amount in (0, -1, 10**9):
        assert bid(market, "ann", amount).status_code == 422


def test_an_offer_is_withdrawn_by_its_owner_while_it_is_open(market: Market) -> None:
    offer_id = bid(market, "ann", 9000).json()["id"]
    url = f"/offers/{offer_id}"
    assert market.ask("bob", "DELETE", url).status_code == 404
    assert market.ask("ann", "DELETE", url).status_code == 204
    assert market.ask("ann", "DELETE", url).status_code == 409
    assert bid(market, "bob", 100).status_code == 201


def test_accepting_sells_at_the_price_offered(market: Market) -> None:
    bid(market, "ann", 4000, product_id=2)
    market.sql(
        "INSERT INTO customer_offers (product_id, user_id, amount_cents) VALUES (2, 2, 3000)"
    )
    accepted = market.ask("staff", "POST", "/admin/offers/1/accept")
    assert accepted.status_code == 200
    AcceptedOffer.model_validate(accepted.json())
    order = accepted.json()["order"]
    assert (order["user_id"], order["total_cents"], order["fulfilment"]) == (1, 4000, "collection")
    assert [item["price_cents"] for item in order["items"]] == [4000]
    assert statuses(market) == ["accepted", "refused"]
    assert told(market) == [(1, "offer_accepted"), (2, "offer_refused")]
    assert market.product(2) == (1, "available")
    assert market.moves(2) == [(-1, "sale")]
    assert market.sql("SELECT action FROM admin_activity_log") == [("accept_offer",)]
    for answer in ("accept", "refuse"):
        assert market.ask("staff", "POST", f"/admin/offers/1/{answer}").status_code == 409
    assert market.ask("staff", "POST", "/admin/offers/99/accept").status_code == 404


def test_what_was_sold_meanwhile_is_not_sold_again(market: Market) -> None:
    bid(market, "ann", 9000)
    assert market.buy("bob", (1, 1)).status_code == 201
    before = market.state()
    refused = market.ask("staff", "POST", "/admin/offers/1/accept")
    assert (refused.status_code, "Nothing is left" in refused.json()["detail"]) == (409, True)
    assert market.state() == before


def test_a_removed_product_is_not_sold_to_its_bidder(market: Market) -> None:
    bid(market, "ann", 9000)
    market.sql("UPDATE products SET status = 'removed' WHERE id = 1")
    assert market.ask("staff", "POST", "/admin/offers/1/accept").status_code == 404
    assert market.product(1) == (1, "removed")


def test_a_bidder_gets_what_it_holds(market: Market) -> None:
    bid(market, "ann", 9000)
    market.ask("ann", "POST", "/reservations", json={"product_id": 1})
    assert market.ask("staff", "POST", "/admin/offers/1/accept").status_code == 200
    assert market.product(1) == (0, "sold")


def test_staff_refuse(market: Market) -> None:
    bid(market, "ann", 9000)
    refused = market.ask("staff", "POST", "/admin/offers/1/refuse")
    assert (refused.status_code, refused.json()["status"]) == (200, "refused")
    assert told(market) == [(1, "offer_refused")]
    assert market.product(1) == (1, "available")


def test_lists_come_in_pages(market: Market) -> None:
    for amount in (100, 200, 300):
        bid(market, "ann", amount)
    bid(market, "bob", 400, product_id=2)
    first = market.ask("ann", "GET", "/account/offers?limit=2").json()
    assert [offer["amount_cents"] for offer in first["items"]] == [300, 200]
    rest = market.ask("ann", "GET", f"/account/offers?limit=2&after={first['next']}").json()
    assert ([offer["amount_cents"] for offer in rest["items"]], rest["next"]) == ([100], None)

    def amounts(query: str) -> list[int]:
        found = market.ask("staff", "GET", f"/admin/offers{query}").json()["items"]
        return [offer["amount_cents"] for offer in found]

    assert amounts("") == [400, 300, 200, 100]
    assert amounts("?product_id=2") == [400]
    assert amounts("?status=outbid") == [200, 100]
    assert amounts("?product_id=1&status=open") == [300]


def withdraw(market: Market, who: str, offer_id: int) -> int:
    return market.ask(who, "DELETE", f"/offers/{offer_id}").status_code


def highest(market: Market) -> Any:
    return market.ask(None, "GET", "/products/1/offers/highest").json()["amount_cents"]


def test_whoever_was_outbid_leads_again_when_the_higher_offer_is_withdrawn(market: Market) -> None:
    for who, amount in (("ann", 100), ("ann", 200), ("bob", 300)):
        assert bid(market, who, amount).status_code == 201
    assert withdraw(market, "bob", 3) == 204
    assert statuses(market) == ["outbid", "open", "withdrawn"]
    assert highest(market) == 200
    assert told(market) == [(1, "offer_outbid"), (1, "offer_leads_again")]
    # Nobody comes back below an own offer that is withdrawn.
    assert withdraw(market, "ann", 2) == 204
    assert statuses(market) == ["outbid", "withdrawn", "withdrawn"]
    assert highest(market) is None


def test_an_offer_that_was_outbid_can_be_withdrawn_and_does_not_lead_again(market: Market) -> None:
    for who, amount in (("ann", 100), ("bob", 300)):
        assert bid(market, who, amount).status_code == 201
    assert withdraw(market, "ann", 1) == 204
    assert highest(market) == 300
    assert withdraw(market, "bob", 2) == 204
    assert statuses(market) == ["withdrawn", "withdrawn"]


def test_what_was_answered_ends_all_that_was_below(market: Market) -> None:
    for who, amount in (("ann", 200), ("bob", 300)):
        assert bid(market, who, amount).status_code == 201
    assert market.ask("staff", "POST", "/admin/offers/2/refuse").status_code == 200
    assert bid(market, "bob", 50).status_code == 201
    assert withdraw(market, "bob", 3) == 204
    assert statuses(market) == ["outbid", "refused", "withdrawn"]
