"""What all tests of load share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest

from bench.load import job
from bench.load.generator_overhead import generator_overhead


@pytest.fixture(autouse=True, scope="module")
def short_overhead() -> Iterator[None]:
    """The generator's own cost, which has a test of its own, takes a moment before each load."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(job, "generator_overhead", partial(generator_overhead, seconds=0.1))
        yield
