"""Stages of a job: each is said as it ends, with its time, and kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.results.run import Stage

Say = Callable[[str], None]


@dataclass
class Stages:
    """Says each stage as it ends, with its time, and keeps the list."""

    say: Say
    progress: Say
    done: list[Stage] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time one stage."""
        begun = time.perf_counter_ns()
        try:
            yield
        finally:
            self.progress("")
        duration_ns = time.perf_counter_ns() - begun
        self.done.append(Stage(name=name, duration_ns=duration_ns))
        self.say(f"{name:<42} {duration_ns / 1e9:8.1f} s")
