from __future__ import annotations

import pytest

from bench.judge.sizes import largest_table, rows_text, short_size_text, size_of, size_text

ROWS = {"books": 1000, "loans": 20_000, "members": 200}
NOUNS = {"books": "titles", "members": "readers"}


def test_the_size_is_that_of_the_studys_tables_in_its_order() -> None:
    assert size_of(NOUNS, ROWS) == {"books": 1000, "members": 200}
    assert size_text(NOUNS, ROWS) == "1,000 titles and 200 readers"
    assert short_size_text(NOUNS, ROWS) == "1,000 titles"
    assert largest_table(NOUNS, ROWS) == "books"


def test_without_nouns_it_is_that_of_the_two_largest_by_name() -> None:
    assert size_of({}, ROWS) == {"loans": 20_000, "books": 1000}
    assert size_text({}, ROWS) == "20,000 loans and 1,000 books"
    assert largest_table({}, ROWS) == "loans"


def test_tables_without_a_noun_are_called_by_their_name() -> None:
    assert rows_text(NOUNS, {"members": 1, "loans": 5}) == "1 readers and 5 loans"


def test_no_table_has_no_size() -> None:
    assert size_text(NOUNS, {}) == ""
    with pytest.raises(ValueError, match="empty"):
        largest_table(NOUNS, {})
