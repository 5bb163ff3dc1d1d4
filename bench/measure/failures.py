"""What an operation raises that cannot run on a database, as a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bench.engines.base import Engine
from bench.errors import BenchError
from bench.exit_codes import INVALID
from bench.study.hooks import OperationFailed


def failures(engine: Engine) -> tuple[type[Exception], ...]:
    """Return what the statements of an operation raise."""
    return (*engine.errors, OperationFailed)


@contextmanager
def explained(engine: Engine, what: str, check: str, *others: type[Exception]) -> Iterator[None]:
    """Say `what` cannot be done, why, and what to `check`; `others` are failures as well.

    Raises:
        BenchError: the block has failed.
    """
    try:
        yield
    except (*failures(engine), *others) as error:
        raise BenchError(f"{what}: {error}; check {check}.", INVALID) from error
