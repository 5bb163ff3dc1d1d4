"""The time layer: slices of three processes, in several interim analyses.

The head's process, the base's, and the base's once more (the A/A control) execute slices of a few
executions, in a random order and then the same backwards. Where the sides' files differ, the
control has a file of its own. Each analysis has a new batch of processes and files read anew: what
these happened to get of the machine (which pages of memory, say) is left to chance anew. Operations
that are undecided get another analysis, with more rounds, while the budget lasts; first and most of
it get those that look slower, since an alarm asks for more than a pass.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from statistics import median

import numpy as np

from bench.gate.exact import answer_of
from bench.gate.processes import (
    WorkerProcess,
    WorkerSpec,
    open_all,
    quietest_cpu,
    staying_on,
    worker_processes,
)
from bench.gate.timing_plan import (
    LEAST_ROUNDS,
    SUSPECT_WEIGHT,
    Share,
    extent,
    least_seconds,
    planned_rounds,
)  # fmt: skip
from bench.gate.workload import WorkloadItem
from bench.judge.gate_answers import Differing
from bench.judge.gate_seen import Driver
from bench.judge.gate_times import MOST_ANALYSES, Plan, Timed, verdicts_of
from bench.measure import page_cache
from bench.measure.paired import paired_rounds, series_orders
from bench.study.gate_limits import GateLimits

BASE, HEAD, CONTROL = "base", "head", "ctrl"
"""The workers; names of equal length, since they stand in the processes' arguments."""
LEAST_ANALYSIS_SECONDS = 1.5
"""What has to be left for rounds, once the processes of an analysis are started."""
ANSWER_SECONDS = 5.0
"""How long it may take to fetch an answer that is to be shown."""
Progress = Callable[[str], None]


@dataclass(slots=True)
class _Rounds:
    """What is known of one operation so far; a list of each batch of processes."""

    item: WorkloadItem
    typical_ns: int = 0
    heads: list[list[float]] = field(default_factory=list)
    controls: list[list[float]] = field(default_factory=list)
    base_ns: list[int] = field(default_factory=list)
    head_ns: list[int] = field(default_factory=list)
    set_indexes: list[list[int]] = field(default_factory=list)
    plans: tuple[tuple[Plan, Plan], ...] = ()
    differs: Differing | None = None
    needed_s: float = 0.0

    @property
    def name(self) -> str:
        """The operation's name."""
        return self.item.name

    def suspect(self, limits: GateLimits) -> bool:
        """Whether what was timed so far is slower than the limit, by chance or not."""
        timed = self.timed()
        values = tuple(chain.from_iterable(timed.heads))
        limit = limits.of(timed.name).time_of(timed.base_median_ns)
        return bool(values) and median(values) > math.log1p(limit)

    def timed(self) -> Timed:
        return Timed(
            self.name,
            tuple(map(tuple, self.heads)),
            tuple(map(tuple, self.controls)),
            tuple(self.base_ns),
            tuple(self.head_ns),
            tuple(map(tuple, self.set_indexes)),
            self.plans,
        )


@dataclass(frozen=True, slots=True)
class Timings:
    """What the time layer found: rounds by operation, whose answers differed, and its analyses.

    `too_slow` says how many seconds the least rounds of an operation take that got none.
    """

    timed: tuple[Timed, ...]
    differing: Mapping[str, Differing]
    analyses: int
    too_slow: Mapping[str, float] = field(default_factory=dict)


def time_operations(
    specs: Sequence[WorkerSpec],
    items: Sequence[WorkloadItem],
    limits: GateLimits,
    *,
    seconds: float,
    seed: int,
    pinned: bool,
    progress: Progress,
    decided: Collection[str] = (),
) -> Timings:
    """Time operations until each is decided or `seconds` are used up.

    What is `decided` by name without a time gets one analysis, for its figures.

    Raises:
        bench.gate.processes.SideFailed: a process ended, or its code refuses.
    """
    end = time.monotonic() + seconds
    timer = _Timer(limits, np.random.default_rng([seed, *b"gate"]), end, progress)
    known = {item.name: _Rounds(item) for item in items}
    undecided = list(known.values())
    starting = 0.0
    while undecided and timer.analyses < MOST_ANALYSES:
        begun = time.monotonic()
        if timer.analyses and end - begun < starting + LEAST_ANALYSIS_SECONDS:
            break
        # Anew for each analysis, like the processes: how a file lies in the page cache decides
        # how fast it is read, and two files of one content differ by it.
        page_cache.reload(spec.database for spec in specs)
        cpu = quietest_cpu() if pinned else None
        with worker_processes(specs) as running, staying_on(cpu):
            open_all(running, cpu=cpu)
            starting = time.monotonic() - begun
            timer.analyse(running, undecided)
        undecided = [rounds for rounds in _undecided(known, limits) if rounds.name not in decided]
    return Timings(
        tuple(rounds.timed() for rounds in known.values() if rounds.heads and not rounds.differs),
        {name: rounds.differs for name, rounds in known.items() if rounds.differs},
        timer.analyses,
        {
            name: rounds.needed_s
            for name, rounds in known.items()
            if rounds.needed_s and not rounds.heads
        },
    )


def _undecided(known: Mapping[str, _Rounds], limits: GateLimits) -> list[_Rounds]:
    timed = [
        rounds.timed()
        for rounds in known.values()
        if rounds.heads and not rounds.differs and rounds.item.judged_by_time
    ]
    verdicts = verdicts_of(
        timed, lambda timed: limits.of(timed.name).time_of(timed.base_median_ns), final=False
    )
    return [known[name] for name, verdict in verdicts.items() if verdict == "inconclusive"]


@dataclass(slots=True)
class _Timer:
    """Shares the time that is left until `end` among operations, and adds rounds to them."""

    limits: GateLimits
    rng: np.random.Generator
    end: float
    progress: Progress = lambda _: None
    analyses: int = 0

    def analyse(self, running: Mapping[str, WorkerProcess], undecided: Sequence[_Rounds]) -> None:
        """Add rounds to each operation, in one batch of processes."""
        weighed = [
            (SUSPECT_WEIGHT if rounds.suspect(self.limits) else 1, rounds) for rounds in undecided
        ]
        weighed.sort(key=lambda pair: -pair[0])
        for position, (weight, rounds) in enumerate(weighed):
            # Of what is left each gets a fair share; what it leaves is the others'.
            waiting = sum(other for other, _ in weighed[position:])
            share = (self.end - time.monotonic()) * weight / waiting
            if self.analyses and share <= 0:
                break
            self.progress(f"analysis {self.analyses + 1}: {rounds.name}")
            # Half of it is kept for another analysis: without one nothing is called slower.
            seconds = share if self.analyses else max(share, 0.0) / 2
            count = planned_rounds(self.analyses, suspect=weight > 1)
            self.add_rounds(running, rounds, Share(count, seconds))
        self.analyses += 1

    def add_rounds(
        self, running: Mapping[str, WorkerProcess], rounds: _Rounds, plan: Share
    ) -> None:
        """Add rounds within about the plan's seconds, LEAST_ROUNDS at least.

        Where answers have to be equal and are not, nothing is timed; nor is what takes more for
        LEAST_ROUNDS than the time that is left.
        """
        left_s = self.end - time.monotonic()
        equal = self.limits.of(rounds.name).answers
        sets_ready = _prepare(running, rounds, equal=equal)
        if not sets_ready:
            return
        rounds.needed_s = least_seconds([rounds.typical_ns] * len(running))
        if rounds.needed_s > left_s:
            return
        executions, warm, slices = extent(rounds.typical_ns, plan, len(running))
        end = time.monotonic() + plan.seconds
        order = self.rng.permutation(sets_ready)

        used: list[int] = []

        def slices_of_rounds() -> Iterator[list[int]]:
            for index in range(plan.rounds):
                if time.monotonic() > end and index >= LEAST_ROUNDS:
                    return
                used.append(int(order[index % len(order)]))
                yield used[-1:] * slices

        def take(worker: WorkerProcess, set_index: int) -> list[int]:
            times: list[int] = worker.ask(
                "slice", set_index=set_index, executions=executions, warm=warm
            )
            return times

        series = {name: partial(take, worker) for name, worker in running.items()}
        orders = series_orders(tuple(running), self.rng)
        heads: list[float] = []
        controls: list[float] = []
        for measured in paired_rounds(slices_of_rounds(), lambda: nullcontext(series), orders):
            # The least of some or many: whatever disturbs an execution only ever makes it longer.
            value = {name: min(chain.from_iterable(times)) for name, times in measured.items()}
            heads.append(math.log(value[HEAD] / value[BASE]))
            controls.append(math.log(value[CONTROL] / value[BASE]))
            rounds.base_ns.append(round(value[BASE]))
            rounds.head_ns.append(round(value[HEAD]))
        rounds.heads.append(heads)
        rounds.controls.append(controls)
        rounds.set_indexes.append(used)


def _prepare(running: Mapping[str, WorkerProcess], rounds: _Rounds, *, equal: bool) -> int:
    """Let each worker get ready; how many parameter sets can be timed, none where answers differ.

    `equal`: answers have to be.
    """
    parameters, requests = rounds.item.timed()
    for worker in running.values():
        worker.send(
            "prepare",
            name=rounds.name,
            kind=rounds.item.operation.kind,
            parameters=parameters,
            requests=requests,
        )
    ready = {name: worker.receive() for name, worker in running.items()}
    sets_ready = min(len(answer["answers"]) for answer in ready.values())
    refusal = ready[HEAD]["refused"]
    if refusal is not None and len(ready[BASE]["answers"]) > len(ready[HEAD]["answers"]):
        rounds.differs = Differing(sets_ready, refusal=refusal)
        return 0
    if sets_ready == 0:
        return 0
    answers = {name: answer["answers"][:sets_ready] for name, answer in ready.items()}
    if equal and any(given != answers[BASE] for given in answers.values()):
        rounds.differs = _differing(running, rounds.item, answers)
        return 0
    rounds.plans = tuple(
        (tuple(base), tuple(head))
        for base, head in zip(ready[BASE]["plans"], ready[HEAD]["plans"], strict=False)
    )
    rounds.typical_ns = int(median(answer["typical_ns"] for answer in ready.values()))
    return sets_ready


def _differing(
    running: Mapping[str, WorkerProcess], item: WorkloadItem, answers: Mapping[str, Sequence[str]]
) -> Differing:
    """The first parameter set for which base and head answer otherwise, and both answers."""
    pairs = zip(answers[BASE], answers[HEAD], strict=True)
    set_index = next((index for index, (base, head) in enumerate(pairs) if base != head), None)
    if set_index is None:
        return Differing(None)
    # Rows of SQL say more than the body of a request, and which of them tie.
    drivers: tuple[Driver, ...] = ("sql", "http") if item.requests else ("sql",)
    for driver in drivers:
        base, head = (
            answer_of(running[name], item, driver, set_index, ANSWER_SECONDS)
            for name in (BASE, HEAD)
        )
        if base is not None and head is not None and base != head:
            return Differing(set_index, base, head)
    return Differing(set_index)
