"""What was counted of a head is kept as a run to gate against later.

A head that does not pass is never kept: a failing run must not become the baseline.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from bench.gate.built_sides import BuiltSides, Measurements
from bench.gate.timing import HEAD
from bench.judge.gate_seen import Seen
from bench.results import store
from bench.results.comparison import Comparison
from bench.results.gate import Gate
from bench.results.run import Run


def keep(built: BuiltSides, measured: Measurements, gate: Gate, folder: Path) -> str:
    """Write the run, if the verdict is pass; a sentence that says what was done.

    Raises:
        BenchError: the folder is taken, or its name is unusable.
    """
    if gate.verdict != "pass":
        return f"{folder} was not written: only a head that passes becomes a baseline."
    head, size = gate.head, gate.size
    with store.new_run(folder.parent, folder.name) as made:
        store.write_json(
            made / "run.json",
            {
                "schema_version": Run.version(),
                "name": folder.name,
                "study": built.study.name,
                "scale": size.scale,
                "seed": size.seed,
                "commit": f"{head.commit}+changes" if head.dirty else head.commit,
                "environment": {"sqlite": head.sqlite_version, "python": head.python},
            },
        )
        store.write_json(
            made / "comparison.json",
            {
                "schema_version": Comparison.version(),
                "study": built.study.name,
                "dataset": {
                    "scale": size.scale,
                    "seed": size.seed,
                    "rows": dict(size.rows),
                    "content_hash": head.content_hash,
                },
                "noise_floor": gate.noise_floor.json_values(),
                "operations": [
                    {"name": name, "arms": {built.arm: _kept(seen)}}
                    for name, seen in measured.seen[HEAD].items()
                    if seen
                ],
            },
        )
        store.write_json(made / "gate.json", gate)
    return f"kept as {folder}; gate against it with --base {folder}"


def _kept(seen: tuple[Seen, ...]) -> dict[str, Any]:
    """What the study keeps of an operation, from its first set by SQL, and all that was seen."""
    first = asdict(seen[0])
    names = ("vm_steps", "fullscan_steps", "sorts", "autoindexes", "rows", "plan")
    return {
        **{name: first[name] for name in names},
        "gate": [asdict(replace(execution, given=None)) for execution in seen],
    }
