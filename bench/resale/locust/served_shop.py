"""Which shop is served at an address, and how it is to be visited.

A load writes: it is offered to nobody but a shop that calls itself one, by GET /about. What it
says of its database decides what visitors ask for; options may say otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from bench.load.locust.options import WrongUse
from bench.resale.user_profiles import families_of
from seeds import calendar
from seeds.past import SESSION_DAYS
from seeds.plan import DEFAULT_SEED, BadScale, BadSeed, Plan

ABOUT, SHOP = "/about", "resale-bench"
HOST = "http://127.0.0.1:8000"
"""Where the shop is served unless --host says otherwise."""
KEY = "shop_visited"
"""The option under which a `Visited` travels from whoever leads a run to its workers."""
AFTER_ONLY = "after-only"
"""The family of requests for which only a migrated database has tables."""


class NotThisShop(WrongUse):
    """The address cannot be visited; the text is a sentence that says what to do next."""


@dataclass(frozen=True, slots=True)
class Served:
    """What a shop says of itself; `scale` and `seed` are None where no manifest is there."""

    address: str
    arm: str | None = None
    now: str | None = None
    scale: float | None = None
    seed: int | None = None
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Visited:
    """What visitors draw from, and the families that they leave out."""

    scale: float
    seed: int
    without: tuple[str, ...] = ()

    @property
    def plan(self) -> Plan:
        """The plan of the shop's data."""
        return Plan(self.scale, self.seed)


def checked(address: str) -> str:
    """An address as requests are made to it.

    Raises:
        NotThisShop: it names no protocol that visitors know.
    """
    if not address.startswith(("http://", "https://")):
        raise NotThisShop(
            f"{address!r} is no address of a shop; give --host http://127.0.0.1:8000 or the like."
        )
    return address.rstrip("/")


def unanswered(address: str, why: object) -> NotThisShop:
    """What is said of an address where nobody answers."""
    return NotThisShop(
        f"Nothing answers at {address} ({why}); start the shop with `resale-bench serve --db "
        "shop.db`, or name its address with --host."
    )


def served_of(address: str, status: int, text: str) -> Served:
    """The shop that answered GET /about so.

    Raises:
        NotThisShop: whoever answered is none.
    """
    try:
        about = json.loads(text) if status == 200 else {}
        if isinstance(about, dict) and about.get("shop") == SHOP:
            seeded = about.get("seeded") or {}
            return Served(
                address,
                arm=about.get("arm"),
                now=about.get("now"),
                scale=float(seeded["scale"]) if seeded else None,
                seed=int(seeded["seed"]) if seeded else None,
                complete=bool(about.get("ledger", True) and about.get("rollup", True)),
            )
    except (ValueError, KeyError, TypeError, AttributeError):
        # Somebody else's page of that name.
        pass
    raise NotThisShop(
        f"{address} is not a shop that this version of resale-bench serves (GET {ABOUT} was "
        f"answered with status {status}), and visitors write; give --host the address that "
        "`resale-bench serve` prints."
    )


def visited_of(
    served: Served, *, scale: str = "", seed: str = "", tags: Collection[str] | None = None
) -> Visited:
    """How that shop is visited; `scale` and `seed` are options that go before what it says.

    Raises:
        NotThisShop: it does not say how it was seeded and the options do not either, they
            cannot be, or it has nothing of what `tags` names.
    """
    if not scale and served.scale is None:
        raise NotThisShop(
            f"The shop at {served.address} does not say how its database was seeded, for no "
            "manifest lies beside it; give --shop-scale and --shop-seed."
        )
    default = DEFAULT_SEED if served.seed is None else served.seed
    try:
        plan = Plan(float(scale or served.scale or 0), int(seed or default))
    except (BadScale, BadSeed) as error:
        raise NotThisShop(str(error)) from error
    except ValueError as error:
        raise NotThisShop(f"--shop-scale and --shop-seed take numbers: {error}.") from error
    without = () if served.complete else (AFTER_ONLY,)
    if tags and families_of(tags, None) and not families_of(tags, without):
        raise NotThisShop(
            f"The shop at {served.address} has no ledger and no rollup, which --tags "
            f"{AFTER_ONLY} asks for; migrate a copy of its database, or name other tags."
        )
    return Visited(plan.scale, plan.seed, without)


def warnings_of(served: Served, visited: Visited) -> list[str]:
    """Sentences about what makes visitors ask for things that the shop does not have."""
    pairs = (
        ("--shop-scale", visited.scale, served.scale),
        ("--shop-seed", visited.seed, served.seed),
    )
    warnings = [
        f"{option} says {given} and the shop {actual}: visitors will ask for what is not there."
        for option, given, actual in pairs
        if actual is not None and given != actual
    ]
    last = calendar.text_of(calendar.NOW_S + SESSION_DAYS * calendar.DAY_S)
    if served.now is not None and served.now > last:
        warnings.append(
            f"The clock of the shop stands at {served.now}, when the sessions of all seeded "
            "accounts have ended; seed its database anew."
        )
    return warnings


def to_option(visited: Visited) -> dict[str, Any]:
    """As an option holds it, and a message."""
    return asdict(visited)


def of_option(values: Mapping[str, Any]) -> Visited:
    """What `to_option` wrote, after a message has made lists of tuples."""
    return Visited(values["scale"], values["seed"], tuple(values["without"]))
