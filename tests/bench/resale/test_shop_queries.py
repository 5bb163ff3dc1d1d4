from __future__ import annotations

import pytest

from bench.resale import queries
from reference_app import queries as application


def test_the_harness_and_the_application_read_the_same_queries() -> None:
    assert queries.catalogue().keys() == application.catalogue().keys()


@pytest.mark.parametrize("name", sorted(application.catalogue()))
def test_a_query_is_read_as_the_application_reads_it(name: str) -> None:
    ours, theirs = queries.catalogue()[name], application.catalogue()[name]
    assert ours.writes == (theirs.kind == "write")
    assert [(one.sql, one.needs, one.require) for one in ours.body] == [
        (one.sql, one.needs, one.require_rows) for one in theirs.statements
    ]
