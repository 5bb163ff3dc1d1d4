from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
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
    name_of,
    sampled_request,
    who_am_i,
)
from bench.study import load_study
from reference_app import database
from seeds.manifest import manifest_path
from seeds.plan import Plan, sample_parameters
from tests.bench.resale.locust_runs import TINY_SCALE, Locust

ROOT = Path(__file__).parents[3]
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
def shop(arms: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of(arms["after"], tmp_path_factory.mktemp("shop"))


def copy_of(database: Path, folder: Path) -> Path:
    """A copy of a database and of what lies beside it."""
    for path in database.parent.glob(f"{database.name}*"):
        shutil.copy(path, folder)
    return folder / database.name


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
    for kind in user_profiles.USER_PROFILES:
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


# Of the tables that Locust prints now and then: the name, and how often it was sent so far.
ROW = re.compile(r"^\w+ +(.+?) +(\d+) +\d+\(", re.M)


def enough(*names: str) -> Callable[[str], bool]:
    """Whether there were some hundred requests, and one of each of these names."""

    def holds(error: str) -> bool:
        sent = {name: int(count) for name, count in ROW.findall(error)}
        return sum(sent.values()) > 100 and sent.keys() >= set(names)

    return holds


def visit(
    locust: Locust, url: str, folder: Path, *options: str, names: Sequence[str] = ()
) -> dict[str, int]:
    """Visit without a failure, until these requests were sent; how often each was."""
    done = locust(
        folder, "--headless", "--host", url, "--shop-think", "0.02", "--json-file", "visit",
        *options, until=enough(*names),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert HINT not in done.stderr
    assert f"scale {TINY_SCALE:g}, seed" in done.stderr
    rows = json.loads((folder / "visit.json").read_text())
    assert not any(row["num_failures"] for row in rows), done.stdout
    return {row["name"]: row["num_requests"] for row in rows}


@pytest.mark.parametrize("name", [*CALLS, *BESIDES])
def test_the_shop_answers_every_call(name: str, url: str) -> None:
    # Another generator than the visitors' own, which would ask with the same idempotency keys.
    plan, rng = Plan(TINY_SCALE), np.random.default_rng([2, zlib.crc32(name.encode())])
    request = sampled_request(
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


def test_visitors_write_as_the_seeded_accounts(
    locust: Locust, url: str, shop: Path, tmp_path: Path
) -> None:
    plan, held = Plan(TINY_SCALE), counted(shop, HELD)
    rows = visit(
        locust, url, tmp_path,
        *("Shopper", "Seller", "Account", "--tags", "write-cost", "unclaimed"),
        *("--users", "20", "--spawn-rate", "20"),
        *("--config-users", '{"user_class_name": "Seller", "weight": 40}',
          '{"user_class_name": "Account", "weight": 40}'),
        names=("checkout", "submit_sell_request", "reserve", "respond_to_offer: 409", "who_am_i"),
    )  # fmt: skip
    # At this scale one offer is open: whoever answers it again is too late.
    assert counted(shop, ACCEPTED) == 1
    assert {"respond_to_offer: 409", "log_in", "who_am_i"} <= set(rows)
    for table, name in (("orders", "checkout"), ("sell_submissions", "submit_sell_request")):
        # What was under way when the visitors left is written and not counted.
        assert 0 < rows[name] <= counted(shop, f"SELECT count(*) FROM {table}") - plan.counts[table]
    assert counted(shop, HELD) > held


def test_a_real_server_is_visited_without_a_failure(
    locust: Locust, url: str, tmp_path: Path
) -> None:
    rows = visit(
        locust, url, tmp_path, *("--users", "60", "--spawn-rate", "60"),
        # More staff than a real shop has, so that a few seconds reach most dashboards.
        *("--config-users", '{"user_class_name": "Admin", "weight": 60}'),
    )  # fmt: skip
    refused = {f"{name}: {status}" for name, status in REFUSALS.items()}
    assert set(rows) <= {*CALLS, *BESIDES, "who_am_i"} | refused


def test_visitors_of_a_shop_of_another_scale_are_told_once(
    locust: Locust, url: str, tmp_path: Path
) -> None:
    done = locust(
        tmp_path, "--headless", "--host", url, "Admin", "--shop-scale", "0.01",
        *("--users", "10", "--spawn-rate", "10", "--shop-think", "0.02"), until=enough(),
    )  # fmt: skip
    assert done.returncode == 1
    assert "--shop-scale says 0.01 and the shop 0.001: visitors will ask" in done.stderr
    assert done.stderr.count(HINT) == 1, done.stderr


def test_a_shop_before_the_migration_is_not_asked_for_its_ledger(
    locust: Locust, arms: dict[str, Path], tmp_path: Path
) -> None:
    with served(copy_of(arms["before"], tmp_path)) as address:
        rows = visit(
            locust, address, tmp_path, *("Admin", "--tags", "after-only", "analytics"),
            *("--users", "20", "--spawn-rate", "20"),
        )  # fmt: skip
        assert set(rows) <= set(user_profiles.shares(families=["analytics"]))
        done = locust(tmp_path, "--headless", "--host", address, "--tags", "after-only")
    assert done.returncode == 2
    assert "has no ledger and no rollup, which --tags after-only asks for" in done.stderr


def test_a_shop_without_a_manifest_needs_to_be_told_its_scale(
    locust: Locust, arms: dict[str, Path], tmp_path: Path
) -> None:
    path = copy_of(arms["before"], tmp_path)
    manifest_path(path).unlink()
    with served(path) as address:
        done = locust(tmp_path, "--headless", "--host", address)
        assert done.returncode == 2
        assert "no manifest lies beside it; give --shop-scale and --shop-seed" in done.stderr
        visit(
            locust, address, tmp_path, *("Admin", "--shop-scale", str(TINY_SCALE)),
            *("--users", "20", "--spawn-rate", "20"),
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
def test_wrong_options_are_told(
    locust: Locust, options: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    done = locust(tmp_path, "--headless", *options)
    assert done.returncode == 2
    assert said in done.stderr
