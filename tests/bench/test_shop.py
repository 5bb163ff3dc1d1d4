from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from bench.study import load_study
from reference_app import database, migrate
from seeds.load import seed

ROOT = Path(__file__).parents[2]
SHOP = ROOT / "bench" / "shop.py"
SCALE = 0.001
HINT = "give --shop-scale and --shop-seed as its database was seeded"

# Locust patches the standard library when it is imported, so another process imports it.
DESCRIBE = """
import json, sys
import bench.shop as shop
from locust.argument_parser import ui_extra_args_dict
def parsed_options():
    return [name for name in ui_extra_args_dict([]) if name.startswith("shop")]
visitors = [v for v in vars(shop).values() if isinstance(v, type) and issubclass(v, shop.Visitor)]
tasks = [t for v in visitors if not v.abstract for t in v.tasks]
print(json.dumps({
    "calls": sorted(shop.CALLS),
    "not_yet": sorted(shop.NOT_YET_SERVED),
    "tags": {t.__name__: sorted(t.locust_tag_set) for t in tasks},
    "on_the_page": sorted(parsed_options()),
    "application": sorted(name for name in sys.modules if name.startswith("reference_app")),
}))
"""
# One call of every operation, with the client's address and what it would send.
ASK = """
import json
import numpy as np
import bench.shop as shop
class Recorder:
    def get(self, path, *, name): return [name, path, None]
    def post(self, path, *, json, name): return [name, path, json]
plan, rng = shop.Plan(scale=0.001), np.random.default_rng(1)
print(json.dumps([
    call(Recorder(), shop.draw(plan, name, rng)) for name, call in shop.CALLS.items()
]))
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
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = tmp_path_factory.mktemp("shop") / "shop.db"
    seed(path, scale=SCALE)
    connection = database.connect(path)
    migrate.apply(connection, ["0001_baseline", "0002_safe_migration"])
    connection.close()
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
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


def test_every_operation_with_a_route_is_called(described: dict[str, Any]) -> None:
    over_http = {one.name for one in load_study().operations if one.http != "internal"}
    not_yet = set(described["not_yet"])
    assert set(described["calls"]) == over_http - not_yet
    assert not_yet < over_http


def test_every_call_is_somebodys_task_under_the_tag_of_its_family(
    described: dict[str, Any],
) -> None:
    families = {one.name: [one.family] for one in load_study().operations}
    assert set(described["tags"]) == set(described["calls"])
    assert described["tags"] == {name: families[name] for name in described["tags"]}


def test_the_scenario_never_imports_the_application(described: dict[str, Any]) -> None:
    assert described["application"] == []


def test_locusts_page_asks_for_scale_seed_and_pauses(described: dict[str, Any]) -> None:
    assert described["on_the_page"] == ["shop_scale", "shop_seed", "shop_think"]


def test_the_paths_are_those_of_the_study() -> None:
    http = {one.name: one.http for one in load_study().operations}
    for name, path, body in in_another_process(ASK):
        method, _, pattern = http[name].partition(" ")
        assert method == ("GET" if body is None else "POST"), name
        asked, _, query = path.partition("?")
        wanted, _, keys = pattern.partition("?")
        assert len(asked.split("/")) == len(wanted.split("/")), name
        fixed = [part for part in wanted.split("/") if "{" not in part]
        assert [part for part in asked.split("/") if part in fixed] == fixed, name
        expected = dict(parse_qsl(keys, keep_blank_values=True))
        if name == "order_history":
            expected["user_id"] = ""  # until somebody can log in
        sent = dict(parse_qsl(query))
        assert sent.keys() == expected.keys(), name
        assert all(sent[key] == value for key, value in expected.items() if value), name


def test_a_real_server_is_visited_without_a_failure(
    url: str, tmp_path: Path, described: dict[str, Any]
) -> None:
    done = locust(
        *("--host", url, "--users", "60", "--spawn-rate", "60", "--run-time", "4s"),
        *("--shop-scale", str(SCALE), "--shop-think", "0.02", "--csv", "visit"),
        # More staff than a real shop has, so that a few seconds reach every dashboard.
        *("--config-users", '{"user_class_name": "Admin", "weight": 60}'),
        folder=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    with (tmp_path / "visit_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    total = rows.pop("Aggregated")
    assert int(total["Failure Count"]) == 0, done.stdout
    assert int(total["Request Count"]) > 100
    assert set(rows) == set(described["calls"])
    assert HINT not in done.stderr


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
