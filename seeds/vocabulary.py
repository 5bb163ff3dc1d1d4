"""Pools of texts, made once by Faker and sampled with numpy.

Calling Faker for every row makes a few thousand rows a second; a pool of a few hundred or thousand
distinct values is the same to an index and costs one ``take``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import astuple, dataclass
from functools import lru_cache

import orjson
from faker import Faker

BRANDS = ("Nike", "Jordan", "Adidas", "New Balance", "Supreme", "Stüssy", "Palace", "Carhartt WIP",
          "The North Face", "Stone Island", "Asics", "Salomon", "Puma", "Vans", "Converse", "Yeezy",
          "Off-White", "Corteiz", "Trapstar", "Essentials", "Gramicci", "Arc'teryx")  # fmt: skip
SHOES = ("Runner", "High", "Low", "Mid", "Trainer", "Slide", "Boot", "Court", "Trail", "Retro")
CLOTHES = ("Hoodie", "Tee", "Puffer", "Jacket", "Cargo Trousers", "Shorts", "Crewneck", "Cap",
           "Beanie", "Tracksuit")  # fmt: skip
NEW_CONDITIONS = ("new with tags", "new without tags")
WORN_CONDITIONS = ("like new", "very good", "good", "fair")


@dataclass(frozen=True)
class Vocabulary:
    """Pools of distinct texts; the same seed and the same Faker make the same pools."""

    first_names: tuple[str, ...]
    last_names: tuple[str, ...]
    phones: tuple[str, ...]
    streets: tuple[str, ...]
    cities: tuple[str, ...]
    counties: tuple[str, ...]
    postcodes: tuple[str, ...]
    colours: tuple[str, ...]
    models: tuple[str, ...]
    sentences: tuple[str, ...]
    searches: tuple[str, ...]
    ip_addresses: tuple[str, ...]
    user_agents: tuple[str, ...]

    @property
    def digest(self) -> str:
        """SHA-256 of all pools, for the manifest."""
        return hashlib.sha256(orjson.dumps(astuple(self))).hexdigest()


@lru_cache(maxsize=2)
def build(seed: int) -> Vocabulary:
    """Make every pool, Irish values first, then English ones.

    The en_GB locale has no words of its own (Faker falls back to Latin), so words and
    sentences come from en_US. Under a second, once a process.
    """
    irish, english, plain = Faker("en_IE"), Faker("en_GB"), Faker("en_US")
    irish.seed_instance(seed)
    english.seed_instance(seed + 1)
    plain.seed_instance(seed + 2)

    def both(name: str, count: int) -> tuple[str, ...]:
        return _pool(getattr(irish, name), count) + _pool(getattr(english, name), count)

    models = _pool(lambda: plain.word().capitalize() + f" {plain.random_int(1, 99)}", 400)
    colours = _pool(lambda: english.color_name(), 200)
    return Vocabulary(
        first_names=_distinct(both("first_name", 700)),
        last_names=_distinct(both("last_name", 900)),
        phones=_distinct(both("phone_number", 1500)),
        streets=_distinct(both("street_address", 1500)),
        cities=_distinct(both("city", 500)),
        counties=_pool(irish.county, 200),
        postcodes=_distinct(both("postcode", 1500)),
        colours=colours,
        models=models,
        sentences=_pool(lambda: plain.sentence(nb_words=7), 1200),
        searches=_distinct(
            tuple(
                f"{english.random_element(BRANDS)} {english.random_element(models)}".lower()
                for _ in range(1000)
            )
            + tuple(f"{c} {b}".lower() for c in colours for b in (*CLOTHES[:4], *SHOES[:2]))
        ),
        ip_addresses=_pool(lambda: english.ipv4_public(), 8_000),
        user_agents=_pool(lambda: short_agent(english.user_agent()), 1500),
    )


def short_agent(agent: str) -> str:
    """A browser's product token and its system, at most 35 characters.

    ``Mozilla/5.0 (X11; Linux x86_64) … Chrome/61.0.8`` becomes ``Chrome/61.0 (X11; Linux)``:
    whole user agents would be half of every row and tell nothing more.
    """
    tokens = re.findall(r"(Firefox|CriOS|FxiOS|Chrome|Opera|MSIE|Trident|Version)[/ ](\d+)", agent)
    name, version = tokens[0] if tokens else ("Mozilla", "5")
    name = {"Version": "Safari", "CriOS": "Chrome", "FxiOS": "Firefox"}.get(name, name)
    system = re.search(r"\(([^;)]+(?:; [A-Za-z]+(?: [A-Z0-9.]+)?)?)", agent)
    system_name = system.group(1) if system else "unknown"
    return f"{name}/{version}.0 ({system_name[: 35 - len(name) - len(version) - 6]})"


def _pool(make: Callable[[], str], calls: int) -> tuple[str, ...]:
    return _distinct(tuple(make() for _ in range(calls)))


def _distinct(values: tuple[str, ...]) -> tuple[str, ...]:
    """Values in order of first appearance, on one line each."""
    return tuple(dict.fromkeys(value.replace("\n", ", ") for value in values))
