"""The system under test: a resale shop as an HTTP application on one SQLite file."""

from __future__ import annotations
