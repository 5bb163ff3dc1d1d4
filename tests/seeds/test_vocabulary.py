"""Pools of words."""

from __future__ import annotations

from dataclasses import astuple

import pytest

from seeds import vocabulary


def test_pools_are_distinct_bounded_and_repeatable() -> None:
    words = vocabulary.build(1)
    for pool in astuple(words):
        assert 20 <= len(pool) <= 8_000
        assert len(set(pool)) == len(pool)
        assert not any("\n" in word or '"' in word for word in pool)
    vocabulary.build.cache_clear()
    assert vocabulary.build(1).digest == words.digest
    assert vocabulary.build(2).digest != words.digest


@pytest.mark.parametrize(
    ("agent", "short"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64) Gecko/20 Firefox/61.0", "Firefox/61.0 (X11; Linux)"),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/1 Chrome/99.0.1 Safari/1",
         "Chrome/99.0 (Windows NT 10.0)"),
        ("curl", "Mozilla/5.0 (unknown)"),
    ],
)  # fmt: skip
def test_agents_become_short(agent: str, short: str) -> None:
    assert vocabulary.short_agent(agent) == short
    assert max(len(known) for known in vocabulary.build(1).user_agents) <= 35
