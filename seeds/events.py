"""Rows of the analytics events, one block a day.

Sessions do not cross midnight, so blocks are independent and the log is in time order across them.
Orders and sell submissions have sessions of their own; all others are sampled.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from seeds import calendar, columns, past, sessions, stock
from seeds.calendar import DAY_S, YEAR_DAYS
from seeds.chances import FUNNEL
from seeds.past import Floats, Ints
from seeds.plan import EVENT_TYPES
from seeds.scale import Plan
from seeds.vocabulary import Vocabulary

SEARCH_SHARE = 0.12
"""Chosen: searches among all events; the remaining events are page views."""
LOGIN_SHARE = 0.6
"""Chosen: registered sessions that begin by logging in; the others are still logged in."""

VIEW_PAGE, VIEW, SEARCH, CART, CHECKOUT, PURCHASE, LOGIN, SELL = range(8)
_TYPES = columns.texts(EVENT_TYPES)
_PAGES = (
    *("/", "/", "/", "/products", "/sell", "/about", "/drops", "/account", "/orders", "/faq"),
    *(f"/products?category={name}" for name in past.CATEGORIES),
    *("/contact", "/size-guide"),
)
_ACTIONS = ("/cart", "/checkout", "/checkout/done", "/login", "/sell/new")


@dataclass(frozen=True)
class Dictionaries:
    """Texts and weights that all blocks share, built once for a plan."""

    data: pa.Array
    """Products' JSON, then searches', orders', submissions', and last the login's."""
    path: pa.Array
    """Products' pages, then searches', then plain pages, then actions."""
    ip_addresses: pa.Array
    user_agents: pa.Array
    searches: int
    cumulative_views: Floats
    """Cumulative weight over products; a day samples from the prefix that exists by then."""
    rows: Ints
    views: Ints
    abandoned_carts: Ints


@dataclass(frozen=True)
class Block:
    """One day: its rows, and their counts for the rollup and the catalogue."""

    rows: pa.RecordBatch
    daily: Ints
    """Shape (8, 4): per event type, events, distinct sessions, distinct users, revenue_cents."""
    viewed: Ints
    """0-based product of every product_view."""


def rows_per_day(plan: Plan) -> Ints:
    """Events of each of the 365 days; ids follow by cumulative sum."""
    return calendar.apportion(plan.counts["analytics_events"], calendar.day_weights())


def prepare(plan: Plan, words: Vocabulary) -> Dictionaries:
    """Build the dictionaries: about 200,000 texts at scale 1."""
    catalogue, trade, offers = past.catalogue(plan), stock.orders(plan), stock.submissions(plan)
    product = columns.digits(np.arange(1, len(catalogue.price_cents) + 1))
    products = columns.join(
        '{"product_id":', product, ',"price_cents":', columns.digits(catalogue.price_cents), "}"
    )
    result_counts = np.arange(len(words.searches)) * 7 % 90
    terms = columns.texts(words.searches)
    searches = columns.join('{"q":"', terms, '","results":', columns.digits(result_counts), "}")
    orders = columns.join(
        '{"order_number":"',
        columns.numbered("ORD", trade.created_s, past.ordinals(trade.created_s)),
        '","total_cents":',
        columns.digits(trade.subtotal_cents + trade.shipping_cents),
        "}",
    )
    batches = columns.numbered("BATCH", offers.created_s, past.ordinals(offers.created_s))
    submitted = columns.join('{"batch_id":"', batches, '"}')
    login = columns.texts(['{"method":"password"}'])
    slugs = columns.texts([term.replace(" ", "+") for term in words.searches])
    paths = (
        columns.join("/products/", product),
        columns.join("/search?q=", slugs),
        columns.texts(_PAGES + _ACTIONS),
    )
    weights, orders_made = calendar.day_weights(), plan.counts["orders"]
    views = calendar.apportion(
        round(orders_made / FUNNEL["purchase"] * FUNNEL["product_view"]), weights
    )
    carts = round(orders_made / FUNNEL["purchase"] * FUNNEL["add_to_cart"])
    return Dictionaries(
        data=pa.concat_arrays([products, searches, orders, submitted, login]),
        path=pa.concat_arrays(paths),
        ip_addresses=columns.texts(words.ip_addresses),
        user_agents=columns.texts(words.user_agents),
        searches=len(words.searches),
        cumulative_views=np.cumsum(catalogue.popularity * _freshness(catalogue, views)),
        rows=rows_per_day(plan),
        views=views,
        abandoned_carts=calendar.apportion(max(carts - len(trade.item_order), 0), weights),
    )


def _freshness(catalogue: past.Catalogue, views: Ints) -> Floats:
    """How much more a product is looked at because it is new.

    A product taken in late has fewer days to be viewed. Iterative proportional fitting
    (Deming and Stephan, 1940) over arrival day and viewing day finds the boost of each
    arrival day for which the year's totals follow popularity alone.
    """
    cohort = np.clip(catalogue.created_s // DAY_S + 1, 0, YEAR_DAYS - 1)
    mass = np.bincount(cohort, weights=catalogue.popularity, minlength=YEAR_DAYS)
    boost = np.ones(YEAR_DAYS)
    for _ in range(200):
        per_weight = views / np.cumsum(boost * mass)
        reached = boost * np.cumsum(per_weight[::-1])[::-1]
        boost *= views.sum() / mass.sum() / reached
    return boost[cohort]


def block(plan: Plan, known: Dictionaries, day: int) -> Block:
    """All events of one day (0 to 364), in time order, with their final ids."""
    rng = plan.rng("analytics_events", day)
    day_sessions = sessions.sample_day(plan, rng, day, int(known.rows[day]))
    kind, subject, product = _session_events(plan, known, rng, day, day_sessions)
    order = np.argsort(day_sessions.second, kind="stable")
    kind, subject, product = kind[order], subject[order], product[order]
    session, second = day_sessions.session[order], day_sessions.second[order]
    user = day_sessions.user[session]
    data, path = _texts_of(plan, known, kind, subject)
    ip = day_sessions.ip[session] % len(known.ip_addresses)
    agent = day_sessions.agent[session] % len(known.user_agents)
    first_id = int(known.rows[:day].sum()) + 1
    clock = calendar.texts_of(second + day * DAY_S)
    rows = columns.batch(
        {
            "id": columns.integers(np.arange(first_id, first_id + len(kind))),
            "event_type": columns.take(_TYPES, kind),
            "event_data": columns.take(known.data, data),
            "user_id": pa.array(user + 1, mask=user < 0),
            "session_id": columns.fixed_text(day_sessions.token[session]),
            "ip_address": columns.take(known.ip_addresses, ip),
            "user_agent": columns.take(known.user_agents, agent),
            "path": columns.take(known.path, path),
            "timestamp": columns.fixed_text(clock),
        }
    )
    return Block(rows, _daily(plan, kind, session, user, subject), product[kind == VIEW])


def _session_events(
    plan: Plan,
    known: Dictionaries,
    rng: np.random.Generator,
    day: int,
    day_sessions: sessions.DaySessions,
) -> tuple[Ints, Ints, Ints]:
    """(kind, subject, product) of every event in session order.

    ``subject`` is the product, search, order or submission of the event.
    """
    count = len(day_sessions.session)
    kind, product, subject = np.full(count, -1), np.full(count, -1), np.full(count, -1)
    _order_steps(plan, day_sessions, kind, product, subject)
    offers = day_sessions.first[day_sessions.submission_session + 1] - 1
    kind[offers], subject[offers] = SELL, day_sessions.submissions
    kind[offers - 1] = VIEW_PAGE
    starts = day_sessions.first[:-1]
    logs_in = (
        (day_sessions.user >= 0) & (rng.random(len(starts)) < LOGIN_SHARE) & (kind[starts] < 0)
    )
    kind[starts[logs_in]] = LOGIN
    left = _abandon_carts(rng, kind, day_sessions.session, int(known.abandoned_carts[day]))
    free = np.flatnonzero(kind < 0)
    views = int(np.clip(known.views[day] - np.count_nonzero(kind == VIEW), 0, len(free)))
    looked = min(round(SEARCH_SHARE * count), len(free) - views)
    shuffled = rng.permutation(free)
    kind[shuffled[:views]] = VIEW
    kind[shuffled[views : views + looked]] = SEARCH
    kind[shuffled[views + looked :]] = VIEW_PAGE
    existing = int(np.searchsorted(past.catalogue(plan).created_s, day * DAY_S))
    unknown = np.flatnonzero((kind == VIEW) & (product < 0))
    product[unknown] = past.weighted_prefix(
        rng, known.cumulative_views, np.full(len(unknown), existing)
    )
    product[left + 1] = product[left]
    onward = left[kind[left + 2] == CHECKOUT]
    product[onward + 2] = product[onward]
    searched = kind == SEARCH
    skew = rng.random(int(searched.sum())) ** 3
    subject[searched] = (skew * known.searches).astype(np.int64)
    paged = kind == VIEW_PAGE
    subject[paged] = rng.integers(0, len(_PAGES), int(paged.sum()))
    about_product = (kind == VIEW) | (kind == CART) | (kind == CHECKOUT)
    subject[about_product] = product[about_product]
    return kind, subject, product


def _order_steps(
    plan: Plan, day_sessions: sessions.DaySessions, kind: Ints, product: Ints, subject: Ints
) -> None:
    """Write the end of each order's session: view and cart per item, checkout, purchase."""
    trade = stock.orders(plan)
    end = day_sessions.first[day_sessions.order_session + 1] - 1
    kind[end], subject[end] = PURCHASE, day_sessions.orders
    kind[end - 1] = CHECKOUT
    first_item = trade.first_item[day_sessions.orders]
    items = trade.first_item[day_sessions.orders + 1] - first_item
    product[end - 1] = trade.item_product[first_item]
    for nth in range(int(items.max(initial=0))):
        has = items > nth
        at = end[has] - 2 - 2 * nth
        kind[at], kind[at - 1] = CART, VIEW
        product[at] = product[at - 1] = trade.item_product[first_item[has] + nth]


def _abandon_carts(rng: np.random.Generator, kind: Ints, session: Ints, wanted: int) -> Ints:
    """Mark abandoned carts; returns the rows of their product views.

    Triples of free rows in one session, four apart so that none overlap; every other one reaches
    the checkout.
    """
    at = np.arange(0, len(kind) - 2, 4)
    fits = (kind[at] < 0) & (kind[at + 1] < 0) & (kind[at + 2] < 0)
    at = at[fits & (session[at] == session[at + 2])]
    chosen = rng.permutation(at)[:wanted]
    kind[chosen], kind[chosen + 1] = VIEW, CART
    kind[chosen[::2] + 2] = CHECKOUT
    return chosen


def _texts_of(plan: Plan, known: Dictionaries, kind: Ints, subject: Ints) -> tuple[Ints, Ints]:
    """Indexes into the dictionaries of event_data (-1: none) and path."""
    products, orders = plan.counts["products"], plan.counts["orders"]
    after_search = products + known.searches
    last = len(known.data) - 1
    data_from = np.array([0, 0, products, 0, 0, after_search, last, after_search + orders])
    data = data_from[kind] + np.where(kind == LOGIN, 0, subject)
    data[kind == VIEW_PAGE] = -1
    actions = after_search + len(_PAGES)
    path_from = np.array([after_search, 0, products, actions, actions + 1, actions + 2,
                          actions + 3, actions + 4])  # fmt: skip
    return data, path_from[kind] + np.where(kind <= SEARCH, subject, 0)


def _daily(plan: Plan, kind: Ints, session: Ints, user: Ints, subject: Ints) -> Ints:
    """The expected rollup of this day: shape (8, 4), see ``Block.daily``."""
    kinds = len(EVENT_TYPES)
    seen = np.zeros((int(session.max()) + 1, kinds), dtype=bool)
    seen[session, kind] = True
    known = user >= 0
    user_seen: NDArray[np.bool_] = np.zeros((plan.counts["users"], kinds), dtype=bool)
    user_seen[user[known], kind[known]] = True
    trade = stock.orders(plan)
    bought = subject[kind == PURCHASE]
    daily = np.zeros((kinds, 4), dtype=np.int64)
    daily[:, 0] = np.bincount(kind, minlength=kinds)
    daily[:, 1] = seen.sum(axis=0)
    daily[:, 2] = user_seen.sum(axis=0)
    daily[PURCHASE, 3] = (trade.subtotal_cents + trade.shipping_cents)[bought].sum()
    return daily
