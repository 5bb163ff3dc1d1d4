"""One aggregate of the shop: orders."""

from __future__ import annotations
