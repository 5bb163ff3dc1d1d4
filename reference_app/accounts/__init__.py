"""One aggregate of the shop: people and how they come in."""

from __future__ import annotations
