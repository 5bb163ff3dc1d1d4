"""What must hold of a database that was served: its study's rules, and every answered write."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bench.engines.sqlite.new_rows import lacking, new_rows, new_rows_without_parents
from bench.load.records import Answers
from bench.study.service import Finding, WrittenRows


@dataclass(frozen=True, slots=True)
class Checked:
    """The rules that were checked, and sentences on those that do not hold."""

    rules: tuple[str, ...]
    violations: tuple[str, ...]


def checked(findings: Sequence[Finding]) -> Checked:
    """Findings as documents hold them."""
    return Checked(
        tuple(finding.rule for finding in findings),
        tuple(
            f"Broken: {finding.rule} ({'; '.join(finding.broken_by)})."
            for finding in findings
            if finding.broken_by
        ),
    )


def parents(database: Path, since: Mapping[str, int]) -> Finding:
    """Whether all rows that came since `newest_rowids` point to rows that are there."""
    return Finding(
        "no row written since points to one that is not there",
        new_rows_without_parents(database, since),
    )


def writes(
    database: Path, since: Mapping[str, int], written: Mapping[str, WrittenRows], answers: Answers
) -> tuple[Finding, ...]:
    """Whether what was answered is what was written, for each operation of `written`.

    Acknowledged rows have to be there. Those of requests that got no answer may be: nobody was
    told how they ended. No others may.
    """
    return tuple(
        _writes_of(operation, rows, database, since, answers) for operation, rows in written.items()
    )


def _writes_of(
    operation: str, rows: WrittenRows, database: Path, since: Mapping[str, int], answers: Answers
) -> Finding:
    rule = f"every write acknowledged to {operation} is in {rows.table}, and no refused one"
    of_operation = answers.name == operation
    acknowledged = rows.rows * int(np.count_nonzero(of_operation & answers.good))
    unanswered = rows.rows * int(np.count_nonzero(of_operation & (answers.status == 0)))
    count = new_rows(database, rows.table, since)
    if acknowledged <= count <= acknowledged + unanswered:
        return Finding(rule)
    sentence = (
        f"{rows.table} grew by {count} rows, but {acknowledged} were acknowledged and "
        f"{unanswered} more were left without an answer"
    )
    return Finding(rule, (sentence,))


def migrated(database: Path, made: Sequence[str]) -> tuple[Finding, ...]:
    """Whether the tables and indexes that a migration made are there, and the indexes complete."""
    missing, incomplete = lacking(database, made)
    return (
        Finding("the migration's tables and indexes are there", missing),
        Finding("every new index has as many entries as its table has rows", incomplete),
    )
