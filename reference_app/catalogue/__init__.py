"""One aggregate of the shop: what the shop has on sale, and its pictures."""

from __future__ import annotations
