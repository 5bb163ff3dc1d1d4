"""Kills the server again and again under load, and looks for what it had acknowledged.

    python -m tests.validation.kill_9 --db shop.db --times 50

A copy of the database is served. Buyers check out and pages send events until SIGKILL
comes at a random moment; then the file is opened and everything that a client was told
is done must be in it. What was under way is sent again with its Idempotency-Key to the
next server. Exit code 0: nothing was lost; 1: something was; 2: wrong use.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench import progress
from bench.errors import BenchError
from bench.load.server_process import NotServed, ServerProcess, served
from bench.resale.service import MODULE, NO_LIMITS
from reference_app.database import DatabaseError
from tests.validation.durability_check import (
    EVENTS_A_BATCH,
    Acknowledged,
    Context,
    NotUsable,
    faults,
    prepare,
)
from tests.validation.served_copy import copied

_BUYERS, _TRACKERS = 6, 2
_MOST_ITEMS = 3
_FIRST_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Killed:
    """One round: when the server was killed, what it had acknowledged, what is wrong since."""

    after_s: float
    orders: int
    batches: int
    sent_again: int
    faults: tuple[str, ...]


@dataclass(slots=True)
class Load:
    """What the threads of one round share, and what they were told."""

    url: str
    told: Acknowledged
    unfinished: dict[str, dict[str, Any]] = field(default_factory=dict)
    strange: list[str] = field(default_factory=list)
    begun: threading.Event = field(default_factory=threading.Event)

    def buy(self, client: httpx.Client, key: str, order: dict[str, Any]) -> bool:
        """Check out once; whether the server still answers."""
        try:
            answer = client.post("/orders", json=order, headers={"Idempotency-Key": key})
        except httpx.HTTPError:
            self.unfinished[key] = order
            return False
        if answer.status_code == 201:
            self.told.orders[key] = (answer.json()["order_number"], len(order["items"]))
            self.unfinished.pop(key, None)
            self.begun.set()
        else:
            self.strange.append(f"POST /orders got {answer.status_code}: {answer.text[:200]}")
        return answer.status_code == 201

    def track(self, client: httpx.Client, session: str) -> bool:
        """Send one batch of events; whether the server still answers."""
        event = {"event_type": "page_view", "session_id": session, "path": "/"}
        try:
            answer = client.post("/analytics/track", json={"events": [event] * EVENTS_A_BATCH})
        except httpx.HTTPError:
            return False
        if answer.is_success:
            self.told.batches.append(session)
        else:
            self.strange.append(f"POST /analytics/track got {answer.status_code}")
        return answer.is_success


def order_of(key: str, products: tuple[int, ...], draw: random.Random) -> dict[str, Any]:
    """An order of a few products; its buyer's address tells its key."""
    chosen = draw.sample(products, draw.randint(1, _MOST_ITEMS))
    return {
        "items": [{"product_id": product_id, "quantity": 1} for product_id in chosen],
        "fulfilment": "collection",
        "customer_name": "Kill test",
        "customer_email": f"{key}@kill.example",
    }


def kill_rounds(
    database: Path,
    ground: Context,
    times: int,
    *,
    seed: int,
    window_s: float,
    report: Callable[[str, int, int], None],
) -> list[Killed]:
    """Serve, load, kill and look, so many times, on one database that grows.

    Raises:
        NotServed: the server does not start.
    """
    draw, told = random.Random(seed), Acknowledged()
    unfinished: dict[str, dict[str, Any]] = {}
    rounds = []
    for number in range(times):
        report("kill -9", number, times)
        # All buyers share one address.
        with served(MODULE, str(database), environment=NO_LIMITS) as server:
            load = Load(server.url, told, unfinished)
            killed = _one(number, server, load, ground, draw, window_s)
        wrong = [*load.strange, *faults(database, ground, told)]
        rounds.append(Killed(*killed, tuple(wrong)))
    report("kill -9", times, times)
    return rounds


def _one(
    number: int,
    server: ServerProcess,
    load: Load,
    ground: Context,
    draw: random.Random,
    window_s: float,
) -> tuple[float, int, int, int]:
    orders, batches, again = len(load.told.orders), len(load.told.batches), len(load.unfinished)
    with httpx.Client(base_url=server.url, timeout=10) as client:
        for key, order in list(load.unfinished.items()):
            load.buy(client, key, order)
    # The moment is counted from the first new answer.
    load.begun.clear()
    threads = [
        threading.Thread(target=_buy, args=(load, f"k{number}-{n}", ground.products, draw.random()))
        for n in range(_BUYERS)
    ]
    threads += [
        threading.Thread(target=_track, args=(load, f"s{number}-{n}")) for n in range(_TRACKERS)
    ]
    for thread in threads:
        thread.start()
    load.begun.wait(_FIRST_ANSWER_S)
    after_s = draw.uniform(0, window_s)
    time.sleep(after_s)
    server.kill()
    for thread in threads:
        thread.join()
    made, sent = len(load.told.orders) - orders, len(load.told.batches) - batches
    return round(after_s, 4), made, sent, again


def _buy(load: Load, prefix: str, products: tuple[int, ...], seed: float) -> None:
    draw = random.Random(seed)
    with httpx.Client(base_url=load.url, timeout=10) as client:
        for number in itertools.count():
            key = f"{prefix}-{number}"
            if not load.buy(client, key, order_of(key, products, draw)):
                return


def _track(load: Load, prefix: str) -> None:
    with httpx.Client(base_url=load.url, timeout=10) as client:
        for number in itertools.count():
            if not load.track(client, f"{prefix}-{number}"):
                return


def summary(rounds: list[Killed], ledger: bool) -> str:
    """What was done and what is wrong, in a few lines."""
    orders = sum(one.orders for one in rounds)
    batches = sum(one.batches for one in rounds)
    again = sum(one.sent_again for one in rounds)
    lines = [
        f"killed {len(rounds)} times; acknowledged {orders:,} orders and "
        f"{batches * EVENTS_A_BATCH:,} events; {again} orders were under way and sent again"
    ]
    if not ledger:
        lines.append("this database has no ledger, so stock was not compared with one")
    wrong = [(number, text) for number, one in enumerate(rounds, start=1) for text in one.faults]
    lines += [f"kill {number}: {text}" for number, text in wrong[:20]]
    lines.append(f"{len(wrong)} faults" if wrong else "nothing was lost and nothing is half done")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Parse, kill, print; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.validation.kill_9",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--db", required=True, type=Path, help="a database; it is left as it is")
    parser.add_argument("--times", type=int, default=50, help="how often (50)")
    parser.add_argument("--seed", type=int, default=1, help="of the random moments (1)")
    parser.add_argument(
        "--window", type=float, default=0.8, help="the longest load before a kill, seconds (0.8)"
    )
    parser.add_argument("--work", type=Path, help="where the copy is made (beside the database)")
    parser.add_argument("--json", action="store_true", help="print every round as JSON")
    given = parser.parse_args(arguments)
    if given.times < 1 or given.window < 0:
        parser.error("--times is at least 1, --window at least 0")
    try:
        with copied(given.db, given.work) as copy, progress.bars(hidden=given.json) as bar:
            ground = prepare(copy)
            rounds = kill_rounds(
                copy, ground, given.times, seed=given.seed, window_s=given.window, report=bar
            )
    except (BenchError, DatabaseError, NotUsable, NotServed) as error:
        print(error, file=sys.stderr)
        return 2
    if given.json:
        print(json.dumps([asdict(one) for one in rounds]))
    else:
        print(summary(rounds, ground.ledger))
    return int(any(one.faults for one in rounds))


if __name__ == "__main__":
    sys.exit(main())
