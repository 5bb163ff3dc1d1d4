"""A saved run as the base: what it counted, for the exact layer alone."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.engines.sqlite.custom import sqlite_version
from bench.errors import BenchError
from bench.exit_codes import INCOMPARABLE
from bench.judge.gate_seen import Seen
from bench.results.gate import Gate, GateSide


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a run kept of one arm: its counters by operation, and what they hold for."""

    name: str
    commit: str | None
    content_hash: str
    scale: float
    seed: int
    sqlite_version: str
    python: str | None
    seen: Mapping[str, tuple[Seen, ...]]

    def side(self, arm: str) -> GateSide:
        """Return what gate.json says of it as the base."""
        commit, _, changed = (self.commit or "").partition("+")
        return GateSide(
            what=f"the run {self.name}", commit=commit or None, dirty=bool(changed),
            content_hash=self.content_hash, sqlite_version=self.sqlite_version,
            python=self.python, schema_hash=None, arm=arm,
        )  # fmt: skip

    def like(self, name: str, seen: Sequence[Seen]) -> tuple[Seen, ...]:
        """What the run could have counted too of an operation: a run of the study has less."""
        kept = {
            (execution.driver, execution.draw): execution for execution in self.seen.get(name, ())
        }
        return tuple(
            replace(
                execution,
                answer=execution.answer if old.answer is not None else None,
                statements=execution.statements if old.statements is not None else None,
            )
            for execution in seen
            if (old := kept.get((execution.driver, execution.draw))) is not None
        )


def is_run(folder: Path) -> bool:
    """Whether a folder is a saved run."""
    return (folder / "comparison.json").is_file()


def read(folder: Path, arm: str) -> Baseline:
    """Read a run's counters of one arm.

    Raises:
        BenchError: the folder is no whole run, has nothing of that arm, was written by another
            version, or counted with another SQLite.
    """
    try:
        _require_version(folder / "gate.json")
        comparison = json.loads((folder / "comparison.json").read_text(encoding="utf-8"))
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        sqlite = run["environment"]["sqlite"]
        seen = {
            str(entry["name"]): _seen(entry["arms"][arm])
            for entry in comparison["operations"]
            if arm in entry["arms"] and "vm_steps" in entry["arms"][arm]
        }
        baseline = Baseline(
            folder.name, run.get("commit"), comparison["dataset"]["content_hash"], run["scale"],
            run["seed"], sqlite, run["environment"].get("python"), seen,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BenchError(
            f"{folder} is not a whole run ({error}); name a folder that `resale-bench run` or "
            "`resale-bench gate --save` wrote."
        ) from error
    if not baseline.seen:
        raise BenchError(f"{folder} holds no counters of the arm {arm}; choose another --arm.")
    if sqlite != sqlite_version():
        raise BenchError(
            f"{folder} was counted with SQLite {sqlite}, and here is {sqlite_version()}: "
            "counters are equal for equal versions only; gate against a git ref instead.",
            INCOMPARABLE,
        )
    return baseline


def _require_version(document: Path) -> None:
    """Refuse a baseline that another version of the gate kept; runs of the study have no such file.

    Raises:
        BenchError: it has another schema_version.
    """
    if not document.is_file():
        return
    version = json.loads(document.read_text(encoding="utf-8"))["schema_version"]
    if version != Gate.version():
        raise BenchError(
            f"The run {document.parent} was written by another version: gate.json has "
            f"schema_version {version}, not {Gate.version()}; start it again."
        )


def _seen(kept: Mapping[str, Any]) -> tuple[Seen, ...]:
    """The executions of one operation; runs of the study hold one, by SQL, without its answer."""
    if "gate" in kept:
        return tuple(
            Seen(**{**execution, "plan": tuple(execution["plan"])}) for execution in kept["gate"]
        )
    return (
        Seen(
            "sql", 0, kept["vm_steps"], kept["fullscan_steps"], kept["sorts"],
            kept.get("autoindexes", 0), kept["rows"], None, None, tuple(kept["plan"]),
        ),
    )  # fmt: skip
