"""How often `compare` is wrong: equal runs split into sides, and an operation slowed in one side.

    python -m tests.validation.compare_trials results/run-*

takes runs of one code and one dataset. Each trial draws two disjoint sides of them: alike, where
nothing may be called slower or faster, and slowed, where one operation takes longer on one arm in
every run of the head: its samples are then exactly those of a run in which each execution took so
much longer. It has to be called slower, and no other operation may be
called anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from bench.exit_codes import REGRESSION
from bench.judge import compare_runs
from bench.judge.compare_runs import ComparedRun
from bench.options import FOLDER
from bench.results import store
from bench.results.comparison import OperationComparison
from bench.results.samples import read_samples


@dataclass(frozen=True, slots=True)
class Trials:
    """Counts of trials: how many, in how many a change was told where none was, how many found."""

    alike: int
    false_alarms: tuple[str, ...]
    slowed: int
    found: int
    others_told: int
    missed: tuple[str, ...]


def slow_down(run: ComparedRun, operation: str, arm: str, share: float) -> ComparedRun:
    """The run with an operation that takes longer by a share on one arm."""
    by_series = run.samples[operation]
    slower = {operation: {**by_series, arm: by_series[arm] * (1 + share)}}
    operations = tuple(
        _slowed(entry, arm, share) if entry.name == operation else entry
        for entry in run.comparison.operations
    )
    comparison = run.comparison.model_copy(update={"operations": operations})
    return replace(run, comparison=comparison, samples={**run.samples, **slower})


def _slowed(entry: OperationComparison, arm: str, share: float) -> OperationComparison:
    pairs = []
    for pair in entry.comparisons:
        scale = {pair.arm: 1 / (1 + share), pair.base: 1 + share}.get(arm, 1.0)
        if pair.speedup is None or pair.ci95 is None:
            pairs.append(pair)
            continue
        low, high = pair.ci95
        changed = {"speedup": pair.speedup * scale, "ci95": (low * scale, high * scale)}
        pairs.append(pair.model_copy(update=changed))
    return entry.model_copy(update={"comparisons": tuple(pairs)})


def play(runs: Sequence[ComparedRun], *, side: int, trials: int, share: float, seed: int) -> Trials:
    """Draw the trials, `trials` of each sort, with `side` runs a side.

    Raises:
        ValueError: there are fewer than two sides' runs.
    """
    if len(runs) < 2 * side:
        raise ValueError(f"Two sides of {side} need {2 * side} runs, not {len(runs)}; name more.")
    rng = np.random.default_rng(seed)
    first = runs[0].comparison
    pairs = [
        (entry.name, pair.arm)
        for entry in first.operations
        for pair in entry.comparisons
        if pair.base == first.base and pair.speedup is not None
    ]
    alarms: list[str] = []
    missed: list[str] = []
    others = 0
    for _ in range(trials):
        told = _told(*_sides(runs, side, rng))
        if told:
            alarms.append(", ".join(" ".join(one) for one in sorted(told)))
    for _ in range(trials):
        base, head = _sides(runs, side, rng)
        name, arm = pairs[int(rng.integers(len(pairs)))]
        told = _told(base, [slow_down(run, name, arm, share) for run in head])
        if (name, "slower") not in told:
            missed.append(f"{name} ({arm})")
        others += any(other != name for other, _ in told)
    return Trials(trials, tuple(alarms), trials, trials - len(missed), others, tuple(missed))


def _sides(
    runs: Sequence[ComparedRun], side: int, rng: np.random.Generator
) -> tuple[list[ComparedRun], list[ComparedRun]]:
    drawn = [runs[place] for place in rng.permutation(len(runs))[: 2 * side]]
    return drawn[:side], drawn[side:]


def _told(base: Sequence[ComparedRun], head: Sequence[ComparedRun]) -> set[tuple[str, str]]:
    """The operations that are called slower or faster on any pair of arms, with that word."""
    return {
        (entry.operation, entry.verdict)
        for entry in compare_runs.between(base, head).changes
        if entry.verdict in ("slower", "faster")
    }


def _read(folder: Path) -> ComparedRun:
    whole = store.read_run(folder)
    return ComparedRun(whole.run, whole.comparison, read_samples(folder / "samples.parquet"))


@click.command()
@click.argument("folders", nargs=-1, required=True, type=FOLDER)
@click.option("--side", default=3, show_default=True, type=click.IntRange(2), help="Runs a side.")
@click.option("--trials", default=100, show_default=True, type=click.IntRange(1))
@click.option("--share", default=0.2, show_default=True, help="How much slower, as a share.")
@click.option("--seed", default=1, show_default=True)
def main(folders: tuple[Path, ...], side: int, trials: int, share: float, seed: int) -> None:
    """Print how often equal runs raise an alarm and a slowed operation is found."""
    try:
        result = play(
            [_read(folder) for folder in folders],
            side=side, trials=trials, share=share, seed=seed,
        )  # fmt: skip
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    click.echo(
        f"{len(folders)} runs, {side} a side\n"
        f"alike: {len(result.false_alarms)} false alarms in {result.alike}\n"
        f"slowed by {share:.0%}: found in {result.found} of {result.slowed}, something else told "
        f"in {result.others_told}"
    )
    for alarm in result.false_alarms:
        click.echo(f"false alarm: {alarm}")
    if result.missed:
        click.echo(f"missed: {', '.join(result.missed)}")
    if result.false_alarms:
        click.get_current_context().exit(REGRESSION)


if __name__ == "__main__":
    main()
