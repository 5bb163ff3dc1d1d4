"""One aggregate of the shop: what visitors did."""

from __future__ import annotations
