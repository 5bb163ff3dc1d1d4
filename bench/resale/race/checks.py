"""The rules that no race may break, as pure functions: replies and stock in, violations out.

No HTTP, no clock. Each rule has one name, a sentence that a report can quote.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from bench.resale.race.records import Reply, Stock, Unprobed, Violation

SOLD_ONCE = "the last piece is sold to one buyer"
RESERVED_ONCE = "the last piece is reserved by one person"
ANSWERED_ONCE = "an offer is answered once"
WINNER_STORED = "the stored answer is the winner's"
ONE_ORDER = "one Idempotency-Key makes one order"
LOSERS_REFUSED = "whoever comes too late is told so with 409"
NOTHING_LEFT = "a refused buyer leaves no order behind"
HAS_ITEMS = "every order has its items"
NOT_NEGATIVE = "stock is never negative"
COUNTED = "stock is what was there less what went"
LEDGER = "the ledger's sum is the stock"

_CONFLICT = 409
_TOO_MANY = 429
_SERVER = 500


def require_answers(replies: Sequence[Reply], won: int) -> None:
    """Stop a round in which a client got no answer that tells anything.

    Raises:
        Unprobed: an answer is missing, or is 429 or 5xx; or nobody's request was understood.
    """
    for reply in replies:
        if reply.status is None:
            raise Unprobed(f"client {reply.client} got no answer: {reply.failure}")
        if reply.status == _TOO_MANY or reply.status >= _SERVER:
            raise Unprobed(_reply_text(reply))
    if not any(reply.status in (won, _CONFLICT) for reply in replies):
        raise Unprobed(f"nobody won or was told 409: {_reply_text(replies[0])}")


def _reply_text(reply: Reply) -> str:
    return f"client {reply.client} got {reply.status}: {detail_of(reply.body)}"


def detail_of(body: Mapping[str, Any]) -> str:
    """The sentence of a problem's body, and the first of its faults."""
    detail = str(body.get("detail") or body.get("title") or "no reason given")
    faults = body.get("faults") or []
    return f"{detail} ({faults[0]['where']}: {faults[0]['detail']})" if faults else detail


def winners(replies: Sequence[Reply], won: int) -> list[Reply]:
    """Who got the winning status, in the order in which the answers came."""
    return sorted(
        (reply for reply in replies if reply.status == won), key=lambda reply: reply.answered_ns
    )


def losers_are_refused(replies: Sequence[Reply], won: int, where: str) -> list[Violation]:
    """Everybody but the winners is told 409."""
    strange = [reply for reply in replies if reply.status not in (won, _CONFLICT)]
    return [
        Violation(
            LOSERS_REFUSED,
            f"client {reply.client} got {reply.status} instead of 409 "
            f"({detail_of(reply.body)}), {where}",
        )
        for reply in strange[:1]
    ]


def one_buyer(replies: Sequence[Reply], where: str) -> list[Violation]:
    """One 201, whatever the number of buyers."""
    return _single_winner(replies, SOLD_ONCE, "the last piece was sold", "bought", 201, where)


def one_holder(replies: Sequence[Reply], where: str) -> list[Violation]:
    """One 201, whatever the number of people who reserve."""
    return _single_winner(
        replies, RESERVED_ONCE, "the last piece was reserved", "reserved", 201, where
    )


def one_answer(replies: Sequence[Reply], where: str) -> list[Violation]:
    """One 200, whether it accepts or refuses."""
    return _single_winner(replies, ANSWERED_ONCE, "an offer was answered", None, 200, where)


def _single_winner(
    replies: Sequence[Reply], rule: str, what: str, deed: str | None, won: int, where: str
) -> list[Violation]:
    winning = winners(replies, won)
    violations = losers_are_refused(replies, won, where)
    if len(winning) == 1:
        return violations
    if not winning:
        return [
            Violation(rule, f"{what} by nobody of {len(replies)} clients, {where}"),
            *violations,
        ]
    first = winning[0]
    # A contradiction tells more than a repetition.
    second = next((reply for reply in winning[1:] if reply.wants != first.wants), winning[1])
    more = f", and by {len(winning) - 2} more" if len(winning) > 2 else ""
    by = f"{deed or first.wants} by client {first.client}"
    then = f"{deed or second.wants} by client {second.client}"
    text = f"{what} {_times(len(winning))}: {by}, then {then}{more}, {where}"
    return [Violation(rule, text), *violations]


def _times(count: int) -> str:
    return "twice" if count == 2 else f"{count} times"


def stored_answer(replies: Sequence[Reply], stored: str | None, where: str) -> list[Violation]:
    """What the shop remembers is what whoever got through was told."""
    wronged = [reply for reply in winners(replies, 200) if reply.wants != stored]
    return [
        Violation(
            WINNER_STORED,
            f"client {reply.client} was told 200 for {reply.wants}, "
            f"and the shop remembers {stored or 'no answer'}, {where}",
        )
        for reply in wronged[:1]
    ]


def one_order(replies: Sequence[Reply], where: str) -> list[Violation]:
    """Every sender of one key is told 201 and the same order number."""
    clients_by_order: dict[str, int] = {}
    for reply in replies:
        if reply.status != 201:
            return [
                Violation(
                    ONE_ORDER,
                    f"client {reply.client} got {reply.status} instead of the order of its key "
                    f"({detail_of(reply.body)}), {where}",
                )
            ]
        clients_by_order.setdefault(str(reply.body.get("order_number")), reply.client)
    if len(clients_by_order) == 1:
        return []
    (first, client), (second, other), *_ = clients_by_order.items()
    return [
        Violation(
            ONE_ORDER,
            f"one key made {len(clients_by_order)} orders: {first} for client {client}, "
            f"{second} for client {other}, {where}",
        )
    ]


def orders_stand(
    acknowledged: Sequence[str],
    listed_orders: Sequence[str],
    where: str,
    *,
    rule: str = NOTHING_LEFT,
) -> list[Violation]:
    """The orders that the shop lists for a round's buyers are those that it acknowledged."""
    surplus = sorted(set(listed_orders) - set(acknowledged))
    if not surplus:
        return []
    return [
        Violation(
            rule,
            f"{surplus[0]} stands though no client was told of it "
            f"({len(surplus)} such orders), {where}",
        )
    ]


def has_items(order_number: str, order: Mapping[str, Any], product_id: int) -> list[Violation]:
    """An acknowledged order holds the product that was bought, once."""
    items = [item.get("product_id") for item in order.get("items") or []]
    if items == [product_id]:
        return []
    held = f"the products {items}" if items else "no items"
    return [Violation(HAS_ITEMS, f"{order_number} holds {held} instead of product {product_id}")]


def stock_adds_up(stock: Stock, expected: int) -> list[Violation]:
    """Stock is not negative, is what is expected, and is the sum of its ledger."""
    violations = []
    which = f"product {stock.product_id}"
    if stock.quantity < 0:
        violations.append(Violation(NOT_NEGATIVE, f"{which} has a stock of {stock.quantity}"))
    if stock.quantity != expected:
        violations.append(
            Violation(COUNTED, f"{which} has a stock of {stock.quantity}, expected {expected}")
        )
    if stock.ledger is not None and sum(stock.ledger) != stock.quantity:
        violations.append(
            Violation(
                LEDGER,
                f"{which} has a stock of {stock.quantity}, its ledger adds up to "
                f"{sum(stock.ledger)} in {len(stock.ledger)} moves",
            )
        )
    return violations


def sold_in_ledger(stock: Stock, sold: int) -> list[Violation]:
    """The ledger tells of as many sales as were acknowledged."""
    if stock.ledger is None or stock.sales == sold:
        return []
    return [
        Violation(
            LEDGER,
            f"product {stock.product_id} has {stock.sales} sales in its ledger, "
            f"{sold} were acknowledged",
        )
    ]
