"""One aggregate of the shop: the system's own log and state."""

from __future__ import annotations
