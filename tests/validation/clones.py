"""A clone of a repository's last commit, to change at will."""

from __future__ import annotations

import subprocess
from pathlib import Path

from bench.errors import BenchError


def clone(repository: Path, tree: Path) -> None:
    """Clone into `tree`; nothing is written into the repository.

    Raises:
        BenchError: there is no repository, or git refuses.
    """
    # Shared: objects are read where they are.
    done = subprocess.run(
        ["git", "clone", "--quiet", "--shared", str(repository.resolve()), str(tree)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise BenchError(
            f"{repository} cannot be cloned ({done.stderr.strip()}); name a checkout with --repo."
        )
