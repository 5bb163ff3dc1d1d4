"""Each rule of the probes, with a fabricated violation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.report.terminal import section_text
from bench.resale.commands.race import EXIT_CODES
from bench.resale.race import checks
from bench.resale.race.document import BrokenRule, Probe, Race
from bench.resale.race.records import Reply, Stock, Unprobed, Violation
from bench.resale.race.runner import broken_rules
from bench.resale.race.section import race_section


def reply(client: int, status: int | None, wants: str = "bought", **body: object) -> Reply:
    # Answers come in the order of the clients.
    return Reply(client, wants, status, body, client * 1000)


def rules(found: list[Violation]) -> list[str]:
    return [violation.rule for violation in found]


ONE_WINS = [reply(1, 409), reply(2, 201), reply(3, 409)]


def test_one_winner_breaks_no_rule() -> None:
    assert checks.one_buyer(ONE_WINS, "product 7") == []
    assert checks.one_holder(ONE_WINS, "product 7") == []
    answers = [reply(1, 200, "accepted"), reply(2, 409, "refused")]
    assert checks.one_answer(answers, "batch B") == []


def test_two_buyers_of_one_piece_are_named() -> None:
    found = checks.one_buyer([reply(1, 409), reply(2, 201), reply(3, 201)], "product 7")
    assert found == [
        Violation(
            checks.SOLD_ONCE,
            "the last piece was sold twice: bought by client 2, then bought by client 3, product 7",
        )
    ]


def test_a_piece_that_nobody_got_is_told() -> None:
    found = checks.one_buyer([reply(1, 409), reply(2, 409)], "product 7")
    assert [violation.example for violation in found] == [
        "the last piece was sold by nobody of 2 clients, product 7"
    ]


def test_two_holders_of_one_piece_are_told() -> None:
    assert rules(checks.one_holder([reply(1, 201), reply(2, 201)], "")) == [checks.RESERVED_ONCE]


def test_an_offer_answered_both_ways_names_both_answers() -> None:
    found = checks.one_answer(
        [
            reply(17, 200, "refused"),
            reply(3, 200, "accepted"),
            reply(5, 200, "accepted"),
            reply(6, 409, "refused"),
        ],
        "batch BATCH-1",
    )
    assert [violation.example for violation in found] == [
        "an offer was answered 3 times: accepted by client 3, then refused by client 17, "
        "and by 1 more, batch BATCH-1"
    ]


def test_a_loser_must_be_told_409() -> None:
    found = checks.one_buyer([reply(1, 201), reply(2, 404, detail="gone")], "product 7")
    assert rules(found) == [checks.LOSERS_REFUSED]
    assert found[0].example == "client 2 got 404 instead of 409 (gone), product 7"


def test_the_stored_answer_is_the_winners() -> None:
    replies = [reply(1, 200, "accepted"), reply(2, 409, "refused")]
    assert checks.stored_answer(replies, "accepted", "") == []
    assert rules(checks.stored_answer(replies, "refused", "")) == [checks.WINNER_STORED]
    assert "remembers no answer" in checks.stored_answer(replies, None, "")[0].example


def test_one_key_makes_one_order() -> None:
    same = [reply(n, 201, order_number="ORD-1") for n in (1, 2, 3)]
    assert checks.one_order(same, "") == []
    found = checks.one_order([*same, reply(4, 201, order_number="ORD-2")], "key k")
    assert [violation.example for violation in found] == [
        "one key made 2 orders: ORD-1 for client 1, ORD-2 for client 4, key k"
    ]
    assert rules(checks.one_order([*same, reply(4, 409)], "")) == [checks.ONE_ORDER]


def test_an_order_that_nobody_was_told_of_is_a_losers() -> None:
    assert checks.orders_stand(["ORD-1"], ["ORD-1"], "") == []
    # The newest page need not hold it any more.
    assert checks.orders_stand(["ORD-1"], [], "") == []
    assert rules(checks.orders_stand(["ORD-1"], ["ORD-1", "ORD-2"], "")) == [checks.NOTHING_LEFT]


@pytest.mark.parametrize(
    ("order", "told"),
    [({"items": []}, "no items"), ({}, "no items"), ({"items": [{"product_id": 8}]}, "[8]")],
)
def test_an_order_without_its_items_is_told(order: dict[str, object], told: str) -> None:
    found = checks.has_items("ORD-1", order, 7)
    assert rules(found) == [checks.HAS_ITEMS]
    assert told in found[0].example


def test_an_order_with_its_items_is_whole() -> None:
    assert checks.has_items("ORD-1", {"items": [{"product_id": 7}]}, 7) == []


def test_stock_that_adds_up() -> None:
    assert checks.stock_adds_up(Stock(7, 0, (1, -1), 1), 0) == []
    assert checks.stock_adds_up(Stock(7, 0, None, 0), 0) == []


def test_negative_stock_is_told() -> None:
    assert rules(checks.stock_adds_up(Stock(7, -1, (1, -1, -1), 2), -1)) == [checks.NOT_NEGATIVE]


def test_stock_that_was_not_counted_down_is_told() -> None:
    assert rules(checks.stock_adds_up(Stock(7, 1, (1,), 0), 0)) == [checks.COUNTED]


def test_a_ledger_that_tells_otherwise_is_told() -> None:
    assert rules(checks.stock_adds_up(Stock(7, 0, (1,), 0), 0)) == [checks.LEDGER]
    assert rules(checks.sold_in_ledger(Stock(7, 0, (1, -1), 1), 2)) == [checks.LEDGER]
    assert checks.sold_in_ledger(Stock(7, 0, None, 0), 2) == []


@pytest.mark.parametrize("status", [None, 429, 500, 503])
def test_an_answer_that_tells_nothing_stops_the_round(status: int | None) -> None:
    with pytest.raises(Unprobed, match="client 2 got"):
        checks.require_answers([reply(1, 201), reply(2, status)], 201)
    checks.require_answers(ONE_WINS, 201)


def test_a_shop_that_understands_nobody_is_not_probed() -> None:
    misunderstood = reply(1, 422, detail="Mend it", faults=[{"where": "body", "detail": "new"}])
    told = r"nobody won or was told 409: client 1 got 422: Mend it \(body: new\)"
    with pytest.raises(Unprobed, match=told):
        checks.require_answers([misunderstood, reply(2, 422)], 201)
    # As long as one was told 409 the requests are understood: nobody won, and that is a fault.
    checks.require_answers([reply(1, 409), reply(2, 422)], 201)


@given(st.lists(st.sampled_from([201, 409]), min_size=1, max_size=60))
def test_whatever_wins_only_one_winner_is_right(statuses: list[int]) -> None:
    replies = [reply(number, status) for number, status in enumerate(statuses, start=1)]
    assert (checks.one_buyer(replies, "") == []) == (statuses.count(201) == 1)


def test_rules_are_counted_by_round_with_their_first_example() -> None:
    found = broken_rules(
        [
            [],
            [Violation("a", "first"), Violation("a", "again")],
            [Violation("b", "b"), Violation("a", "later")],
        ]
    )
    assert found == (
        BrokenRule(rule="a", rounds=2, example="first"),
        BrokenRule(rule="b", rounds=1, example="b"),
    )


def probed(*, broken: tuple[BrokenRule, ...] = (), not_probed: int = 0) -> Probe:
    return Probe(
        probe="last-item", rounds=5, clients=50, not_probed=not_probed,
        reason="round 2: client 1 got 503: busy" if not_probed else None,
        ledger=False, broken=broken, duration_s=1.0,
    )  # fmt: skip


def printed(race: Race) -> str:
    return " ".join(section_text(race_section(race), width=100).split())


BROKEN = (BrokenRule(rule=checks.SOLD_ONCE, rounds=2, example="the last piece was sold twice"),)


@pytest.mark.parametrize(
    ("probes", "code", "told"),
    [
        ((probed(),), 0, "all rules hold"),
        ((probed(), probed(broken=BROKEN)), 1, "broken in 2 of 5 rounds"),
        # A rule that broke is certain, whatever could not be seen.
        ((probed(broken=BROKEN, not_probed=1),), 1, "a rule broke"),
        ((probed(not_probed=1),), 3, "1 not probed, round 2: client 1 got 503: busy"),
    ],
)
def test_the_exit_code_and_the_words(probes: tuple[Probe, ...], code: int, told: str) -> None:
    race = Race.of("http://shop", probes)
    assert EXIT_CODES[race.verdict] == code
    assert told in printed(race)
    assert "keeps no ledger" in printed(race)
    assert race.json_values()["probes"][0]["probe"] == "last-item"


def test_what_was_left_is_told() -> None:
    assert "left behind: product 7, and 1 more" in printed(Race.of("", (), ("product 7", "b")))
