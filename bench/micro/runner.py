"""Runs the micro-benchmarks under pytest-benchmark and hands back what was measured."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from bench.codes import INVALID
from bench.errors import BenchError
from bench.micro.lanes import Measured, sample_medians
from bench.study import Operation

BENCHMARKS = Path(__file__).with_name("operations.py")
NANO = 1e-9


class ReplayTimer:
    """A timer that tells recorded times anew: each pair of calls is one round apart.

    pytest-benchmark asks its timer before and after each round.
    """

    def __init__(self) -> None:
        self._moments: list[float] = []

    def load(self, rounds_ns: Sequence[int]) -> None:
        """Take the rounds to tell, in nanoseconds."""
        # The first moment of every pair is 0, so that differences are exact.
        self._moments = [moment for ns in rounds_ns for moment in (0.0, ns * NANO)]

    def __call__(self) -> float:
        """Return the next moment, in seconds."""
        return self._moments.pop(0)


class Session:
    """What one pytest run measures: the operations, how to measure one, and the results."""

    def __init__(
        self,
        operations: Sequence[Operation],
        lanes: Mapping[str, Sequence[str]],
        measure: Callable[[Operation], Measured],
        *,
        facts: Mapping[str, Any],
        commit: str | None = None,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._operations = {operation.name: operation for operation in operations}
        self._lanes = lanes
        self._measure = measure
        self._facts = dict(facts)
        self._commit = commit
        self._progress = progress
        self.results: dict[str, Measured] = {}

    def measured(self, operation: str) -> Measured:
        """Return the operation's measurement, taken when it is first asked for."""
        if operation not in self.results:
            self._progress(operation)
            self.results[operation] = self._measure(self._operations[operation])
        return self.results[operation]

    def round_medians_ns(self, operation: str, lane: str) -> list[int]:
        """Return one value a round: the median of the lane's samples, in nanoseconds."""
        measured = self.measured(operation)
        if lane not in measured.latencies_ns or not measured.answers_equal:
            return []
        return [int(median(turn)) for turn in sample_medians(measured.latencies_ns[lane])]

    def extra_info(self, operation: str, lane: str) -> dict[str, Any]:
        """Return what the JSON of one benchmark carries beside its times."""
        measured = self.measured(operation)
        info: dict[str, Any] = {"operation": operation, "lane": lane, **self._facts}
        observation = measured.observations.get(lane)
        if observation is not None:
            info.update(
                vm_steps=observation.counters.vm_steps,
                fullscan_steps=observation.counters.fullscan_steps,
                sorts=observation.counters.sorts,
                plan=list(observation.plan),
                rows=observation.rows,
                **({} if observation.pages is None else asdict(observation.pages)),
            )
        return info

    # The hooks by which pytest asks for parameters and fixtures.

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Give the benchmark its operations and lanes."""
        pairs = [(name, lane) for name in self._operations for lane in self._lanes[name]]
        metafunc.parametrize(
            ("operation", "lane"), pairs, ids=[f"{name}-{lane}" for name, lane in pairs]
        )

    def pytest_benchmark_update_machine_info(self, machine_info: dict[str, Any]) -> None:
        """Leave the name of the machine out of the JSON: it is nobody else's business."""
        machine_info["node"] = ""

    # Before the plugin's own answer, of which only one counts.
    @pytest.hookimpl(tryfirst=True)
    def pytest_benchmark_generate_commit_info(self) -> dict[str, Any]:
        """Tell the commit of this project, not of the folder that the caller stands in."""
        head, _, changes = (self._commit or "unversioned").partition("+")
        return {
            "id": head,
            "time": None,
            "author_time": None,
            "dirty": bool(changes),
            "project": "resale-bench",
            "branch": "(unknown)",
        }

    @pytest.fixture(name="session", scope="session")
    def _session(self) -> Session:
        return self


def run(session: Session, json_path: Path) -> dict[str, Measured]:
    """Run every benchmark of the session and write pytest-benchmark's JSON to `json_path`.

    Raises:
        BenchError: pytest failed; the text holds the end of what it printed.
        KeyboardInterrupt: the run was interrupted.
    """
    said = io.StringIO()
    arguments = [
        str(BENCHMARKS),
        f"--benchmark-json={json_path}",
        # A folder that is there: the plugin would make one where the caller stands.
        f"--benchmark-storage=file://{json_path.parent}",
        f"--rootdir={BENCHMARKS.parents[2]}",
        f"--config-file={os.devnull}",
        "--override-ini=python_functions=test_*",
        "-p", "pytest_benchmark.plugin",
        # Uncaptured: the progress line goes to the terminal's own stream.
        "-q", "-x", "-s", "--tb=short", "-p", "no:cacheprovider",
    ]  # fmt: skip
    with (
        _own_environment(),
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
    ):
        code = pytest.main(arguments, plugins=[session])
    if code == pytest.ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if code != pytest.ExitCode.OK:
        tail = "\n".join(_tail(said.getvalue().splitlines()))
        raise BenchError(f"The micro-benchmarks failed; pytest said:\n{tail}", INVALID)
    return session.results


def _tail(lines: Sequence[str], most: int = 25) -> Iterable[str]:
    return lines[-most:]


@contextlib.contextmanager
def _own_environment() -> Iterator[None]:
    """Keep the user's pytest options and every other plugin out of a measurement.

    Locust's plugin, for one, would patch the standard library under us, and
    pytest-benchmark measures nothing where it believes to be one of xdist's workers.
    """
    changes = {
        "PYTEST_ADDOPTS": "",
        "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
        "PYTEST_XDIST_WORKER": None,
    }
    before = {name: os.environ.get(name) for name in changes}
    _set_environment(changes)
    try:
        yield
    finally:
        _set_environment(before)


def _set_environment(values: Mapping[str, str | None]) -> None:
    for name, value in values.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
