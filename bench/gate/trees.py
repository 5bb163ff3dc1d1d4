"""The two sides' code: a git ref laid out in a scratch folder, or a folder.

Talks to git; runs no side's code and opens no database.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import tarfile
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from bench.errors import BenchError


@dataclass(frozen=True, slots=True)
class Tree:
    """One side's code: `commit` is None outside of git, `dirty` says that files differ from it."""

    what: str
    path: Path
    commit: str | None
    dirty: bool

    def digest(self, parts: Iterable[str]) -> str:
        """A hash of the content of these files and folders, compiled Python left out.

        Parts may be patterns, as `bench/*.py`.
        """
        digest = hashlib.blake2b(digest_size=16)
        for part in parts:
            tops = sorted(self.path.glob(part))
            nested = (sorted(top.rglob("*")) if top.is_dir() else [top] for top in tops)
            for file in chain.from_iterable(nested):
                if not file.is_file() or file.suffix == ".pyc":
                    continue
                name, content = str(file.relative_to(self.path)), file.read_bytes()
                digest.update(f"{name}\0{len(content)}\0".encode())
                digest.update(content)
        return digest.hexdigest()


def head_tree(path: Path, package: str) -> Tree:
    """The head as it lies there, changes and all.

    Raises:
        BenchError: there is no such package in that folder.
    """
    if not (path / package).is_dir():
        raise BenchError(f"{path} holds no {package}; name a checkout of the project with --head.")
    commit = _git(path, "rev-parse", "HEAD")
    dirty = bool(_git(path, "status", "--porcelain")) if commit else False
    name = f"{path.resolve().name}"
    what = f"{name} at {commit[:12]}" if commit else name
    return Tree(f"{what}{' with changes' if dirty else ''}", path.resolve(), commit, dirty)


def base_tree(repository: Path, ref: str, folder: Path, package: str) -> Tree:
    """Lay out the commit of a ref in `folder`; the repository is only read.

    Raises:
        BenchError: no git, no repository, no such ref, or no such package in it.
    """
    if _git(repository, "rev-parse", "--git-dir") is None:
        raise BenchError(
            f"{repository} is not a git repository, so {ref!r} cannot be looked up there; "
            "name a checkout with --head, or a saved run's folder with --base."
        )
    commit = _git(repository, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if not commit:
        if Path(ref).is_dir():
            raise BenchError(
                f"{ref} is a folder without a saved run (it has no comparison.json), and no git "
                "ref either; name one that `resale-bench run` or `gate --save` wrote."
            )
        raise BenchError(
            f"{repository} has no commit {ref!r}; fetch it (a CI's checkout may be shallow: "
            "fetch-depth: 0), or check its name."
        )
    packed = subprocess.run(
        ["git", "archive", "--format=tar", commit], cwd=repository, capture_output=True, check=False
    )
    if packed.returncode:
        reason = packed.stderr.decode(errors="replace").strip()
        raise BenchError(f"git cannot lay out {ref!r} ({reason}); fetch the commit as a whole.")
    folder.mkdir(parents=True)
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as files:
        files.extractall(folder, filter="data")
    if not (folder / package).is_dir():
        raise BenchError(f"{ref!r} holds no {package}; name a commit that has one.")
    return Tree(f"{ref} at {commit[:12]}", folder, commit, dirty=False)


def _git(folder: Path, *arguments: str) -> str | None:
    """What git answers; None where it refuses, or is missing."""
    try:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
