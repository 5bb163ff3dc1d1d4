"""Paired measurement of writes: real commits, on copies, from equal states.

Each drawn write is run once on every file, so that all arms stay in the same
logical state from round to round; all new rows and all that the draws name prove it
at the end of each operation. For the A/A pair two sets of draws are played: the base arm
records both, the other arms run the second one unrecorded.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence

import apsw
import numpy as np

from bench.measure.arms import ArmFiles
from bench.measure.counters import answer_hash, count, plan
from bench.measure.rounds import turn_orders
from bench.micro.lanes import (
    TWIN,
    Draw,
    Latencies,
    Measured,
    MeasurementError,
    Observation,
    parts_of_arms,
    tables_of_arms,
)
from bench.micro.paired import without_gc
from bench.micro.queries import Bound, Parameters, bind, digests, last_rows, shared_columns
from bench.study import Operation, Study
from reference_app.database import transaction
from reference_app.queries import QueryError

DRAWS = 25
TRIES_FOR_EACH = 50


class _Undone(Exception):
    """Leaves a transaction so that it rolls back."""


class Writes:
    """Measures the write operations of a study.

    `files` must be files that may be written to; arms that share a file with
    another arm are left out, since one file can take each write only once.
    """

    def __init__(self, study: Study, files: ArmFiles, draw: Draw, *, seed: int) -> None:
        self._study = study
        self._files = files
        self._draw = draw
        self._seed = seed
        self._tables = tables_of_arms(files)
        self._parts = parts_of_arms(files)
        self._arms = self._one_arm_a_file()

    def measure(self, operation: Operation) -> Measured:
        """Measure one write operation on every file.

        Raises:
            MeasurementError: an arm refuses the write.
        """
        base = self._study.base
        rng = np.random.default_rng([self._seed, *operation.name.encode()])
        rounds = self._study.quick_rounds
        drawn = distinct_draws(self._draw, operation, 1 + 2 * rounds * DRAWS, rng)
        if len(drawn) <= 2 * rounds:
            rounds = self._study.rounds
        draws = (len(drawn) - 1) // (2 * rounds)
        left_out = {
            arm: "it shares its file, and so its cost of writing, with another arm"
            for arm in self._files.arms
            if arm not in self._arms
        }
        if draws == 0:
            reason = f"this scale has only {len(drawn)} rows that can be used up"
            return Measured(
                operation.name, "write", (), {}, {}, base, True, None,
                dict.fromkeys(self._files.arms, reason),
            )  # fmt: skip
        before = self._last_rows()
        observed = {arm: self._observe(operation, arm, drawn[0]) for arm in self._arms}
        lanes = (base, TWIN, *(arm for arm in self._arms if arm != base))
        latencies = {lane: np.zeros((rounds, draws, 1), np.int64) for lane in lanes}
        sets = [drawn[1 + index * draws :][:draws] for index in range(2 * rounds)]
        orders = turn_orders(self._arms, rng)
        for index in range(rounds):
            recorded = {lane: values[index] for lane, values in latencies.items()}
            self._round(operation, orders, sets[2 * index], sets[2 * index + 1], recorded)
        difference = self._states_differ(before, drawn)
        return Measured(
            operation.name, "write", lanes, latencies, observed, base, difference is None,
            difference, left_out,
        )  # fmt: skip

    def _one_arm_a_file(self) -> tuple[str, ...]:
        by_path = {self._files.arms[arm].path: arm for arm in reversed(self._files.arms)}
        return tuple(arm for arm in self._files.arms if arm in by_path.values())

    def _round(
        self,
        operation: Operation,
        orders: Iterator[tuple[str, ...]],
        first: Sequence[Parameters],
        second: Sequence[Parameters],
        into: Mapping[str, Latencies],
    ) -> None:
        """Play two sets of draws on every arm; `into` takes latencies of shape (draws, 1)."""
        base = self._study.base
        connections: dict[str, apsw.Connection] = {}
        try:
            for arm in next(orders):
                connections[arm] = self._files.open(arm, query_only=False)
                self._files.keeper(arm).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            bound = {arm: bind(operation.name, self._parts[arm]) for arm in self._arms}
            with without_gc():
                for draw, pair in enumerate(zip(first, second, strict=True)):
                    # The same order on every arm, or their states would part.
                    sides = (0, 1) if draw % 2 == 0 else (1, 0)
                    for side in sides:
                        for arm in next(orders):
                            taken_ns = _write(bound[arm], connections[arm], pair[side])
                            if side == 0:
                                into[arm][draw, 0] = taken_ns
                            elif arm == base:
                                into[TWIN][draw, 0] = taken_ns
        except (apsw.Error, QueryError) as error:
            raise MeasurementError(
                f"An arm refuses {operation.name}: {error}; "
                f"check that its draws can be written in the state of {base}."
            ) from error
        finally:
            for connection in connections.values():
                connection.close()

    def _observe(self, operation: Operation, arm: str, parameters: Parameters) -> Observation:
        connection = self._files.open(arm, query_only=False)
        bound = bind(operation.name, self._parts[arm])
        changed = 0
        try:
            plans = plan(connection, bound.statements, parameters)
            before = connection.total_changes()
            with transaction(connection):
                counters, _ = count(connection, lambda: bound.run(connection, parameters))
                changed = connection.total_changes() - before
                raise _Undone
        except _Undone:
            return Observation(counters, plans, changed)
        except (apsw.Error, QueryError) as error:
            raise MeasurementError(
                f"The arm {arm} refuses {operation.name}: {error}; "
                "check that its draws can be written in the dataset's state."
            ) from error
        finally:
            connection.close()

    def _last_rows(self) -> dict[str, int]:
        """The last row of every table, taken from the first arm that has it."""
        found: dict[str, int] = {}
        for arm in self._arms:
            missing = self._tables[arm] - found.keys() - {"schema_migrations"}
            found.update(last_rows(self._files.keeper(arm), missing))
        return found

    def _states_differ(self, before: Mapping[str, int], played: Sequence[Parameters]) -> str | None:
        columns = shared_columns(self._parts[arm] for arm in self._arms)
        for digest in digests(before, played, columns):
            states: dict[str, str] = {}
            for arm in self._arms:
                if digest.table in self._tables[arm]:
                    rows = self._files.keeper(arm).execute(digest.sql, digest.values).fetchall()
                    states[arm] = answer_hash(rows)
            if len(set(states.values())) > 1:
                return f"the arms are no longer in the same state ({digest.sql})"
        return None


def distinct_draws(
    draw: Draw, operation: Operation, wanted: int, rng: np.random.Generator
) -> list[Parameters]:
    """Draw up to `wanted` parameter sets, none of which uses up the same row as another.

    Fewer come back where the dataset has fewer rows to use up.
    """
    found: list[Parameters] = []
    seen: set[object] = set()
    for _ in range(wanted * TRIES_FOR_EACH):
        if len(found) == wanted:
            break
        parameters = draw(operation.name, rng)
        if operation.exclusive is not None:
            key = parameters[operation.exclusive]
            if key in seen:
                continue
            seen.add(key)
        found.append(parameters)
    return found


def _write(bound: Bound, connection: apsw.Connection, values: Parameters) -> int:
    """Run one write, commit included; return what it took, in nanoseconds."""
    begun = time.perf_counter_ns()
    bound.write(connection, values)
    return time.perf_counter_ns() - begun
