"""One aggregate of the shop: what people sell to the shop."""

from __future__ import annotations
