"""Rows of products, images, reservations and customers' offers."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from seeds import accounts, columns, past, stock
from seeds.calendar import DAY_S, NOW_S
from seeds.columns import fixed_text, hex_bytes, integers, join, take, texts, times
from seeds.past import Ints
from seeds.scale import Plan
from seeds.vocabulary import BRANDS, CLOTHES, NEW_CONDITIONS, SHOES, WORN_CONDITIONS, Vocabulary

IMAGE_TYPES = ("product", "sell_item", "user", "other")
_HOST = "https://img.example.com/"
_OFFER_STATUSES = ("open", "outbid", "accepted", "refused", "withdrawn")
_SLEEVES = ((1600, 1600), (1200, 1600), (1080, 1350), (2048, 1536))


@lru_cache(maxsize=4)
def brands_and_variants(plan: Plan) -> tuple[Ints, Ints]:
    """(brand, variant) of each product: an index into BRANDS, and a number for the rest."""
    rng = plan.rng("products/looks")
    count = plan.counts["products"]
    weights = 1.0 / (np.arange(len(BRANDS)) + 2)
    brand = rng.choice(len(BRANDS), count, p=weights / weights.sum())
    return brand, rng.integers(0, 2**31, count)


def product_names(plan: Plan, words: Vocabulary, product: Ints) -> pa.Array:
    """'Brand Model Article' of each product, the same in every table."""
    brand, variant = (values[product] for values in brands_and_variants(plan))
    shoe = past.catalogue(plan).category[product] % 2
    article = variant // 7 % len(CLOTHES) + shoe * len(CLOTHES)
    return join(
        take(texts(BRANDS), brand),
        " ",
        take(texts(words.models), variant % len(words.models)),
        " ",
        take(texts(CLOTHES + SHOES), article),
    )


def conditions(category: Ints, variant: Ints) -> pa.Array:
    """Condition by category: new for BN, worn for PO."""
    worn = len(NEW_CONDITIONS) + variant % len(WORN_CONDITIONS)
    index = np.where(category < 2, variant % len(NEW_CONDITIONS), worn)
    return take(texts(NEW_CONDITIONS + WORN_CONDITIONS), index)


def image_ids(kind: str, entity: Ints, position: Ints) -> pa.Array:
    """External id of an entity's image: unique, known by arithmetic."""
    return join(f"{kind}-", columns.digits(entity + 1), "-", columns.digits(position))


def image_count(product: Ints) -> Ints:
    """Images of each product: one to three."""
    return 1 + product % 3


def products(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Products; image_url, image_id and additional_images repeat what ``images`` holds."""
    catalogue, shelf = past.catalogue(plan), stock.shelf(plan)
    brand, variant = brands_and_variants(plan)
    category, created = catalogue.category[rows], catalogue.created_s[rows]
    zero = np.zeros(len(rows), dtype=np.int64)
    main = image_ids("product", rows, zero)
    status = shelf.status[rows]
    touched = np.minimum(created + rng.integers(0, 40 * DAY_S, len(rows)), NOW_S)
    return {
        "sku": join("SKU-", pc.utf8_lpad(columns.digits(rows + 1), width=8, padding="0")),
        "name": product_names(plan, words, rows),
        "description": take(texts(words.sentences), variant[rows] % len(words.sentences)),
        "category": take(texts(past.CATEGORIES), category),
        "brand": take(texts(BRANDS), brand[rows]),
        "size": take(texts(past.SIZES), catalogue.size[rows]),
        "condition": conditions(category, variant[rows]),
        "colour": take(texts(words.colours), variant[rows] // 11 % len(words.colours)),
        "price_cents": pa.array(catalogue.price_cents[rows]),
        "status": take(texts(stock.PRODUCT_STATUSES), status),
        "quantity_available": pa.array(shelf.quantity[rows]),
        "featured": pa.array((variant[rows] % 50 == 0).astype(np.int64)),
        "views_count": pa.array(zero),
        "image_url": join(_HOST, main, ".webp"),
        "image_id": main,
        "additional_images": _additional_images(rows),
        "created_at": times(created),
        "updated_at": times(touched),
    }


def _additional_images(rows: Ints) -> pa.Array:
    """JSON list of a product's images after the first; null if it has but one."""
    parts = []
    for position in (1, 2):
        name = image_ids("product", rows, np.full(len(rows), position))
        parts.append(join('{"id":"', name, '","url":"', _HOST, name, '.webp"}'))
    count = image_count(rows)
    both = join("[", parts[0], ",", parts[1], "]")
    several = pc.if_else(pa.array(count == 3), both, join("[", parts[0], "]"))
    return columns.keep_if(count > 1, several)


@lru_cache(maxsize=4)
def _pictures(plan: Plan) -> tuple[Ints, Ints, Ints, Ints]:
    """(type, 0-based entity or -1, position, created_s) of each image, in time order."""
    catalogue, offers = past.catalogue(plan), stock.submissions(plan)
    every = np.arange(plan.counts["products"])
    product = np.repeat(every, image_count(every))
    position = np.arange(len(product)) - np.searchsorted(product, product)
    item = np.flatnonzero(np.arange(plan.counts["sell_items"]) % 5 < 2)
    user = np.arange(0, plan.counts["users"], 10)
    others = plan.counts["images"] - len(product) - len(item) - len(user)
    kind = np.repeat(np.arange(4), (len(product), len(item), len(user), others))
    entity = np.concatenate((product, item, user, np.full(others, -1)))
    positions = np.concatenate((position, np.zeros(len(entity) - len(product), dtype=np.int64)))
    created = np.concatenate(
        (
            catalogue.created_s[product] + position,
            offers.created_s[offers.item_submission[item]],
            past.accounts(plan).created_s[user],
            past.times_in_year(plan.rng("images"), others),
        )
    )
    order = np.argsort(created, kind="stable")
    return kind[order], entity[order], positions[order], created[order]


def images(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Images of products, of what sellers offer, of accounts, and the shop's own."""
    kind, entity, position, created = (values[rows] for values in _pictures(plan))
    type_name = take(texts(IMAGE_TYPES), kind)
    number = np.where(entity < 0, rows, entity) + 1
    external = join(type_name, "-", columns.digits(number), "-", columns.digits(position))
    shape = rng.integers(0, len(_SLEEVES), len(rows))
    sizes = np.asarray(_SLEEVES)[shape]
    return {
        "external_id": external,
        "entity_type": type_name,
        "entity_id": pa.array(entity + 1, mask=entity < 0),
        "url": join(_HOST, external, ".webp"),
        "width": integers(sizes[:, 0]),
        "height": integers(sizes[:, 1]),
        "bytes": pa.array(rng.integers(40_000, 900_000, len(rows))),
        "position": pa.array(position),
        "created_at": times(created),
    }


def product_reservations(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Holds of 24 hours."""
    held = stock.reservations(plan)
    user, created = held.user[rows], held.created_s[rows]
    return {
        "product_id": pa.array(held.product[rows] + 1),
        "user_id": pa.array(user + 1, mask=user < 0),
        "session_id": fixed_text(hex_bytes(rng, len(rows), 16)),
        "quantity": pa.array(np.ones(len(rows), dtype=np.int64)),
        "status": take(texts(stock.RESERVATION_STATUSES), held.status[rows]),
        "created_at": times(created),
        "expires_at": times(created + DAY_S),
    }


def customer_offers(
    plan: Plan, words: Vocabulary, rows: Ints, rng: np.random.Generator
) -> dict[str, pa.Array]:
    """Offers on products that were in the shop at that time."""
    created, user = (values[rows] for values in accounts.dated(plan, "customer_offers"))
    catalogue = past.catalogue(plan)
    existing = np.searchsorted(catalogue.created_s, created // DAY_S * DAY_S)
    product = past.weighted_prefix(rng, np.cumsum(catalogue.popularity), existing)
    share = rng.integers(60, 96, len(rows))
    status = rng.choice(5, len(rows), p=(0.1, 0.25, 0.25, 0.3, 0.1))
    return {
        "product_id": pa.array(product + 1),
        "user_id": pa.array(user + 1),
        "amount_cents": pa.array(catalogue.price_cents[product] * share // 100),
        "status": take(texts(_OFFER_STATUSES), status),
        "created_at": times(created),
    }
