"""Locust's processes recording and playing: counts exact, nothing dropped, clear ends.

The latencies of a busy test machine prove nothing, so no test looks at whether a run was valid
where it might not be: counts are what is compared.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from bench.load import hdrlog, shards
from bench.load.arrivals import Step, arrival_times
from bench.load.interval_stats import CUT_OFF
from bench.load.records import NOT_CONNECTED, UNSENT
from bench.load.schedule import RequestMix, sample_schedule
from bench.resale import user_profiles
from bench.resale.hooks import HOOKS
from bench.resale.http_requests import name_of
from seeds.plan import Plan
from tests.bench.command import Command
from tests.bench.processes import hear_interruptions
from tests.bench.resale.locust_runs import (
    ENVIRONMENT,
    SHOP,
    TINY_SCALE,
    Locust,
    eventually,
    free_port,
)

SERVER = Path(__file__).parents[1] / "fixtures" / "tiny_server.py"
PLAIN = ("--only-summary", "--shop-scale", str(TINY_SCALE))
HEADLESS = ("--headless", *PLAIN)
FAMILIES = ("products-by-size", "control")
OPEN = ("--shop-steps", "100x1,200x1", "--tags", *FAMILIES)
# 0: valid, 3: the machine was too busy for the run to be valid; nothing else is good.
VALID_OR_BUSY = (0, 3)


@contextmanager
def tiny_server(*before: str, address: str = "127.0.0.1", kind: str = "shop") -> Iterator[str]:
    command = [*before, sys.executable, str(SERVER), address, kind]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def url() -> Iterator[str]:
    with tiny_server() as address:
        yield address


def asked(url: str) -> int:
    """How often a tiny server was asked."""
    return int(httpx.get(f"{url}/counted").text)


def locust_words(*options: str) -> list[str]:
    return [sys.executable, "-m", "locust", *SHOP, *PLAIN, *options]


def slots_of(steps: list[Step], families: tuple[str, ...] = FAMILIES) -> Counter[str]:
    """The names on the tape that Locust plays."""
    plan = Plan(TINY_SCALE)
    due_ns = arrival_times(steps, "poisson", np.random.default_rng([plan.seed, 0]))
    dataset = HOOKS.generator.planned(plan.scale, plan.seed)
    mix = RequestMix(HOOKS.service, dataset, user_profiles.shares(families=families))
    return Counter(request.name for request in sample_schedule(mix, due_ns, seed=0).requests)


def told_in(folder: Path) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / shards.SUMMARY).read_text("utf-8"))
    return told


def counted(log: Path, kind: str = hdrlog.SINCE_DUE) -> Counter[str]:
    found: Counter[str] = Counter()
    for tag, histogram in hdrlog.totals(hdrlog.read(log)).items():
        name, which = hdrlog.parts_of(tag)
        if which == kind:
            found[name] += int(histogram.get_total_count())
    return found


def test_two_processes_play_one_tape_and_their_shards_merge_to_it(
    locust: Locust, url: str, tmp_path: Path
) -> None:
    done = locust(
        tmp_path, *HEADLESS, "--host", url, "--processes", "2", "--shop-log", "log", *OPEN
    )
    assert done.returncode in VALID_OR_BUSY, done.stderr
    assert "Traceback" not in done.stderr
    log = tmp_path / "log"
    slots = slots_of([Step(100, 1), Step(200, 1)])
    assert slots.total() == 300
    for kind in hdrlog.KINDS:
        assert counted(log / shards.MERGED, kind) == slots
        parts = [counted(path, kind) for path in shards.logs_in(log)]
        assert [part.total() for part in parts] == [150, 150]
        assert parts[0] + parts[1] == slots
    told = told_in(log)
    assert told["errors"] == {}
    assert [one["missed"] for one in told["generators"]] == [0, 0]
    assert told["valid"] == (done.returncode == 0)
    assert asked(url) == 300


def test_closed_users_are_recorded_and_tags_leave_out_whole_kinds(
    locust: Locust, url: str, tmp_path: Path
) -> None:
    done = locust(
        tmp_path, *HEADLESS, "--host", url, "--shop-log", "log", "--shop-think", "0.01", "--tags",
        "analytics", "-u", "5", "-r", "5", "--processes", "2",
        until=lambda _: asked(url) > 60,
    )  # fmt: skip
    assert done.returncode in VALID_OR_BUSY, done.stderr
    assert "Traceback" not in done.stderr
    found = counted(tmp_path / "log" / shards.MERGED, hdrlog.SERVICE)
    assert set(found) <= set(user_profiles.shares(families=["analytics"]))
    # What was under way at the end counts as cut off; it may have reached the server or not.
    cut = sum(kinds[CUT_OFF] for kinds in told_in(tmp_path / "log")["errors"].values())
    due = sum(one["due"] for one in told_in(tmp_path / "log")["generators"])
    assert due == found.total() + cut
    assert found.total() <= asked(url) <= due


def test_closed_users_are_never_due_and_so_never_late(
    locust: Locust, url: str, tmp_path: Path
) -> None:
    # Sessions of a few requests: between two of them Locust waits once more.
    done = locust(
        tmp_path, *HEADLESS, "--host", url, "--shop-log", "log", "--shop-think", "0.02", "Shopper",
        "-u", "5", "-r", "5", until=lambda _: asked(url) > 60,
    )  # fmt: skip
    assert done.returncode in VALID_OR_BUSY, done.stderr
    merged = tmp_path / "log" / shards.MERGED
    assert counted(merged, hdrlog.SERVICE).total() > 50
    assert counted(merged, hdrlog.SINCE_DUE).total() == 0
    [generator] = told_in(tmp_path / "log")["generators"]
    assert generator["late"] == 0


def test_a_run_does_not_write_into_the_log_of_another(
    locust: Locust, url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    log.mkdir()
    (log / "host-1.hlog").write_text("")
    done = locust(tmp_path, *HEADLESS, "--host", url, "--shop-log", "log", "-t", "1s")
    assert done.returncode == 2
    assert "holds the log of another run; name an empty folder" in done.stderr
    assert asked(url) == 0


def test_a_dead_server_is_told_slot_by_slot(locust: Locust, tmp_path: Path) -> None:
    with tiny_server(kind="leaving") as address:
        done = locust(tmp_path, *HEADLESS, "--host", address, "--shop-log", "log", *OPEN)
    assert done.returncode in (1, 3), done.stderr
    errors = told_in(tmp_path / "log")["errors"]
    slots = slots_of([Step(100, 1), Step(200, 1)])
    assert errors == {name: {NOT_CONNECTED: count} for name, count in slots.items()}
    # What Locust itself counted; a master may end before its workers have told it all.
    aggregated = next(line for line in done.stderr.splitlines() if "Aggregated" in line)
    assert aggregated.split()[1] == "300"


def test_what_an_interruption_leaves_unsent_is_counted(url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    process = subprocess.Popen(
        locust_words("--headless", "--host", url, "--processes", "2", "--shop-log", "log",
                "--shop-steps", "200x15", "--tags", *FAMILIES),
        cwd=tmp_path, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        preexec_fn=hear_interruptions,
    )  # fmt: skip
    eventually(lambda: asked(url) >= 50)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert "Traceback" not in said
    assert "This run is invalid." in said
    told = told_in(log)
    assert sum(one["due"] for one in told["generators"]) == 3000
    missed = sum(one["missed"] for one in told["generators"])
    assert sum(kinds.get(UNSENT, 0) for kinds in told["errors"].values()) == missed > 1000
    assert [one["ended"] for one in told["generators"]] == [True, True]


def test_a_full_disk_ends_the_run_with_a_sentence(url: str, tmp_path: Path) -> None:
    words = locust_words("--headless", "--host", url, "--processes", "2", "--shop-log", "log",
                    "--shop-steps", "50x60", "--tags", *FAMILIES)  # fmt: skip
    done = subprocess.run(
        # A limit on the size of files stands for the disk: in blocks of 1 kB.
        ["bash", "-c", 'ulimit -f 3; exec "$@"', "bash", *words],
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=100,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "File too large; the log of this load is cut short. Free some of" in done.stderr
    for path in shards.logs_in(tmp_path / "log"):
        list(hdrlog.read(path))


def test_a_shop_that_is_too_small_for_the_writes_is_told(
    locust: Locust, url: str, tmp_path: Path
) -> None:
    done = locust(
        tmp_path, *HEADLESS, "--host", url, "--shop-steps", "100x60", "--tags", "write-cost"
    )
    assert done.returncode == 2, done.stderr
    assert "The dataset has too few rows left for another" in done.stderr
    assert "Traceback" not in done.stderr


PAGES = {
    "headless": ("--headless", "-u", "5"),
    "processes": ("--headless", "--processes", "2", "-u", "5"),
    "master": ("--headless", "--master", "--expect-workers", "1", "-u", "5"),
    "page": ("--web-port", free_port()),
    "page and processes": ("--web-port", free_port(), "--processes", "2"),
    "open": ("--headless", *OPEN),
}


@pytest.mark.parametrize("options", PAGES.values(), ids=PAGES)
def test_nobody_but_the_shop_is_visited(
    locust: Locust, options: tuple[str, ...], tmp_path: Path
) -> None:
    with tiny_server(kind="somebody") as address:
        done = locust(tmp_path, *PLAIN, "--host", address, *options)
        assert asked(address) == 1
    assert done.returncode == 2, done.stderr
    assert f"{address} is not a shop that this version of resale-bench serves" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Ramping" not in done.stderr


def test_worker_processes_end_with_a_leader_that_refuses_its_options(
    url: str, tmp_path: Path
) -> None:
    # They hold its output open: this would take the minute after which they miss it.
    options = ("--headless", "--host", url, "--processes", "2", "--shop-log", "/dev/null/log")
    done = subprocess.run(
        locust_words(*options),
        cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True, timeout=50,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "name another" in done.stderr
    assert asked(url) == 0


def test_an_address_without_a_server_is_told_before_users_come(
    locust: Locust, tmp_path: Path
) -> None:
    with tiny_server() as address:
        pass
    done = locust(tmp_path, *HEADLESS, "--host", address)
    assert done.returncode == 2, done.stderr
    assert f"Nothing answers at {address}" in done.stderr
    assert "Ramping" not in done.stderr


@contextmanager
def page(folder: Path) -> Iterator[tuple[httpx.Client, Path]]:
    """Locust's page with no address given, and the file that it logs into."""
    port, log = free_port(), folder / "locust.log"
    with log.open("w") as file:
        process = subprocess.Popen(
            locust_words("--web-port", port, "--web-host", "127.0.0.1"),
            cwd=folder, env=ENVIRONMENT, stdout=file, stderr=file,
        )  # fmt: skip
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                eventually(lambda: answers(client))
                yield client, log
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(30)


def answers(client: httpx.Client) -> bool:
    try:
        return client.get("/").status_code == 200
    except httpx.TransportError:
        return False


def test_the_page_refuses_somebody_else_and_goes_on_with_the_shop(tmp_path: Path) -> None:
    users = {"user_count": "5", "spawn_rate": "5", "shop_think": "0.01"}
    with (
        tiny_server(kind="somebody") as other,
        tiny_server() as shop,
        page(tmp_path) as (client, log),
    ):
        client.post("/swarm", data={**users, "host": other})
        eventually(lambda: f"{other} is not a shop" in log.read_text("utf-8"))
        assert asked(other) == 1
        client.post("/swarm", data={**users, "host": f"{shop}/"})
        eventually(lambda: asked(shop) > 20)
        client.get("/stop")
        assert asked(other) == 1
    assert "Traceback" not in log.read_text("utf-8")


@contextmanager
def hosts() -> Iterator[tuple[list[str], list[str]]]:
    """Two hosts: what to put before a command so that it runs on each. They meet on 10.77.0.x."""
    if os.geteuid() != 0 or shutil.which("ip") is None:
        pytest.skip("Network namespaces need root and the command ip.")
    tag = uuid.uuid4().hex[:6]
    names = [f"shop-{tag}-a", f"shop-{tag}-b"]

    def ip(*words: str) -> None:
        done = subprocess.run(["ip", *words], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"Network namespaces cannot be made here: {done.stderr.strip()}")

    with ExitStack() as stack:
        for name in names:
            ip("netns", "add", name)
            stack.callback(subprocess.run, ["ip", "netns", "del", name], check=False)
        ip("link", "add", f"v{tag}a", "type", "veth", "peer", "name", f"v{tag}b")
        for letter, name, number in zip("ab", names, (1, 2), strict=True):
            ip("link", "set", f"v{tag}{letter}", "netns", name)
            within = ("-n", name)
            ip(*within, "address", "add", f"10.77.0.{number}/24", "dev", f"v{tag}{letter}")
            ip(*within, "link", "set", f"v{tag}{letter}", "up")
            ip(*within, "link", "set", "lo", "up")
        yield (
            ["ip", "netns", "exec", names[0]],
            ["ip", "netns", "exec", names[1]],
        )


def test_master_and_worker_on_two_hosts(command: Command, tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    for folder in folders:
        folder.mkdir()
    with hosts() as (here, there), tiny_server(*here, address="10.77.0.1") as address:
        workers = [
            subprocess.Popen(
                [*host, *locust_words("--worker", "--master-host", "10.77.0.1")],
                cwd=folder, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True,
            )
            for host, folder in ((here, folders[1]), (there, folders[2]))
        ]  # fmt: skip
        options = ("--master", "--expect-workers", "2", "--host", address, "--shop-log", "log")
        done = subprocess.run(
            [*here, *locust_words("--headless", *options, *OPEN)],
            cwd=folders[0], env=ENVIRONMENT, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        said = [worker.communicate(timeout=60)[1] for worker in workers]
    assert done.returncode in VALID_OR_BUSY, done.stderr + "".join(said)
    assert "lies on its own host" in done.stderr
    told = told_in(folders[0] / "log")
    assert len(told["elsewhere"]) == 2
    assert sum(one["due"] for one in told["generators"]) == 300
    # Both have begun at the same time by the leader's clock.
    begun_ms = []
    for folder in folders[1:]:
        tally = next((folder / "log").glob(f"*{shards.INTERVALS}")).read_text("utf-8").splitlines()
        begun_ms.append(json.loads(tally[1])["begin_ms"])
    assert abs(begun_ms[0] - begun_ms[1]) < 1000
    logs = (folder / "log" for folder in folders[1:])
    code, output, error = command("logs", "merge", *logs, "--out", tmp_path / "run.hlog")
    assert code in VALID_OR_BUSY, error
    assert counted(tmp_path / "run.hlog") == slots_of([Step(100, 1), Step(200, 1)])
    assert name_of("products_by_size", 200) in output
