"""What the gate finds: known faults, one at a time.

    python -m tests.validation.gate_mutants [--only NAME] [--repo PATH] [--scale 0.1] [--json]

A clone of the repository's last commit gets one fault at a time and is gated against that
commit, by the exact layer: what noise cannot touch has to find them all. Prints who was
caught, by which operation and cause. An index whose loss turns nothing red is called by what
it is: dead weight, or one whose query nobody tests.

Exit codes: 0 each fault was found, 1 one was not, 2 wrong use; 70 a fault of this
program; ended by a signal, 128 and its number.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.exit_handling import run_script
from bench.gate.built_sides import Measurements
from bench.gate.exact import observe
from bench.gate.options import GateOptions
from bench.gate.sides import build_sides
from bench.gate.timing import BASE, Timings
from bench.gate.verdict_input import judge_sides
from bench.measure.scratch import scratch
from bench.report.sections.gate import why
from bench.resale.gate.sides import DEFAULT_SCALE
from bench.results.gate import Gate, GatedOperation
from bench.study import Study
from tests.validation.clones import clone
from tests.validation.mutations import Mutation, MutationError, mutate, mutations_of

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the gate said of one mutant.

    `found`: it turned red and said why. `name_of` is what an index is whose loss turned nothing
    red: "dead weight" or "untested query". `operations` are those that turned red.
    """

    mutant: str
    arm: str
    verdict: str
    found: bool
    operations: tuple[str, ...]
    told: str | None
    name_of: str | None
    seconds: float


def outcome_of(
    mutation: Mutation,
    gate: Gate,
    plans: Mapping[str, Sequence[str]],
    study: Study,
    seconds: float,
) -> Outcome:
    """Judge one mutant by what the gate says of it.

    `plans` are the base's plans by operation. A fault counts as found only if the operation
    that it was put into is named, and its cause in the words that the mutation expects.
    """
    # The one that shows it best is told of first.
    red = sorted(gate.with_verdict("regression"), key=_growth, reverse=True)
    fitting = [operation for operation in red if _fits(mutation, operation)]
    found = bool(fitting) and gate.verdict == "regression"
    first = next(iter(fitting or red), None)
    told = None if first is None else f"{first.name}: {why(first)}"
    name_of = None
    if mutation.index is not None and not red:
        name_of, told = _unmissed(mutation.index, plans, study)
    return Outcome(
        mutation.name,
        mutation.arm,
        "red" if gate.verdict == "regression" else "not red",
        found,
        tuple(operation.name for operation in red),
        told,
        name_of,
        seconds,
    )


def _growth(operation: GatedOperation) -> float:
    exact = operation.exact
    return 0.0 if exact is None else exact.head.vm_steps / max(1, exact.base.vm_steps)


def _fits(mutation: Mutation, operation: GatedOperation) -> bool:
    if mutation.operation not in (None, operation.name):
        return False
    return not mutation.cause or mutation.cause in why(operation)


def _unmissed(index: str, plans: Mapping[str, Sequence[str]], study: Study) -> tuple[str, str]:
    """What an index is that nobody misses, and the sentence that says so."""
    users = [name for name, lines in plans.items() if _uses(lines, index)]
    meant = [entry.name for entry in study.operations if index in entry.indexes]
    if users:
        return "dead weight", (
            f"The plan of {', '.join(users)} uses it, and does no more work without it."
        )
    if meant:
        return "dead weight", (
            f"It is meant for {', '.join(meant)}, whose plan does not take it; no other's does."
        )
    return "untested query", "No operation of the study asks for what it would serve."


def _uses(plan: Sequence[str], index: str) -> bool:
    return any(index in line.split() for line in plan)


def run(repository: Path, only: Sequence[str], scale: float, work: Path, say: Say) -> list[Outcome]:
    """Gate every mutant of the repository's last commit, or only those named.

    Raises:
        MutationError: a mutation does not fit the tree, or has no such name.
        BenchError: the repository cannot be cloned, or a side cannot be built.
        bench.gate.processes.SideFailed: a side's code cannot be run.
    """
    with scratch(work.resolve()) as folder:
        tree = folder / "mutant"
        clone(repository, tree)
        known = mutations_of(tree)
        unknown = sorted(set(only) - {mutation.name for mutation in known})
        if unknown:
            raise MutationError(
                f"There is no mutant {unknown[0]!r}; choose among: "
                f"{', '.join(mutation.name for mutation in known)}."
            )
        found = []
        for mutation in known:
            if not only or mutation.name in only:
                found.append(_gated(mutation, tree, scale, work))
                say(line_of(found[-1]))
        return found


def _gated(mutation: Mutation, tree: Path, scale: float, work: Path) -> Outcome:
    begun = time.perf_counter()
    file = tree / mutation.file
    before = file.read_bytes()
    options = GateOptions(base="HEAD", head=tree, work=work, arm=mutation.arm, scale=scale)
    mutate(tree, mutation)
    try:
        with build_sides(options) as built:
            assert built.base is not None
            about, seen = observe([built.base, built.head], built.workload_items, lambda _: None)
            nothing = Timings((), {}, 0)
            measured = Measurements(about, seen, nothing, 0.0, os.getloadavg())
            gate = judge_sides(built, measured)
            plans = {
                name: [line for one in found for line in one.plan]
                for name, found in seen[BASE].items()
            }
            seconds = time.perf_counter() - begun
            return outcome_of(mutation, gate, plans, built.study, seconds)
    finally:
        file.write_bytes(before)


def line_of(outcome: Outcome) -> str:
    """One mutant in a line or two of a terminal."""
    mark = "found" if outcome.found else outcome.name_of or "MISSED"
    more = f" (and {len(outcome.operations) - 1} more)" if len(outcome.operations) > 1 else ""
    head = f"{mark:<14} {outcome.mutant} on {outcome.arm}, {outcome.seconds:.1f} s"
    return head if outcome.told is None else f"{head}\n               {outcome.told}{more}"


def missed(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those that were not found, and are not explained by an index that nobody needs."""
    return [one for one in outcomes if not one.found and one.name_of is None]


def main() -> int:
    """Parse, run, print; the exit code says whether every fault was found."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.validation.gate_mutants", description=__doc__
    )
    parser.add_argument("--only", action="append", default=[], help="A mutant; may be repeated.")
    parser.add_argument("--repo", type=Path, default=Path(), help="The repository to mutate.")
    parser.add_argument("--scale", type=float, default=DEFAULT_SCALE, help="Size of the data.")
    parser.add_argument("--work", type=Path, default=Path("data"), help="Where sides are built.")
    parser.add_argument("--json", action="store_true", help="Print outcomes as JSON.")
    given = parser.parse_args()
    return run_script(lambda: _told(given), "stopped; nothing is kept, the same call begins anew")


def _told(given: argparse.Namespace) -> int:
    say: Say = (lambda _: None) if given.json else (lambda text: print(text, flush=True))
    found = run(given.repo, given.only, given.scale, given.work, say)
    lost = missed(found)
    if given.json:
        print(json.dumps([asdict(one) for one in found]))
    else:
        caught = sum(one.found for one in found)
        print(f"{caught} of {len(found)} mutants found, {len(lost)} missed")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
