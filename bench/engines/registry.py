"""The engines that there are, by the names that study.toml calls them."""

from __future__ import annotations

import importlib
from functools import lru_cache

from bench.engines.base import Engine
from bench.study.models import Study

_MODULES = {"sqlite": "bench.engines.sqlite.engine"}


@lru_cache
def engine_named(name: str) -> Engine:
    """Return the engine of that name."""
    engine: Engine = importlib.import_module(_MODULES[name]).ENGINE
    return engine


def engine_of(study: Study) -> Engine:
    """Return the engine that a study's database is of."""
    return engine_named(study.engine)
