"""One aggregate of the shop: the ledger of every piece."""

from __future__ import annotations
