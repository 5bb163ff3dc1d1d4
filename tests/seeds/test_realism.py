"""The data against the published shapes: right data pass, each kind of wrong data fails."""

from __future__ import annotations

import shutil
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from reference_app.database import connect
from seeds import facts, realism
from seeds.facts import Facts
from seeds.load import SeedReport
from seeds.manifest import manifest_path


@pytest.fixture(scope="module")
def found(seeded: tuple[Path, SeedReport]) -> Facts:
    return facts.gather(seeded[0])


def _failed(found: Facts) -> set[str]:
    return {shape.name for shape in realism.shapes(found) if not shape.ok}


def test_seeded_data_have_every_shape(found: Facts) -> None:
    assert _failed(found) == set()


def test_uniform_popularity_fails(found: Facts) -> None:
    flat = replace(found, views_per_product=(33,) * 100_000)
    assert {
        "sigma of events per item (84th to 99th percentile)",
        "share of events on the top 1 % of items",
        "median of events per item",
    } <= _failed(flat)


def test_another_funnel_fails(found: Facts) -> None:
    types = found.types | {"purchase": found.types["purchase"] * 3}
    assert any("share of purchase" in name for name in _failed(replace(found, types=types)))


def test_equal_sessions_fail(found: Facts) -> None:
    wrong = replace(found, session_lengths=(16,) * 5000, registered_sessions=2500)
    assert {
        "median of events per session",
        "sigma of events per session (50th to 84th percentile)",
        "sessions that belong to an account",
    } <= _failed(wrong)


def test_a_flat_week_and_a_flat_day_fail(found: Facts) -> None:
    types = found.types | {"product_view": 3_300_000}
    wrong = replace(
        found, types=types, weekend_views_a_day=9000.0, weekday_views_a_day=9000.0,
        session_hours=(2000,) * 24,
    )  # fmt: skip
    assert {
        "views of a weekend day against a working day",
        "distance of the hours of sessions from the chosen curve",
    } <= _failed(wrong)


def test_one_broken_row_fails(found: Facts) -> None:
    for rule in found.broken:
        assert _failed(replace(found, broken={**found.broken, rule: 1})) == {rule}


def test_where_the_shop_wins_the_published_target_stays(found: Facts) -> None:
    shape = next(s for s in realism.shapes(found) if s.name == "median of events per item")
    assert shape.target == 20
    assert shape.shop_target is not None
    assert "60,000 orders" in shape.note


def test_the_table_names_target_and_actual(
    seeded: tuple[Path, SeedReport], capsys: pytest.CaptureFixture[str]
) -> None:
    assert realism.main([str(seeded[0])]) == 0
    output = capsys.readouterr().out
    assert "target" in output
    assert "REES46" in output


def test_a_shop_that_was_served_is_told_what_is_judged(
    seeded: tuple[Path, SeedReport], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    served = tmp_path / "served.db"
    for path in (seeded[0], manifest_path(seeded[0])):
        shutil.copy(path, served.with_name(served.name + path.name.removeprefix("shop.db")))
    with closing(connect(served)) as connection:
        connection.execute("UPDATE products SET views_count = views_count + 1 WHERE id = 1")
        connection.execute(
            """INSERT INTO products (sku, name, category, size, brand, condition, price_cents)
            SELECT 'SERVED-1', name, category, size, brand, condition, price_cents
            FROM products WHERE id = 1"""
        )
    assert realism.main([str(served)]) == 1
    assert realism.FRESH_SEEDS in capsys.readouterr().out
    assert realism.main([str(seeded[0])]) == 0
    assert realism.FRESH_SEEDS not in capsys.readouterr().out


def test_wrong_use_is_two(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert realism.main([]) == 2
    assert realism.main([str(tmp_path / "no.db")]) == 2
    assert "seed again" in capsys.readouterr().out
