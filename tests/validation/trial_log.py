"""Results of trials: one line of JSON each, so that many can be done in pieces.

Reads and writes that file alone; runs nothing.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bench.errors import BenchError


class BadTrials(BenchError):
    """A file of trials cannot be gone on with; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: its verdict, and the operations that were called so.

    `settings` are what it was done with; trials are counted together only where these agree.
    `alarms` are operations by whoever raised it, `undecided` operations without a verdict.
    """

    settings: Mapping[str, Any]
    verdict: str
    seconds: float
    alarms: Mapping[str, Sequence[str]] = field(default_factory=dict)
    undecided: Sequence[str] = ()
    measured: Mapping[str, Any] = field(default_factory=dict)


def append(path: Path, trial: Trial) -> None:
    """Add one trial as a line of its own, on the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(trial)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read(path: Path, settings: Mapping[str, Any]) -> list[Trial]:
    """The trials so far; none without a file. A line that a killed process left torn is cut off.

    Raises:
        BadTrials: the file holds trials with other settings, or is no file of trials.
    """
    if not path.exists():
        return []
    text = path.read_text(encoding="utf-8")
    whole, _, torn = text.rpartition("\n")
    if torn:
        with path.open("r+", encoding="utf-8") as file:
            file.truncate(len(text[: len(text) - len(torn)].encode()))
    try:
        found = [_trial(json.loads(line)) for line in whole.split("\n") if line]
    except (KeyError, ValueError, TypeError) as error:
        raise BadTrials(
            f"{path} holds no trials ({error}); name another file with --log."
        ) from error
    for trial in found:
        if dict(trial.settings) != dict(settings):
            raise BadTrials(
                f"{path} holds trials with other settings ({json.dumps(dict(trial.settings))}); "
                "name another file with --log, or remove it."
            )
    return found


def _trial(entry: Mapping[str, Any]) -> Trial:
    return Trial(**{**entry, "undecided": tuple(entry["undecided"])})


def until(
    path: Path,
    settings: Mapping[str, Any],
    times: int,
    one: Callable[[int], Trial],
    say: Callable[[str], None],
) -> list[Trial]:
    """Go on until there are `times` trials; each is kept as soon as it is done.

    Raises:
        BadTrials: as `read`.
    """
    found = read(path, settings)
    for number in range(len(found), times):
        trial = one(number)
        append(path, trial)
        found.append(trial)
        say(f"trial {number + 1} of {times}: {trial.verdict}, {trial.seconds:.1f} s")
    return found


@dataclass(frozen=True, slots=True)
class Count:
    """Trials added up. `alarms` counts trials by who raised an alarm, `operations` each one."""

    trials: int
    verdicts: Mapping[str, int]
    alarms: Mapping[str, int]
    operations: Mapping[str, int]
    undecided: Mapping[str, int]
    median_seconds: float | None


def count(trials: Iterable[Trial]) -> Count:
    """Add up: by verdict, by who raised an alarm, and by operation."""
    known = list(trials)
    alarms: Counter[str] = Counter()
    operations: Counter[str] = Counter()
    undecided: Counter[str] = Counter()
    for trial in known:
        alarms.update(who for who, names in trial.alarms.items() if names)
        operations.update(f"{who}: {one}" for who, names in trial.alarms.items() for one in names)
        undecided.update(trial.undecided)
    seconds = sorted(trial.seconds for trial in known)
    return Count(
        len(known),
        dict(Counter(trial.verdict for trial in known)),
        dict(alarms),
        dict(operations.most_common()),
        dict(undecided.most_common()),
        seconds[len(seconds) // 2] if seconds else None,
    )


def table(title: str, found: Count, lines: Sequence[str] = ()) -> str:
    """A small table for a terminal."""
    rows = [(f"verdict {name}", times) for name, times in sorted(found.verdicts.items())]
    rows += [(f"trials with an alarm by {who}", times) for who, times in found.alarms.items()]
    rows += [(f"  {name}", times) for name, times in found.operations.items()]
    rows += [(f"undecided: {name}", times) for name, times in found.undecided.items()]
    width = max((len(name) for name, _ in rows), default=0)
    told = [f"{title}: {found.trials} trials"]
    told += [f"  {name:<{width}} {times:>5}" for name, times in rows]
    if found.median_seconds is not None:
        told.append(f"  median of a trial: {found.median_seconds:.1f} s")
    return "\n".join([*told, *lines])
