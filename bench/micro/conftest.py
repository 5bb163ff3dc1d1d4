"""What `pytest bench/micro --benchmark-only --arm after` benchmarks: one arm of a study."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bench.engines.base import Connection, Engine
from bench.engines.registry import engine_of
from bench.measure import arms
from bench.study import Study, load_study
from bench.study.hooks import PARAMETER_SEED, Bind, ParameterSampler, hooks_of


def pytest_addoption(parser: pytest.Parser) -> None:
    """Ask for the arm and the database."""
    group = parser.getgroup("resale-bench")
    group.addoption("--arm", help="The arm to benchmark. [default: the one that the study judges]")
    group.addoption("--db", type=Path, help="A seeded database; it stays as it is.")
    group.addoption(
        "--scale", type=float, default=0.01, help="Size to seed without --db. [default: 0.01]"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give a benchmark every operation of the study."""
    if "operation" in metafunc.fixturenames:
        operations = load_study().operations
        metafunc.parametrize("operation", operations, ids=[entry.name for entry in operations])


@dataclass(frozen=True, slots=True)
class ArmUnderTest:
    """One arm, built: a connection to it, what its schema has, and how parameters are drawn."""

    name: str
    engine: Engine
    connection: Connection
    parts: frozenset[str]
    sample_parameters: ParameterSampler
    bind: Bind


@pytest.fixture(scope="session")
def arm(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ArmUnderTest]:
    """Build the arm that was asked for, from the database, or from generated data."""
    study = load_study()
    name = request.config.getoption("arm") or study.judged
    hooks = hooks_of(study)
    folder = tmp_path_factory.mktemp("arm")
    source = request.config.getoption("db")
    if source is None:
        source = folder / "source.db"
        generator = hooks.generator
        assert generator is not None, "the built-in study generates its data"
        generator.seed(source, request.config.getoption("scale"), PARAMETER_SEED)
    files = arms.build(
        source,
        folder,
        _only_arm(study, name),
        keep_source=request.config.getoption("db") is not None,
    )
    connection = files.open(name, query_only=False)
    try:
        sample_parameters = hooks.dataset(source).sample_parameters
        engine = engine_of(study)
        yield ArmUnderTest(
            name, engine, connection, engine.parts(connection), sample_parameters, hooks.bind
        )
    finally:
        connection.close()
        files.close()


def _only_arm(study: Study, name: str) -> Study:
    """The study with this arm, and the base that it is built from.

    Raises:
        bench.study.StudyError: there is no such arm.
    """
    wanted = {study.base, study.arm(name).name}
    kept = tuple(entry for entry in study.arms if entry.name in wanted)
    return replace(study, arms=kept, judged=name, claims=())
