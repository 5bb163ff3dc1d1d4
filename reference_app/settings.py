"""What can be set from outside, by environment variables that begin with RESALE_.

This room holds values only: it opens nothing and knows no route.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


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
    shutdown_timeout_s: int = Field(
        default=10, ge=1, le=300, description="How long open requests may take to end on shutdown."
    )
