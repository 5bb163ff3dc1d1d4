"""The shop's HTTP service, as load is put on it: see `bench.study.service.Service`.

Locust's processes import it too, which must be quick: the application is imported where it is used.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np

from bench.resale import user_profiles
from bench.resale.http_requests import REFUSALS, Keys, sampled_request
from bench.study import Study
from bench.study.hooks import Dataset
from bench.study.service import (
    Finding,
    PendingMigration,
    RequestSampler,
    SampledRequest,
    WrittenRows,
)
from seeds.plan import Plan, staff

MODULE = "bench.resale.shop_process"

NO_LIMITS: Mapping[str, str] = MappingProxyType(
    {
        "RESALE_CONNECTIONS": "65536",
        "RESALE_CONNECTIONS_BY_ADDRESS": "65536",
        "RESALE_RESERVATIONS_BY_ADDRESS": "1000000",
        "RESALE_RESERVATIONS_BY_HOLDER": "1000000",
        "RESALE_EVENTS_BY_ADDRESS": "999999999/second",
        "RESALE_EVENTS_BY_SESSION": "999999999/second",
        "RESALE_EVENT_BYTES_BY_ADDRESS": "999999999/second",
        "RESALE_SUBMISSIONS_BY_ADDRESS": "999999/second",
        "RESALE_SUBMISSION_BYTES_BY_ADDRESS": "999999999/second",
        "RESALE_TRIES_BY_ADDRESS": "999999/second",
        "RESALE_TRIES_BY_ACCOUNT": "999999/second",
        "RESALE_LETTERS_BY_ADDRESS": "999999/second",
        "RESALE_LETTERS_BY_ACCOUNT": "999999/second",
    }
)
"""Settings of a shop whose visitors share one address: none is limited for what others take."""

_SHARED_ADDRESS = "Limits on tries of one address are lifted, since all visitors share one."
_BUSIEST_HOUR = """
SELECT coalesce(max(events), 0)
FROM (SELECT count(*) AS events FROM analytics_events GROUP BY substr(timestamp, 1, 13))
"""


def plan_of(dataset: Dataset) -> Plan:
    """Return the plan that a dataset was seeded by.

    Raises:
        ValueError: it was not seeded.
    """
    if dataset.scale is None or dataset.seed is None:
        raise ValueError("The dataset was not seeded, so that nothing knows its sessions.")
    return Plan(dataset.scale, dataset.seed)


def busiest_hour(database: Path) -> int:
    """Return how many events the busiest hour of the year has; some seconds at full size."""
    from bench.engines.sqlite.connection import connect

    connection = connect(database, query_only=True)
    try:
        [(events,)] = connection.execute(_BUSIEST_HOUR).fetchall()
        return int(str(events))
    finally:
        connection.close()


def needed_per_second(events_in_busiest_hour: int, batches: float, batch: int) -> float:
    """Requests per second of a shop's busiest hour.

    Pages tell their events in batches: of `rate` requests a second the share `batches` are
    such, with `batch` events each, so that rate * batches * batch events are written a second.
    In the busiest hour that is its events / 3600, which gives the rate.
    """
    return events_in_busiest_hour / 3600 / (batches * batch)


class ShopService:
    """The shop, served by `reference_app.server`."""

    module = MODULE
    ready_path = "/ready"
    counters_path = "/admin/statements"
    families: Collection[str] = user_profiles.FAMILIES
    # What was bought or answered once would only be refused the second time.
    exclusive: Mapping[str, str] = MappingProxyType(
        {"checkout": "product_id", "reserve": "product_id", "respond_to_offer": "batch_id"}
    )
    written: Mapping[str, WrittenRows] = MappingProxyType(
        {
            "checkout": WrittenRows("orders"),
            "reserve": WrittenRows("product_reservations"),
            "submit_sell_request": WrittenRows("sell_submissions"),
            "track_events": WrittenRows("analytics_events", user_profiles.EVENTS_IN_A_BATCH),
        }
    )
    write_probe = "track_events"
    refusals = REFUSALS
    full_status = 507
    load_limits: tuple[str, ...] = (_SHARED_ADDRESS,)
    capacity_limits: tuple[str, ...] = (
        "A small shop has few open offers and few goods: at a high rate the same ones are asked "
        "for again, and refused in order (409).",
        "A sale or a bot may ask for more than the busiest hour of the seeded year.",
    )
    migration_limits: tuple[str, ...] = (
        "The server is not restarted, so it goes on with the queries of the shop before the "
        "migration, and writes no ledger.",
        "The ledger that the migration makes is empty, so that the rule of its sums is not "
        "checked.",
        _SHARED_ADDRESS,
    )

    def environment(
        self, *, counters: bool, checkpoints: bool, busy_timeout_ms: int | None = None
    ) -> Mapping[str, str]:
        """Return the settings of a server under load."""
        patience = {} if busy_timeout_ms is None else {
            "RESALE_BUSY_TIMEOUT_MS": str(busy_timeout_ms)
        }  # fmt: skip
        return {
            **NO_LIMITS,
            "RESALE_LOG_LEVEL": "error",
            "RESALE_COUNTERS": str(counters).lower(),
            "RESALE_CHECKPOINTS": str(checkpoints).lower(),
            **patience,
        }

    def headers(self, dataset: Dataset) -> Mapping[str, str]:
        """Return the headers of a member of staff."""
        plan = plan_of(dataset)
        return Keys(plan, staff_id=staff(plan)[0]).of_staff()

    def side_files(self, database: Path) -> Sequence[Path]:
        """Return the outbox, which a server begins with empty."""
        return (database.with_name(f"{database.name}.outbox.db"),)

    def shares(
        self, *, families: Collection[str] = (), without: Collection[str] = ()
    ) -> Mapping[str, float]:
        """Return what visitors ask for in proportion."""
        return user_profiles.shares(families=families, without=without)

    def requests(self, dataset: Dataset) -> RequestSampler:
        """Return what draws requests; staff take turns."""
        plan = plan_of(dataset)
        keys = [Keys(plan, staff_id=account) for account in staff(plan)]

        def sample_request(operation: str, nth: int, rng: np.random.Generator) -> SampledRequest:
            return sampled_request(
                operation, lambda name: dataset.sample_parameters(name, rng), keys[nth % len(keys)]
            )

        return sample_request

    def needed_rate(self, database: Path, shares: Mapping[str, float]) -> float:
        """Return the rate at which pages tell as many events as the busiest hour has."""
        return needed_per_second(
            busiest_hour(database), shares["track_events"], user_profiles.EVENTS_IN_A_BATCH
        )

    def audit(self, database: Path, *, whole: bool) -> tuple[Finding, ...]:
        """Check the shop's rules after load."""
        from bench.resale import invariants

        return invariants.served(database, whole=whole)

    def audit_migrated(self, database: Path, study: Study) -> tuple[Finding, ...]:
        """Check the shop's rules and the report's facts after an online migration."""
        from bench.resale import invariants

        return invariants.migrated(database, study)

    def pending(self, database: Path, names: Sequence[str]) -> tuple[PendingMigration, ...]:
        """Return the migrations that a shop has not had."""
        from bench.engines.sqlite.connection import connect
        from reference_app import migrate

        connection = connect(database, query_only=True)
        try:
            waiting = migrate.pending(connection, names)
        finally:
            connection.close()
        return tuple(
            PendingMigration(
                migration.name, migrate.statements(migration), migrate.recording(migration)
            )
            for migration in waiting
        )


SERVICE = ShopService()
