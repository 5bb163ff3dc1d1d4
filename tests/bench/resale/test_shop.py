from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bench.resale import user_profiles
from bench.resale.http_requests import (
    BESIDES,
    CALLS,
    REFUSALS,
    Keys,
    drawn_request,
    name_of,
    who_am_i,
)
from bench.study import load_study
from reference_app import database, migrate
from seeds.load import seed
from seeds.manifest import manifest_path
from seeds.plan import Plan, sample_parameters

ROOT = Path(__file__).parents[3]
SHOP = ROOT / "bench" / "shop.py"
SCALE = 0.001
HINT = "asked for something that the shop does not have"

# Locust patches the standard library when it is imported, so another process imports it.
DESCRIBE = """
import json, sys
from collections import Counter
import bench.shop as shop
from bench.resale.locust.users import Visitor
from locust.argument_parser import ui_extra_args_dict
visitors = [getattr(shop, name) for name in shop.__all__]
def leaves(holder):
    for task in holder.tasks:
        yield from leaves(task) if hasattr(task, "tasks") else [task]
assert all(issubclass(v, Visitor) and not v.abstract for v in visitors)
print(json.dumps({
    "tags": {t.__name__: sorted(t.locust_tag_set) for v in visitors for t in leaves(v)},
    "weights": {v.__name__: v.weight for v in visitors},
    "tasks": {v.__name__: Counter(t.__name__ for t in leaves(v)) for v in visitors},
    "on_the_page": sorted(name for name in ui_extra_args_dict([]) if name.startswith("shop")),
    "application": sorted(name for name in sys.modules if name.startswith("reference_app")),
}))
"""
SERVE = """
import sys
from pathlib import Path
from reference_app.server import serve
from reference_app.settings import Settings
settings = Settings(database=Path(sys.argv[1]), log_level="error")
serve(settings, port=0, announce=lambda url: print(url, flush=True))
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
    with served(shop) as address:
        yield address


@contextmanager
def served(shop: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, str(shop)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    assert address, "the server did not start"
    yield address
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
    besides = {"reserve": ["write-cost"], "log_in": ["unclaimed"]}
    assert described["tags"] == {name: families[name] for name in CALLS} | besides


def test_the_scenario_never_imports_the_application(described: dict[str, Any]) -> None:
    assert described["application"] == []


def test_locusts_page_asks_for_what_may_change_between_runs(described: dict[str, Any]) -> None:
    assert described["on_the_page"] == [
        "shop_arrivals", "shop_scale", "shop_seed", "shop_steps", "shop_think",
    ]  # fmt: skip


def test_closed_users_ask_in_the_shares_of_the_mix(described: dict[str, Any]) -> None:
    a_second = {}
    for kind in user_profiles.KINDS:
        tasks = described["tasks"][kind.name]
        # Whoever has logged in asks at once who that is.
        asked = Counter(tasks) + Counter({"who_am_i": tasks.get("log_in", 0)})
        pause_s = kind.think_median_s * np.exp(kind.think_sigma**2 / 2) * sum(tasks.values())
        for name, count in asked.items():
            a_second[name] = described["weights"][kind.name] * count / pause_s
    whole = sum(a_second.values())
    assert a_second.keys() == user_profiles.shares().keys()
    for name, share in user_profiles.shares().items():
        assert a_second[name] / whole == pytest.approx(share, rel=0.01)


def counted(path: Path, sql: str) -> int:
    with closing(database.connect(path, query_only=True)) as connection:
        return int(str(connection.execute(sql).fetchall()[0][0]))


ACCEPTED = "SELECT count(*) FROM sell_submissions WHERE seller_response_at > '2025-10-04 23:59:58'"
HELD = "SELECT count(*) FROM product_reservations WHERE status = 'active'"


def visit(url: str, folder: Path, *options: str) -> dict[str, dict[str, str]]:
    """Visit without a failure; Locust's figures by name."""
    done = locust(
        *("--host", url, "--shop-think", "0.02", "--csv", "visit"),
        *options,
        folder=folder,
    )
    assert done.returncode == 0, done.stderr
    assert HINT not in done.stderr
    assert f"scale {SCALE:g}, seed" in done.stderr
    with (folder / "visit_stats.csv").open() as file:
        rows = {row["Name"]: row for row in csv.DictReader(file)}
    total = rows.pop("Aggregated")
    assert int(total["Failure Count"]) == 0, done.stdout
    assert int(total["Request Count"]) > 100
    return rows


@pytest.mark.parametrize("name", [*CALLS, *BESIDES])
def test_the_shop_answers_every_call(name: str, url: str) -> None:
    # Another generator than the visitors' own, which would ask with the same idempotency keys.
    plan, rng = Plan(SCALE), np.random.default_rng([2, zlib.crc32(name.encode())])
    request = drawn_request(
        name, lambda drawn: sample_parameters(plan, drawn, rng), Keys(plan)
    ).request
    answer = httpx.request(
        request.method, url + request.path, json=request.body, headers=dict(request.headers)
    )
    assert name_of(name, answer.status_code) is not None, answer.text
    if name == "log_in":
        whose = who_am_i(answer.json()["token"])
        account = httpx.get(url + whose.path, headers=dict(whose.headers))
        assert account.json()["email"] == request.body["email"]


def test_visitors_write_as_the_seeded_accounts(url: str, shop: Path, tmp_path: Path) -> None:
    plan, held = Plan(SCALE), counted(shop, HELD)
    rows = visit(
        url, tmp_path, *("Shopper", "Seller", "Account", "--tags", "write-cost", "unclaimed"),
        *("--users", "20", "--spawn-rate", "20", "--run-time", "5s"),
        *("--config-users", '{"user_class_name": "Seller", "weight": 40}',
          '{"user_class_name": "Account", "weight": 40}'),
    )  # fmt: skip
    # At this scale one offer is open: whoever answers it again is too late.
    assert counted(shop, ACCEPTED) == 1
    assert int(rows["respond_to_offer: 409"]["Request Count"]) > 0
    assert {"log_in", "who_am_i"} <= set(rows)
    for table, name in (("orders", "checkout"), ("sell_submissions", "submit_sell_request")):
        # What was under way when the visitors left is written and not counted.
        sent = int(rows[name]["Request Count"])
        assert 0 < sent <= counted(shop, f"SELECT count(*) FROM {table}") - plan.counts[table]
    assert counted(shop, HELD) > held


def test_a_real_server_is_visited_without_a_failure(url: str, tmp_path: Path) -> None:
    rows = visit(
        url, tmp_path, *("--users", "60", "--spawn-rate", "60", "--run-time", "4s"),
        # More staff than a real shop has, so that a few seconds reach most dashboards.
        *("--config-users", '{"user_class_name": "Admin", "weight": 60}'),
    )  # fmt: skip
    refused = {f"{name}: {status}" for name, status in REFUSALS.items()}
    assert set(rows) <= {*CALLS, *BESIDES, "who_am_i"} | refused


def test_visitors_of_a_shop_of_another_scale_are_told_once(url: str, tmp_path: Path) -> None:
    done = locust(
        *("--host", url, "--users", "10", "--spawn-rate", "10", "--run-time", "4s", "Admin"),
        *("--shop-scale", "0.01", "--shop-think", "0.02"),
        folder=tmp_path,
    )
    assert done.returncode == 1
    assert "--shop-scale says 0.01 and the shop 0.001: visitors will ask" in done.stderr
    assert done.stderr.count(HINT) == 1, done.stderr


def test_a_shop_before_the_migration_is_not_asked_for_its_ledger(tmp_path: Path) -> None:
    path = tmp_path / "before.db"
    seed(path, scale=SCALE)
    with served(path) as address:
        rows = visit(
            address, tmp_path, *("Admin", "--tags", "after-only", "analytics"),
            *("--users", "20", "--spawn-rate", "20", "--run-time", "3s"),
        )  # fmt: skip
        assert set(rows) <= set(user_profiles.shares(families=["analytics"]))
        done = locust("--host", address, "--tags", "after-only", folder=tmp_path)
    assert done.returncode == 2
    assert "has no ledger and no rollup, which --tags after-only asks for" in done.stderr


def test_a_shop_without_a_manifest_needs_to_be_told_its_scale(tmp_path: Path) -> None:
    path = tmp_path / "bare.db"
    seed(path, scale=SCALE)
    manifest_path(path).unlink()
    with served(path) as address:
        done = locust("--host", address, folder=tmp_path)
        assert done.returncode == 2
        assert "no manifest lies beside it; give --shop-scale and --shop-seed" in done.stderr
        visit(
            address, tmp_path, *("Admin", "--shop-scale", str(SCALE)),
            *("--users", "20", "--spawn-rate", "20", "--run-time", "3s"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shop-scale", "0"), "A scale of 0 cannot be seeded"),
        (("--host", "127.0.0.1:8000"), "is no address of a shop"),
        (("--shop-think", "-1"), "Give a factor from 0"),
        (("--shop-steps", "50"), "give requests a second and seconds: 50x10,100x10"),
        (("--shop-steps", "50x0"), "is no step"),
        (("--shop-rate", "-1"), "Give requests a second"),
        (("--shop-rate", "5"), "--shop-rate needs --run-time"),
        (("--shop-rate", "5", "--shop-steps", "5x5"), "not both"),
        (("--tags", "nonsense"), "the tags are admin-dashboard"),
        (("Tracker", "--tags", "analytics"), "leave these visitors nothing to do"),
        (("--shop-log", "/dev/null/log"), "name another"),
    ],
)
def test_wrong_options_are_told(options: tuple[str, ...], said: str, tmp_path: Path) -> None:
    done = locust(*options, folder=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
