"""The system under test: the resale shop as an HTTP application over one SQLite file.

This room imports neither `bench` nor `seeds`: what measures it stays outside.
"""

from __future__ import annotations
