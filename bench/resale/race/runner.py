"""Runs the probes against one deployment, round by round, and adds up what they found."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import httpx

from bench.errors import BenchError
from bench.resale.race.client import TIMEOUT_S, Api, crowd, require_staff, staff_of
from bench.resale.race.document import BrokenRule, Probe, Race
from bench.resale.race.probes import PROBES, Round
from bench.resale.race.records import Unprobed, Violation

Progress = Callable[[str, int, int], None]

_GIVE_UP_AFTER = 3


@dataclass(frozen=True, slots=True)
class Options:
    """What to probe, and how hard; either a token, or e-mail and password of staff."""

    url: str
    token: str | None = None
    email: str | None = None
    password: str | None = None
    clients: int = 50
    rounds: int = 200
    probes: tuple[str, ...] = ()


async def probe(
    options: Options, progress: Progress, *, transport: httpx.AsyncBaseTransport | None = None
) -> Race:
    """Run the chosen probes, all by default, one after the other.

    `transport` takes the place of the network in tests.

    Raises:
        BenchError: the deployment cannot be reached, or not with these credentials.
    """
    url = _url(options.url)
    async with (
        _client(url, transport) as unknown,
        crowd(url, options.clients, transport) as clients,
    ):
        token = options.token
        if token is None:
            if options.email is None or options.password is None:
                raise BenchError(
                    "Name a member of staff with --admin-email, or give --admin-token."
                )
            token = await staff_of(unknown, email=options.email, password=options.password)
        async with _client(url, transport, token) as known:
            await require_staff(known)
            run, left = secrets.token_hex(4), list[str]()
            probes = []
            for name in options.probes or tuple(PROBES):
                scene = Round(Api(known), Api(unknown), clients, f"{run}-{name}", left=left)
                probes.append(await _rounds(name, scene, options.rounds, progress))
            return Race.of(options.url, probes, left)


def _url(text: str) -> str:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL:
        url = httpx.URL("")
    if url.scheme not in ("http", "https") or not url.host:
        raise BenchError(f"{text!r} is no URL; give one like http://127.0.0.1:8000.")
    return text


def _client(
    url: str, transport: httpx.AsyncBaseTransport | None, token: str | None = None
) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, headers=headers, transport=transport)


async def _rounds(name: str, scene: Round, rounds: int, progress: Progress) -> Probe:
    """All rounds of one probe; given up early where several in a row could not be probed."""
    begun = time.monotonic()
    violations: list[list[Violation]] = []
    reasons: list[str] = []
    in_a_row, ledger = 0, True
    for number in range(1, rounds + 1):
        progress(name, number - 1, rounds)
        this = replace(scene, tag=f"{scene.tag}-{number}", ledger=True)
        try:
            violations.append(await PROBES[name](this))
            in_a_row = 0
        except Unprobed as reason:
            reasons.append(f"round {number}: {reason}")
            in_a_row += 1
        ledger = ledger and this.ledger
        if in_a_row == _GIVE_UP_AFTER:
            break
    progress(name, rounds, rounds)
    return Probe(
        probe=name,
        rounds=len(violations),
        clients=len(scene.crowd),
        not_probed=rounds - len(violations),
        reason=reasons[0] if reasons else None,
        ledger=ledger,
        broken=broken_rules(violations),
        duration_s=round(time.monotonic() - begun, 3),
    )


def broken_rules(rounds: Sequence[Sequence[Violation]]) -> tuple[BrokenRule, ...]:
    """Each rule that broke, with the number of rounds in which it did and the first example."""
    first: dict[str, str] = {}
    counts: dict[str, int] = {}
    for violations in rounds:
        for violation in violations:
            first.setdefault(violation.rule, violation.example)
        for rule in {violation.rule for violation in violations}:
            counts[rule] = counts.get(rule, 0) + 1
    return tuple(
        BrokenRule(rule=rule, rounds=counts[rule], example=example)
        for rule, example in first.items()
    )
