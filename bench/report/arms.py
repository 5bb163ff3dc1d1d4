"""What the arms of a study are called in everything that is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from bench.study import Study


@dataclass(frozen=True, slots=True)
class Arms:
    """Labels by name in the study's order, and which two the study is about."""

    labels: Mapping[str, str]
    base: str
    judged: str

    @classmethod
    def of(cls, study: Study) -> Self:
        """The arms of a study."""
        return cls({arm.name: arm.label for arm in study.arms}, study.base, study.judged)

    def label(self, name: str) -> str:
        """An arm's label, or its name where the study gives none."""
        return self.labels.get(name, name)

    def ordered(self, names: set[str]) -> list[str]:
        """Those of `names` in the study's order, unknown ones last."""
        known = [name for name in self.labels if name in names]
        return known + sorted(names.difference(known))
