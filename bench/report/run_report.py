"""One run, ready to be shown: its documents, and what the study calls things."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.report.arms import Arms
from bench.results.documents import RunDocuments


@dataclass(frozen=True, slots=True, kw_only=True)
class Report(RunDocuments):
    """A run's documents under the study's title; `families` of operations have titles as well."""

    title: str
    arms: Arms
    families: Mapping[str, str] = field(default_factory=dict)
