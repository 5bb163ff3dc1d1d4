"""Two sides that were built, and what one measuring of them found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.gate.baseline import Baseline
from bench.gate.exact import SideFacts
from bench.gate.processes import WorkerSpec
from bench.gate.timing import BASE, HEAD, Timings
from bench.gate.trees import Tree
from bench.gate.workload import WorkloadItem
from bench.judge.gate_seen import Seen
from bench.results.gate import GateSize, SchemaChanges
from bench.study import Operation, Study
from bench.study.gate_limits import GateLimits


@dataclass(frozen=True, slots=True)
class BuiltSides:
    """Two sides ready to be measured, as often as one likes; gone when the block ends.

    `base` is None where the base is a saved run, of which `run` holds what it kept. `control` is
    the base a second time, on a file of its own where the sides' files differ. `content`
    are the hashes of what base and head were seeded with. `undrawn` are operations that this
    harness has no parameters for, or no side's list names any more. `changes` is what a migration
    took away, None without one.
    """

    study: Study
    base_study: Study | None
    base_tree: Tree | None
    head_tree: Tree
    base: WorkerSpec | None
    head: WorkerSpec
    control: WorkerSpec | None
    run: Baseline | None
    limits: GateLimits
    workload_items: tuple[WorkloadItem, ...]
    undrawn: tuple[Operation, ...]
    content: tuple[str, str]
    size: GateSize
    arm: str
    notes: tuple[str, ...]
    changes: SchemaChanges | None = None
    build_seconds: float = 0.0

    @property
    def workers(self) -> tuple[WorkerSpec, ...]:
        """The processes that run these sides: the base's and the control's where there are any."""
        return tuple(
            worker for worker in (self.base, self.head, self.control) if worker is not None
        )

    def on_base(self, about: Mapping[str, SideFacts], name: str) -> bool:
        """Whether the base has an operation: its study names it, and its queries answer it."""
        if self.run is not None:
            return name in self.run.seen
        return _has(self.base_study or self.study, about[BASE], name)

    def on_head(self, about: Mapping[str, SideFacts], name: str) -> bool:
        """Whether the head has it."""
        return _has(self.study, about[HEAD], name)


def _has(study: Study, about: SideFacts, name: str) -> bool:
    """Whether a side's study names an operation, its queries know it, and its tables are there."""
    operation = next((known for known in study.operations if known.name == name), None)
    return (
        operation is not None
        and name in about.operations
        and set(operation.needs) <= set(about.parts)
    )


@dataclass(frozen=True, slots=True)
class Measurements:
    """What one measuring of two sides found; `about` and `seen` go by worker.

    `untimed` says why no time was measured, where the time layer failed; `too_slow` how many
    seconds the least rounds of operations would take that the budget has no room for.
    """

    about: Mapping[str, SideFacts]
    seen: dict[str, dict[str, tuple[Seen, ...]]]
    timings: Timings
    seconds: float
    load_average: tuple[float, ...]
    untimed: str | None = None
    too_slow: Mapping[str, float] = field(default_factory=dict)
