"""Settings of a server, from environment variables that begin with RESALE_."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from reference_app import addresses

# Events may be sent three days late, when those of their day must not be deleted yet.
_LEAST_RETENTION_DAYS = 7
_RATE = r"^[1-9][0-9]{0,8}/(second|minute|hour|day)$"


class Settings(BaseSettings):
    """The settings of one server."""

    model_config = SettingsConfigDict(env_prefix="RESALE_", frozen=True, extra="forbid")

    database: Path = Field(description="The database file to serve; it must exist.")
    readers: int = Field(
        default=4,
        ge=1,
        le=64,
        description="Reader threads, each with a connection of its own: more than a few cost "
        "more in switching than they win, fewer let one slow scan hold up cheap requests.",
    )
    busy_timeout_ms: int = Field(
        default=5000, ge=0, le=60_000, description="How long a write waits for another process."
    )
    body_limit_bytes: int = Field(
        default=262_144, ge=1024, description="The largest request body that is read."
    )
    json_members_limit: int = Field(
        default=2000,
        ge=10,
        description="The most members, of all its objects together, that a JSON body may have, "
        "counted by its colons: each may be a fault, and all of them are validated at once.",
    )
    faults_limit: int = Field(
        default=20, ge=1, le=1000, description="How many faults of a request are listed, at most."
    )
    faults_by_address: str = Field(
        default="10000/minute",
        pattern=_RATE,
        description="How many faults the requests of one address may have; beyond it their bodies "
        "are not read.",
    )
    head_limit_bytes: int = Field(
        default=16_384,
        ge=256,
        le=262_144,
        description="The longest head of a request, address and headers; what frames a chunked "
        "body, trailers too, is held to the same.",
    )
    headers_limit: int = Field(default=100, ge=8, description="The most headers of a request.")
    pipelined_requests: int = Field(
        default=32, ge=1, description="How many requests may wait behind one that is answered."
    )
    head_timeout_s: float = Field(
        default=10.0, gt=0, description="How long the head of a request may take to come."
    )
    body_timeout_s: float = Field(
        default=30.0, gt=0, description="How long the body of a request may take to come."
    )
    write_timeout_s: float = Field(
        default=30.0, gt=0, description="How long a client may leave an answer unread."
    )
    keep_alive_s: int = Field(
        default=5, ge=1, description="How long a connection is kept between two requests."
    )
    connections: int = Field(
        default=2048,
        ge=1,
        description="The most connections open at once; fewer where the process may not open "
        "as many files (the server raises its soft limit to the hard one).",
    )
    connections_by_address: int = Field(
        default=256,
        ge=1,
        description="The most connections of one address, or of one /64 of IPv6; raise it for a "
        "load test. Trusted proxies are not counted.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses and networks of reverse proxies, separated by commas, whose "
        "X-Forwarded-For and X-Forwarded-Proto are believed; from others they are ignored.",
    )
    shutdown_timeout_s: int = Field(
        default=10, ge=1, le=300, description="How long open requests may take to end on shutdown."
    )
    read_deadline_s: float = Field(
        default=30.0,
        gt=0,
        le=300,
        description="How long a read may take, of which it may wait for half; D1 allows "
        "30 s a query.",
    )
    inline_ms: float = Field(
        default=10.0,
        ge=0,
        le=100,
        description="How long a read may hold the event loop, waiting for the disk, before a "
        "thread takes over (one that does much is handed over sooner); 0 sends every read to a "
        "thread.",
    )
    synchronous: Literal["full", "normal"] = Field(
        default="full",
        description="`full` waits for the disk before a write is acknowledged, so that a power "
        "cut loses none; `normal` only keeps the file whole.",
    )
    checkpoints: bool = Field(
        default=True,
        description="Whether the write-ahead log is folded into the database now and then, and "
        "at the end. Without it all writes stay in the log, which grows: for a load "
        "test, which then has the database as it was by deleting the log.",
    )
    counters: bool = Field(
        default=False,
        description="Whether what SQLite does for each endpoint is counted, for "
        "GET /admin/statements; costs a few microseconds a statement.",
    )
    jobs: bool = Field(
        default=True,
        description="Whether the server runs the shop's jobs: expiry of reservations, the daily "
        "rollup, and the like.",
    )
    sell_answers: Literal["guarded", "reported"] = Field(
        default="guarded",
        description="`reported` answers offers with the report's own UPDATE, which has no guard, "
        "to show what `resale-bench race` finds.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is logged; `info` logs each request."
    )
    tries_by_address: str = Field(
        default="60/minute",
        pattern=_RATE,
        description="How often one network address may try to log in, to register, to reset a "
        "password and the like, each. Counted in this process, forgotten at a restart; raise it "
        "for a load test, whose visitors share an address.",
    )
    tries_by_account: str = Field(
        default="10/minute",
        pattern=_RATE,
        description="As above, for log-ins and other guesses at the password of one account from "
        "one address, so that a stranger locks nobody out.",
    )
    letters_by_address: str = Field(
        default="10/hour",
        pattern=_RATE,
        description="How many letters to one account, of registrations and of resets each, may be "
        "asked for from one network address; counted as tries are.",
    )
    letters_by_account: str = Field(
        default="60/hour",
        pattern=_RATE,
        description="As above, from all addresses together, so that nobody's mailbox is flooded. "
        "Whoever has several networks can use them up: the owner then waits, or uses one of the "
        "letters that came, each of which is good for its hour.",
    )
    reservations_by_address: int = Field(
        default=50,
        ge=1,
        description="How many pieces may be held at once from one network address, in "
        "reservations and in guests' orders that are not paid; counted as tries are. Raise this "
        "and the one below for a load test.",
    )
    reservations_by_holder: int = Field(
        default=10, ge=1, description="As above, by one account or one guest's session."
    )
    events_by_address: str = Field(
        default="6000/minute",
        pattern=_RATE,
        description="How many events one network address may send; raise this and the two below "
        "for a load test.",
    )
    events_by_session: str = Field(
        default="1200/minute", pattern=_RATE, description="As above, events of one session."
    )
    event_bytes_by_address: str = Field(
        default="4000000/minute",
        pattern=_RATE,
        description="How many bytes of events one network address may send.",
    )
    submissions_by_address: str = Field(
        default="300/hour",
        pattern=_RATE,
        description="How many submissions of things to sell one network address may send; counted "
        "as tries are. Raise this and the one below for a load test.",
    )
    submission_bytes_by_address: str = Field(
        default="4000000/hour",
        pattern=_RATE,
        description="How many bytes of submissions one network address may send.",
    )
    retention_days: int = Field(
        default=0,
        ge=0,
        le=36_500,
        description="How many days of raw events are kept, counted back from the newest; older "
        "ones are deleted once their day is rolled up. 0 keeps all of them, as the study needs: "
        "it measures ten million. A shop sets 90; the least is 7.",
    )
    outbox: Path | None = Field(
        default=None,
        description="Where letters are kept instead of being sent; DATABASE.outbox.db by default.",
    )

    @field_validator("retention_days")
    @classmethod
    def _keeps_late_days(cls, days: int) -> int:
        if 0 < days < _LEAST_RETENTION_DAYS:
            raise ValueError(f"keep {_LEAST_RETENTION_DAYS} days at least, or 0 for all of them")
        return days

    def describe_limits(self) -> list[str]:
        """The limits on one client, as sentences."""
        return [
            f"{self.connections} connections, {self.connections_by_address} of one address",
            f"a head of {self.head_limit_bytes:,} bytes and {self.headers_limit} headers "
            f"within {self.head_timeout_s:g} s",
            f"a body of {self.body_limit_bytes:,} bytes and {self.json_members_limit:,} members "
            f"within {self.body_timeout_s:g} s; {self.faults_by_address} faults of one address",
            f"an answer unread for {self.write_timeout_s:g} s, an idle connection for "
            f"{self.keep_alive_s} s",
            f"of one address {self.reservations_by_address} pieces held (reserved, or in "
            "guests' unpaid orders), "
            f"{self.events_by_address} events of {self.event_bytes_by_address} bytes, "
            f"{self.submissions_by_address} submissions of "
            f"{self.submission_bytes_by_address} bytes; of one "
            f"account or session {self.reservations_by_holder} pieces, of one session "
            f"{self.events_by_session} events",
            f"log-ins, registrations and resets: {self.tries_by_address} from one address; of "
            f"those log-ins to one account {self.tries_by_account}; letters to one account "
            f"{self.letters_by_address}, {self.letters_by_account} from all addresses",
        ]

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: str) -> str:
        addresses.networks(proxies)
        return proxies

    def trusts(self, address: str | None) -> bool:
        """Whether an address is that of a trusted proxy."""
        if not self.trusted_proxies or address is None:
            return False
        try:
            parsed = addresses.parsed(address)
        except ValueError:
            return False
        return any(parsed in network for network in self.trusted_networks)

    @cached_property
    def trusted_networks(self) -> tuple[addresses.Network, ...]:
        """The networks of the trusted proxies; IPv4 ones as such, however they were written."""
        return addresses.networks(self.trusted_proxies)

    @property
    def outbox_path(self) -> Path:
        """The file of the letters and the shop's time."""
        return self.outbox or outbox_path(self.database)


def outbox_path(database: Path) -> Path:
    """The outbox of a database: RESALE_OUTBOX, or a file next to it."""
    named = os.environ.get("RESALE_OUTBOX")
    return Path(named) if named else database.with_name(f"{database.name}.outbox.db")
