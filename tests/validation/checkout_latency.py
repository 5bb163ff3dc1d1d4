"""How long a checkout takes while several buyers check out at once on one file.

    python -m tests.validation.checkout_latency --db shop.db --checkouts 2000 --buyers 8

A copy of the database is served with its default settings but for what one address may take,
so every order waits for the disk. Each buyer sends the next order when the last one is
answered; every order is for a product of its own. Prints quantiles; judges nothing. Exit
code 2: wrong use; 3: an order was refused, so that the figures are not those of checkouts.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.errors import BenchError
from bench.judge.stats import quantile
from bench.load.server_process import NotServed, served
from bench.resale.service import MODULE, NO_LIMITS
from reference_app.database import DatabaseError
from tests.validation.http_generator import Generator, LoadFailed, Measured, request
from tests.validation.seeded_shop import NotSeeded, product_ids
from tests.validation.served_copy import copied


@dataclass(frozen=True, slots=True)
class Latencies:
    """Quantiles of one load's answers, as the clients saw them."""

    answers: int
    per_second: float
    p50_ns: int
    p95_ns: int
    p99_ns: int
    max_ns: int
    statuses: dict[str, int]


def latencies_of(measured: Measured) -> Latencies:
    """The quantiles of what was measured."""
    values = measured.latencies_ns
    p50, p95, p99 = (round(quantile(values, share)) for share in (0.5, 0.95, 0.99))
    return Latencies(
        len(values), round(measured.per_second, 1), p50, p95, p99, max(values), measured.statuses
    )


def checkout(url: str, product_id: int) -> str:
    """The request of a guest who buys one product."""
    body = {
        "items": [{"product_id": product_id, "quantity": 1}],
        "fulfilment": "collection",
        "customer_name": "Benchmark",
        "customer_email": "buyer@service.example",
    }
    key = ("Idempotency-Key", f"latency-{product_id}")
    return request("POST", url, "/orders", body=body, headers=[key])


def measure(database: Path, checkouts: int, buyers: int, *, warm_up: int, seed: int) -> Latencies:
    """Serve this database and check out so often, after `warm_up` times; it is changed.

    Raises:
        NotSeeded: it has too few products on sale.
        NotServed: the server does not start.
        LoadFailed: the server closed a connection, or took too long.
    """
    products = product_ids(database, checkouts + warm_up, seed, on_sale=True)
    # All buyers share one address.
    shop = served(MODULE, str(database), environment=NO_LIMITS)
    with shop as server, Generator() as generator:
        requests = [checkout(server.url, product_id) for product_id in products]
        generator.send(server.url, requests[:warm_up], connections=buyers)
        return latencies_of(generator.send(server.url, requests[warm_up:], connections=buyers))


def to_text(found: Latencies, buyers: int) -> str:
    """The quantiles in milliseconds."""
    times = ", ".join(
        f"{name} {value_ns / 1e6:.2f} ms"
        for name, value_ns in (
            ("p50", found.p50_ns),
            ("p95", found.p95_ns),
            ("p99", found.p99_ns),
            ("max", found.max_ns),
        )
    )
    return (
        f"{found.answers:,} checkouts, {buyers} buyers, {found.per_second:,.0f} a second: {times}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Parse, measure, print; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.validation.checkout_latency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--db", required=True, type=Path, help="a database; it is left as it is")
    parser.add_argument("--checkouts", type=int, default=2000, help="how many (2000)")
    parser.add_argument("--warm-up", type=int, default=50, help="as many before that (50)")
    parser.add_argument("--buyers", type=int, default=8, help="how many at once (8)")
    parser.add_argument("--seed", type=int, default=1, help="of the drawn products (1)")
    parser.add_argument("--work", type=Path, help="where the copy is made (beside the database)")
    parser.add_argument("--json", action="store_true", help="print JSON, times in nanoseconds")
    given = parser.parse_args(arguments)
    if min(given.checkouts, given.warm_up, given.buyers) < 1:
        parser.error("--checkouts, --warm-up and --buyers are at least 1")
    try:
        with copied(given.db, given.work) as copy:
            found = measure(
                copy, given.checkouts, given.buyers, warm_up=given.warm_up, seed=given.seed
            )
    except (BenchError, DatabaseError, NotSeeded, NotServed, LoadFailed) as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(found)) if given.json else to_text(found, given.buyers))
    if set(found.statuses) != {"201"}:
        print(f"not every order was taken: {found.statuses}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
