"""What a study calls its arms and the size of its data, in everything that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from bench.study import Study


@dataclass(frozen=True, slots=True)
class Arms:
    """Labels by name in the study's order, and which two the study is about.

    `nouns` are those of the tables whose rows stand for the size of the data (`Study.size`).
    """

    labels: Mapping[str, str]
    base: str
    judged: str
    nouns: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study) -> Self:
        """The arms of a study."""
        labels = {arm.name: arm.label for arm in study.arms}
        return cls(labels, study.base, study.judged, study.size)

    def label(self, name: str) -> str:
        """An arm's label, or its name where the study gives none."""
        return self.labels.get(name, name)

    def ordered(self, names: set[str]) -> list[str]:
        """Those of `names` in the study's order, unknown ones last."""
        known = [name for name in self.labels if name in names]
        return known + sorted(names.difference(known))
