from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.study import load_study
from bench.visitors.calls import BESIDES, CALLS, REFUSALS
from reference_app import database, migrate
from seeds.load import seed
from seeds.plan import Plan

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "bench" / "shop.py"
SCALE = 0.001
HINT = "give --shop-scale and --shop-seed as its database was seeded"

# Locust patches the standard library when it is imported, so another process imports it.
DESCRIBE = """
import json, sys
import bench.shop as shop
from bench.visitors.people import Visitor
from locust.argument_parser import ui_extra_args_dict
visitors = [getattr(shop, name) for name in shop.__all__]
assert all(issubclass(v, Visitor) and not v.abstract for v in visitors)
print(json.dumps({
    "tags": {t.__name__: sorted(t.locust_tag_set) for v in visitors for t in v.tasks},
    "on_the_page": sorted(name for name in ui_extra_args_dict([]) if name.startswith("shop")),
    "application": sorted(name for name in sys.modules if name.startswith("reference_app")),
}))
"""
SERVE = """
import sys
from pathlib import Path
from reference_app.server import serve
from reference_app.settings import Settings
serve(Settings(database=Path(sys.argv[1])), port=0, announce=lambda url: print(url, flush=True))
"""


def in_another_process(script: str) -> Any:
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    return dict(in_another_process(DESCRIBE))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    seed(path, scale=SCALE)
    connection = database.connect(path)
    migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
    connection.close()
    return path


@pytest.fixture(scope="module")
def url(shop: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(shop)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    yield process.stdout.readline().strip()
    process.send_signal(signal.SIGINT)
    process.wait(20)
    process.stdout.close()


def locust(*options: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "locust", "-f", str(SHOP), "--headless", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_every_call_is_somebodys_task_under_the_tag_of_its_family(
    described: dict[str, Any],
) -> None:
    families = {one.name: [one.family] for one in load_study().operations}
    besides = {"reserve": ["write-cost"], "_log_in": ["unclaimed"]}
    assert described["tags"] == {name: families[name] for name in CALLS} | besides


def test_the_scenario_never_imports_the_application(described: dict[str, Any]) -> None:
    assert described["application"] == []


def test_locusts_page_asks_for_scale_seed_and_pauses(described: dict[str, Any]) -> None:
    assert described["on_the_page"] == ["shop_scale", "shop_seed", "shop_think"]


def counted(path: Path, sql: str) -> int:
    with closing(database.connect(path, query_only=True)) as connection:
        return int(str(connection.execute(sql).fetchall()[0][0]))


ACCEPTED = "SELECT count(*) FROM sell_submissions WHERE seller_response_at > '2025-10-04 23:59:58'"
HELD = "SELECT count(*) FROM product_reservations WHERE status = 'active'"


def test_a_real_server_is_visited_without_a_failure(url: str, shop: Path, tmp_path: Path) -> None:
    plan, held = Plan(SCALE), counted(shop, HELD)
    weights = {"Admin": 60, "Seller": 25, "Account": 15}
    done = locust(
        *("--host", url, "--users", "60", "--spawn-rate", "60", "--run-time", "5s"),
        *("--shop-scale", str(SCALE), "--shop-think", "0.02", "--csv", "visit"),
        # More of them than a real shop has, so that a few seconds reach everything.
        *("--config-users", *(json.dumps({"user_class_name": k, "weight": v})
                              for k, v in weights.items())),
        folder=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with (tmp_path / "visit_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    total = rows.pop("Aggregated")
    assert int(total["Failure Count"]) == 0, done.stdout
    assert int(total["Request Count"]) > 100
    names, refused = set(rows), {f"{name}: {status}" for name, status in REFUSALS.items()}
    assert names - refused == {*CALLS, *BESIDES, "who_am_i"}
    # At this scale one offer is open: whoever answers it again is too late.
    assert "respond_to_offer: 409" in names
    assert HINT not in done.stderr
    assert counted(shop, ACCEPTED) == int(rows["respond_to_offer"]["Request Count"]) == 1
    for table, name in (("orders", "checkout"), ("sell_submissions", "submit_sell_request")):
        sent = int(rows[name]["Request Count"])
        assert 0 < counted(shop, f"SELECT count(*) FROM {table}") - plan.counts[table] == sent
    assert 0 < counted(shop, HELD) - held <= int(rows["reserve"]["Request Count"])


def test_visitors_of_a_shop_of_another_scale_are_told_once(url: str, tmp_path: Path) -> None:
    done = locust(
        *("--host", url, "--users", "30", "--spawn-rate", "30", "--run-time", "2s"),
        *("--shop-scale", "0.1", "--shop-think", "0.02"),
        folder=tmp_path,
    )
    assert done.returncode == 1
    assert done.stderr.count(HINT) == 1, done.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shop-scale", "0"), "A scale of 0 cannot be seeded"),
        (("--shop-think", "-1"), "Give a factor from 0"),
    ],
)
def test_wrong_options_are_told(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = locust(*options, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
