"""The benchmarks of the service: their figures from fabricated measurements, and a small run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.engines.sqlite.files import DatabaseMissing
from bench.judge.stats import TooFewRounds
from bench.load.server_process import NotServed, ServerProcess, served
from bench.measure.scratch import MARK
from bench.resale.service import MODULE
from reference_app.database import connect
from seeds import load
from tests.validation import checkout_latency, http_generator, http_rate, rates
from tests.validation.http_generator import Generator, LoadFailed, Measured, request
from tests.validation.rates import HELLO, Rate, Speed, Target, ratios
from tests.validation.seeded_shop import NotSeeded, let_staff_in, product_ids
from tests.validation.served_copy import copied
from tests.validation.stalls import Stall


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("served") / "before.db"
    load.seed(path, scale=0.001)
    return path


@pytest.fixture(scope="module")
def load_generator() -> Iterator[Generator]:
    with Generator() as child:
        yield child


@pytest.fixture(scope="module")
def hello() -> Iterator[ServerProcess]:
    with served(http_rate.HELLO_WORLD) as server:
        yield server


def test_a_request_goes_over_the_wire_as_written() -> None:
    assert request("GET", "http://127.0.0.1:80/", "/a") == (
        "GET /a HTTP/1.1\r\nHost: 127.0.0.1:80\r\n\r\n"
    )
    text = request("POST", "http://a", "/b", body={"name": "Zoë"}, headers=[("X", "1")])
    head, _, body = text.partition("\r\n\r\n")
    assert f"Content-Length: {len(body.encode())}" in head.split("\r\n")
    assert "X: 1" in head.split("\r\n")
    assert json.loads(body) == {"name": "Zoë"}


def test_each_request_is_sent_once_where_no_time_is_given(
    hello: ServerProcess, load_generator: Generator
) -> None:
    wanted = [request("GET", hello.url, path) for path in ("/", "/", "/none", "/", "/none")]
    found = load_generator.send(hello.url, wanted, connections=2)
    assert found.statuses == {"200": 3, "404": 2}
    assert len(found.latencies_ns) == 5
    assert all(latency_ns > 0 for latency_ns in found.latencies_ns)


def test_requests_begin_anew_until_the_time_is_over(
    hello: ServerProcess, load_generator: Generator
) -> None:
    wanted = [request("GET", hello.url, "/")]
    found = load_generator.send(hello.url, wanted, connections=2, seconds=0.2)
    assert set(found.statuses) == {"200"}
    assert len(found.latencies_ns) > 2
    assert found.seconds >= 0.2
    assert found.per_second == len(found.latencies_ns) / found.seconds


def test_a_server_that_closes_the_connection_is_told(
    hello: ServerProcess, load_generator: Generator
) -> None:
    broken = "this is no HTTP\r\n\r\n"
    with pytest.raises(LoadFailed, match="broke under load"):
        load_generator.send(hello.url, [broken, broken], connections=1)
    with pytest.raises(LoadFailed, match="broke under load"):
        load_generator.send("http://127.0.0.1:9", [broken], connections=1)
    # It is there for the next one.
    assert load_generator.send(
        hello.url, [request("GET", hello.url, "/")], connections=1
    ).statuses == {"200": 1}


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with (
        pytest.raises(NotServed, match="There is no database"),
        served(MODULE, str(tmp_path / "none.db")),
    ):
        pass


def test_a_copy_is_made_of_what_is_there(shop: Path, tmp_path: Path) -> None:
    # What a killed benchmark left goes with the next.
    left = tmp_path / "resale-bench-1-a"
    left.mkdir()
    (left / MARK).touch()
    with copied(shop, tmp_path) as copy:
        assert list(tmp_path.iterdir()) == [copy.parent]
        assert copy.read_bytes() == shop.read_bytes()
        token = let_staff_in(copy)
    assert len(token) > 20
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(DatabaseMissing), copied(tmp_path / "none.db"):
        pass


def test_drawn_products_are_the_same_for_a_seed_and_on_sale(shop: Path) -> None:
    drawn = product_ids(shop, 5, 1, on_sale=True)
    assert drawn == product_ids(shop, 5, 1, on_sale=True)
    assert drawn != product_ids(shop, 5, 2, on_sale=True)
    connection = connect(shop, query_only=True)
    rows = connection.execute(
        "SELECT status, quantity_available > 0 FROM products WHERE id IN"
        f" ({', '.join(map(str, drawn))})"
    ).fetchall()
    connection.close()
    assert rows == [("available", 1)] * 5
    with pytest.raises(NotSeeded, match="not 1000000"):
        product_ids(shop, 1_000_000, 1)


def test_ratios_are_taken_within_a_round() -> None:
    # The machine became half as fast after the third round; the ratio did not.
    speeds = [1000.0] * 3 + [500.0] * 4
    rounds = [
        {HELLO: Speed(speed, 1e9 / speed), "detail": Speed(speed * 0.7, 1.25e9 / speed)}
        for speed in speeds
    ]
    hello, detail = ratios(rounds)
    assert hello == Rate(HELLO, 500.0, 1.0, (1.0, 1.0), 2_000_000, 1.0, (1.0, 1.0))
    assert detail == Rate("detail", 350.0, 0.7, (0.7, 0.7), 2_500_000, 0.8, (0.8, 0.8))


def test_an_interval_needs_rounds() -> None:
    with pytest.raises(TooFewRounds):
        ratios([{HELLO: Speed(1.0, 1.0)}])


class Quicker(Generator):
    """Measures ten more a second each time."""

    def __init__(self) -> None:
        self.asked: list[object] = []

    def send(self, url: str, requests: object, **options: object) -> Measured:
        self.asked.append(requests)
        return Measured(1.0, (1,) * (10 * len(self.asked)), {"200": 1})


def test_rates_are_measured_there_and_back(hello: ServerProcess) -> None:
    fake = Quicker()
    targets = [Target(name, hello, (name,)) for name in ("a", "b")]
    found = rates.rates(targets, fake, rounds=1, seconds=1, connections=1, report=lambda *_: None)
    assert fake.asked[2:] == [("a",), ("b",), ("b",), ("a",)]
    # 30 and 60, 40 and 50: what drifts steadily is alike for both.
    assert {name: speed.per_second for name, speed in found[0].items()} == {"a": 45.0, "b": 45.0}


def test_another_answer_than_200_is_no_rate(
    hello: ServerProcess, load_generator: Generator
) -> None:
    missing = Target("missing", hello, (request("GET", hello.url, "/none"),))
    with pytest.raises(LoadFailed, match="missing was answered"):
        rates.rates(
            [missing],
            load_generator,
            rounds=1,
            seconds=0.1,
            connections=1,
            report=lambda *_: None,
        )


def test_latencies_are_given_by_quantiles() -> None:
    measured = Measured(2.0, tuple(range(1, 101)), {"201": 100})
    found = checkout_latency.latencies_of(measured)
    assert (found.answers, found.per_second, found.p50_ns, found.max_ns) == (100, 50.0, 50, 100)
    assert (found.p95_ns, found.p99_ns) == (95, 99)
    assert "100 checkouts, 8 buyers" in checkout_latency.to_text(found, 8)


def test_both_parts_are_told() -> None:
    stall = Stall("before", 3, 2_000_000, 100_000, 200_000, 300_000, 4_000_000, 5_000_000)
    text = http_rate.to_text(
        [Rate(HELLO, 5000.0, 1.0, (1.0, 1.0), 200_000, 1.0, (1.0, 1.0))], [stall]
    )
    assert "100.0% of hello world (100.0% to 100.0%), 200 µs of processor each" in text
    assert "p99 4.00 ms, max 5.00 ms while a scan loops (3 scans of 2.0 ms)" in text


def test_checkouts_of_a_small_shop(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--db", str(shop), "--checkouts", "5", "--warm-up", "2", "--buyers", "2", "--json"]
    assert checkout_latency.main(words) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["statuses"] == {"201": 5}
    assert 0 < found["p50_ns"] <= found["p99_ns"] <= found["max_ns"]


def test_rates_of_a_small_shop(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--db", str(shop), "--rounds", "6", "--seconds", "0.05", "--products", "5"]
    assert http_rate.main([*words, "--scan-seconds", "0.2", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [rate["target"] for rate in found["rates"]] == [
        HELLO,
        "before: product detail",
        "before: listing of 24",
    ]
    assert len(found["rounds"]) == 6
    assert found["stalls"][0]["scans"] > 0


@pytest.mark.parametrize("module", [http_rate, checkout_latency])
def test_a_missing_database_is_told(
    module: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert module.main(["--db", str(tmp_path / "none.db")]) == 2  # type: ignore[attr-defined]
    assert "There is no database" in capsys.readouterr().err


@pytest.mark.parametrize("module", ["kill_9", "http_rate", "checkout_latency"])
def test_help_gives_an_example(module: str, capsys: pytest.CaptureFixture[str]) -> None:
    from importlib import import_module

    command = import_module(f"tests.validation.{module}")
    with pytest.raises(SystemExit) as ended:
        command.main(["--help"])
    assert ended.value.code == 0
    assert f"python -m tests.validation.{module} --db" in capsys.readouterr().out


def test_the_generator_needs_no_import_of_the_application() -> None:
    """It must be as quick as it can be, and measure any server."""
    source = Path(http_generator.__file__).read_text(encoding="utf-8")
    assert "reference_app" not in source
