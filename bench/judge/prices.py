"""D1's price list. Judging room: no file, no clock, no database may enter."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Prices:
    """D1's price list in dollars, and what a month includes (Workers Paid)."""

    dollars_per_million_rows_read: float = 0.001
    rows_read_included: int = 25_000_000_000
    dollars_per_million_rows_written: float = 1.0
    rows_written_included: int = 50_000_000
    dollars_per_gb_month: float = 0.75
    gb_included: float = 5.0
    source: str = "https://developers.cloudflare.com/d1/platform/pricing/"

    def read(self, rows: float) -> float:
        """What so many rows read in a month cost, in dollars."""
        return max(0.0, rows - self.rows_read_included) / 1e6 * self.dollars_per_million_rows_read

    def written(self, rows: float) -> float:
        """What so many rows written in a month cost, in dollars."""
        beyond = max(0.0, rows - self.rows_written_included)
        return beyond / 1e6 * self.dollars_per_million_rows_written

    def stored(self, gigabytes: float) -> float:
        """What so many GB (1e9 bytes) cost for a month, in dollars."""
        return max(0.0, gigabytes - self.gb_included) * self.dollars_per_gb_month


PRICES = Prices()
