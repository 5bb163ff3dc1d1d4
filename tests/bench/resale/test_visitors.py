"""What visitors ask: names of operations as HTTP requests, with the keys that they go with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import pytest

from bench.load.arrivals import InvalidSchedule, Step
from bench.load.locust import announcement
from bench.resale import session_plan, user_profiles
from bench.resale.commands.seed import seed
from bench.resale.http_requests import (
    BESIDES,
    CALLS,
    REFUSALS,
    Keys,
    name_of,
    sampled_request,
    who_am_i,
)
from bench.resale.locust import served_shop
from bench.resale.locust.served_shop import NotThisShop, Served, Visited
from bench.study import load_study
from bench.study.service import Request
from seeds.plan import (
    DEFAULT_SEED,
    DEMO_PASSWORD,
    Plan,
    email_of,
    sample_parameters,
    session_of,
    staff,
    token_of,
)

PLAN = Plan(scale=0.001)
OWN = {"order_history", "order_detail", "submit_sell_request", "checkout", "respond_to_offer"}
HTTP = {one.name: one.http for one in load_study().operations}


def asked(name: str, seed: int = 1, **instead: Any) -> tuple[Request, dict[str, Any]]:
    """One request, and the parameters that it was made of."""
    taken: dict[str, Any] = {}

    def drawn(operation: str) -> dict[str, Any]:
        taken.update(sample_parameters(PLAN, operation, np.random.default_rng(seed)), **instead)
        return taken

    return sampled_request(name, drawn, Keys(PLAN)).request, taken


def key_of(user_id: int) -> str:
    row = session_of(PLAN, user_id)
    assert row is not None
    return f"Bearer {token_of(PLAN.seed, row)}"


SOMEBODY = next(u for u in range(2, 50) if session_of(PLAN, u) is not None)
NOBODY = next(u for u in range(2, 50) if session_of(PLAN, u) is None)


def test_every_operation_with_a_route_is_called() -> None:
    assert set(CALLS) == {name for name, http in HTTP.items() if http != "internal"}
    assert not set(CALLS) & set(BESIDES)
    assert set(REFUSALS) < set(CALLS) | set(BESIDES)


@pytest.mark.parametrize("name", CALLS)
def test_the_paths_are_those_of_the_study(name: str) -> None:
    request, _ = asked(name)
    method, _, pattern = HTTP[name].partition(" ")
    assert request.method == method
    assert (request.body is None) == (method == "GET")
    path, _, query = request.path.partition("?")
    wanted, _, keys = pattern.partition("?")
    assert len(path.split("/")) == len(wanted.split("/"))
    fixed = [part for part in wanted.split("/") if "{" not in part]
    assert [part for part in path.split("/") if part in fixed] == fixed
    expected = dict(parse_qsl(keys, keep_blank_values=True))
    sent = dict(parse_qsl(query))
    assert sent.keys() == expected.keys()
    assert all(sent[key] == value for key, value in expected.items() if value)


@pytest.mark.parametrize("name", CALLS)
def test_a_request_goes_with_the_key_of_whoever_asks(name: str) -> None:
    for nth in range(8):
        request, params = asked(name, nth)
        key = request.headers.get("Authorization")
        if name in OWN:
            user_id = params["user_id"]
            assert key == (None if user_id is None else key_of(user_id))
        elif request.path.startswith(("/admin", "/sell")):
            assert key == key_of(staff(PLAN)[0])
        else:
            assert key is None


def test_parameters_are_quoted() -> None:
    request, _ = asked("products_by_size", size="UK 9&x=1")
    assert request.path == "/products?size=UK+9%26x%3D1"
    request, _ = asked("order_detail", order_number="../admin?")
    assert request.path == "/orders/..%2Fadmin%3F"


def test_a_checkout_carries_its_key_and_only_what_was_drawn() -> None:
    items = '[{"product_id":7,"quantity":1}]'
    request, params = asked("checkout", items=items, fulfilment="collection", shipping_address=None)
    assert request.headers["Idempotency-Key"] == params["idempotency_key"]
    assert request.body["items"] == [{"product_id": 7, "quantity": 1}]
    assert "shipping_address" not in request.body
    request, _ = asked("checkout", items=items, shipping_address="12 Main Street", user_id=None)
    assert request.body["shipping_address"] == "12 Main Street"
    assert set(request.headers) == {"Idempotency-Key"}


def test_a_guest_answers_by_address_and_an_account_by_its_key() -> None:
    request, params = asked("respond_to_offer", user_id=None)
    assert request.body["email"] == params["contact_email"]
    assert request.headers == {}
    request, _ = asked("respond_to_offer", user_id=SOMEBODY)
    assert request.body.keys() == {"answer", "message"}
    assert request.headers == {"Authorization": key_of(SOMEBODY)}


def test_a_guest_holds_a_thing_by_a_session_and_an_account_by_its_key() -> None:
    request, params = asked("reserve", user_id=None)
    assert request.body == {
        "product_id": params["product_id"],
        "session_id": params["idempotency_key"],
    }
    request, params = asked("reserve", user_id=SOMEBODY)
    assert request.body == {"product_id": params["product_id"]}
    assert request.headers == {"Authorization": key_of(SOMEBODY)}


def test_a_submission_says_what_was_drawn() -> None:
    request, params = asked("submit_sell_request")
    assert len(request.body.pop("items")) == 3
    assert request.body == {key: params[key] for key in request.body}


def test_somebody_logs_in_with_the_demo_password_and_asks_who_they_are() -> None:
    request, params = asked("log_in")
    assert request.body == {"email": email_of(params["user_id"]), "password": DEMO_PASSWORD}
    assert who_am_i("abc") == Request("GET", "/auth/me", headers={"Authorization": "Bearer abc"})


def test_tracked_events_are_sent_as_pages_send_them() -> None:
    request, params = asked("track_events")
    sent, drawn = request.body["events"], json.loads(params["events"])
    assert len(sent) == len(drawn) == 10
    for one, other in zip(sent, drawn, strict=True):
        assert one.keys() == {"event_type", "user_id", "session_id", "path", "event_data"}
        assert one["event_type"] == other["event_type"]
        assert one["event_data"] == json.loads(other["event_data"] or "null")


def test_the_demo_password_is_told_where_it_is_looked_for() -> None:
    assert DEMO_PASSWORD in (seed.help or "")
    assert DEMO_PASSWORD in Path(__file__).parents[3].joinpath("docs/the-data.md").read_text(
        "utf-8"
    )


def test_who_has_no_session_has_no_key() -> None:
    assert Keys(PLAN).of(None) == Keys(PLAN).of(NOBODY) == Keys(PLAN).of(10**9) == {}


@pytest.mark.parametrize(
    ("name", "status", "counted"),
    [
        ("checkout", 201, "checkout"),
        ("checkout", 409, "checkout: 409"),
        ("checkout", 429, None),
        ("log_in", 429, "log_in: 429"),
        ("product_detail", 409, None),
        ("product_detail", 404, None),
        ("product_detail", 503, None),
        ("product_detail", 0, None),
        ("who_am_i", 401, None),
    ],
)
def test_refusals_in_order_are_counted_by_themselves(
    name: str, status: int, counted: str | None
) -> None:
    assert name_of(name, status) == counted


def test_sessions_are_as_long_as_published() -> None:
    rng = np.random.default_rng(1)
    lengths = [session_plan.length(rng) for _ in range(20_000)]
    assert min(lengths) == 2
    assert max(lengths) == 500
    assert np.median(lengths) == 6
    # Of the lognormal's quartiles, before rounding: 6 * exp(1.45 * 0.6745).
    assert np.quantile(lengths, 0.75) == pytest.approx(15.95, rel=0.05)


def test_a_session_looks_around_before_it_buys_and_changes_no_share() -> None:
    rng = np.random.default_rng(1)
    names = ["checkout", "reserve", "products_newest"] + ["product_detail"] * 3
    asked: list[str] = []
    for _ in range(3_000):
        one = session_plan.itinerary(names, rng)
        asked += one
        if "products_newest" in one:
            assert one[0] == "products_newest"
        bought = [name for name in one if name in ("checkout", "reserve")]
        assert one[len(one) - len(bought) :] == sorted(bought, reverse=True)
    for name in set(names):
        share = names.count(name) / len(names)
        assert asked.count(name) / len(asked) == pytest.approx(share, rel=0.05)


def test_steps_are_read_and_told() -> None:
    steps = announcement.steps_of("50x10, 2.5x1")
    assert steps == (Step(50, 10), Step(2.5, 1))
    for text in ("50", "50x", "x10", "50x10,", "-1x5", "0x5", "1x0", "1e3x5"):
        with pytest.raises(InvalidSchedule, match="is no step"):
            announcement.steps_of(text)
    assert announcement.lead_s(steps) > announcement.lead_s(steps[1:]) >= announcement.LEAD_S


def test_an_announcement_survives_the_wire() -> None:
    told = announcement.Announcement("run", "log", ((50.0, 10.0),), "even", 1.5, ("a", "b"))
    sent = json.loads(json.dumps(announcement.to_option(told)))
    assert announcement.of_option(sent) == told
    assert announcement.of_option(None) is None


def test_tags_are_families() -> None:
    everything = user_profiles.families_of(None, None)
    assert everything == {one.family for one in load_study().operations if one.http != "internal"}
    assert user_profiles.families_of(["analytics", "x"], None) == {"analytics"}
    assert user_profiles.families_of([], ["analytics"]) == everything - {"analytics"}
    assert user_profiles.families_of(["analytics"], ["analytics"]) == set()


SHOP = {
    "shop": "resale-bench",
    "seeded": {"scale": 0.01, "seed": 7, "now": "2025-10-04 23:59:59"},
    "arm": "before",
    "ledger": False,
    "rollup": False,
    "now": "2025-10-05 00:00:00",
}


def shop_of(**instead: Any) -> Served:
    return served_shop.served_of("http://a", 200, json.dumps({**SHOP, **instead}))


def test_visitors_take_what_the_shop_says_unless_they_are_told_otherwise() -> None:
    assert served_shop.visited_of(shop_of()) == Visited(0.01, 7, ("after-only",))
    whole = shop_of(ledger=True, rollup=True)
    assert served_shop.visited_of(whole) == Visited(0.01, 7)
    told = served_shop.visited_of(whole, scale="0.1", seed="9")
    assert told.plan == Plan(0.1, 9)
    assert served_shop.of_option(json.loads(json.dumps(served_shop.to_option(told)))) == told
    assert served_shop.visited_of(shop_of(seeded=None), scale="1") == Visited(
        1, DEFAULT_SEED, ("after-only",)
    )


@pytest.mark.parametrize(
    ("instead", "options", "said"),
    [
        ({"seeded": None}, {}, "give --shop-scale and --shop-seed"),
        ({}, {"scale": "0"}, "A scale of 0 cannot be seeded"),
        ({}, {"seed": "-1"}, "A seed of -1 cannot be used"),
        ({}, {"scale": "much"}, "take numbers"),
        ({}, {"tags": ["after-only"]}, "has no ledger and no rollup"),
    ],
)
def test_what_cannot_be_visited_is_told(
    instead: dict[str, Any], options: dict[str, Any], said: str
) -> None:
    with pytest.raises(NotThisShop, match=said):
        served_shop.visited_of(shop_of(**instead), **options)


@pytest.mark.parametrize(
    ("status", "text"),
    [(404, "{}"), (200, "<html>"), (200, "[]"), (200, "{}"), (500, json.dumps(SHOP)),
     (200, '{"shop": "resale-bench", "seeded": {"scale": "x"}}'),
     (200, '{"shop": "resale-bench", "seeded": 7}')],
)  # fmt: skip
def test_nobody_else_is_taken_for_the_shop(status: int, text: str) -> None:
    with pytest.raises(NotThisShop, match="is not a shop that this version"):
        served_shop.served_of("http://a", status, text)


def test_what_visitors_will_not_find_is_told() -> None:
    shop = shop_of()
    assert served_shop.warnings_of(shop, served_shop.visited_of(shop)) == []
    other = served_shop.visited_of(shop, scale="1", seed="8")
    assert [line[:38] for line in served_shop.warnings_of(shop, other)] == [
        "--shop-scale says 1.0 and the shop 0.0", "--shop-seed says 8 and the shop 7: vis",
    ]  # fmt: skip
    late = shop_of(now="2025-11-04 00:00:00")
    [line] = served_shop.warnings_of(late, served_shop.visited_of(late))
    assert "the sessions of all seeded accounts have ended" in line
