"""The process of one side: it runs the code of one tree, and no other.

    python -m bench.gate.worker.main --tree TREE --database FILE --outbox FILE
    python -m bench.gate.worker.main --queries FILE --database FILE

It reads commands from standard input and answers on what was its standard output, one line
of JSON each; what the tree's code prints goes to standard error. Of the harness only modules
may enter that import neither `reference_app` nor `seeds`: the tree's own have to be found first.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.engines.sqlite.values import from_json, to_json

# From sys/personality.h.
_ADDR_NO_RANDOMIZE = 0x0040000
_FIXED = "GATE_ADDRESSES_FIXED"


def fix_addresses() -> None:
    """Start this process anew without a random layout of its memory, where that is allowed.

    Where things lie decides which of them share a place in the processor's caches: two
    processes of equal code would differ by per cents, each for as long as it lives (Mytkowicz
    et al. 2009, "Producing Wrong Data Without Doing Anything Obviously Wrong!").
    """
    if os.environ.get(_FIXED) is not None or not sys.platform.startswith("linux"):
        return
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        have = libc.personality(0xFFFFFFFF)
        # A container may forbid it; noise is measured in any case.
        if have >= 0 and libc.personality(have | _ADDR_NO_RANDOMIZE) >= 0:
            os.environ[_FIXED] = "1"
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def use_tree(tree: Path) -> None:
    """Make `reference_app` mean that of the tree.

    Raises:
        ImportError: another one is found first, or the tree has none.
    """
    sys.path.insert(0, str(tree))
    import reference_app

    found = Path(str(reference_app.__file__)).resolve()
    if not found.is_relative_to(tree.resolve()):
        raise ImportError(f"reference_app of {found.parent} is in the way of that of {tree}")


def serve(
    commands: Mapping[str, Callable[..., Any]], lines: Any, write: Callable[[bytes], Any]
) -> None:
    """Answer commands until there are no more; an error of the tree's code is an answer too."""
    for line in lines:
        asked = json.loads(line, object_hook=from_json)
        try:
            answer = {"ok": commands[asked.pop("do")](**asked)}
        except Exception as error:
            text = " ".join(str(error).split())
            answer = {"error": f"{type(error).__name__}: {text}" if text else type(error).__name__}
        write(json.dumps(answer, default=to_json).encode() + b"\n")


def main() -> None:
    """Parse, take over the output, import the tree, answer."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate.worker.main", description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--tree", type=Path)
    what.add_argument("--queries", type=Path)
    parser.add_argument("--database", type=Path, required=True)
    parser.add_argument("--outbox", type=Path)
    options = parser.parse_args()
    fix_addresses()
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    if options.tree is not None:
        use_tree(options.tree)
    from bench.gate.worker.answers import Answers
    from bench.gate.worker.counts import CounterWorker
    from bench.gate.worker.custom_database import CustomDatabaseAdapter
    from bench.gate.worker.timing import TimingWorker
    from bench.gate.worker.tree import TreeAdapter

    side = (
        CustomDatabaseAdapter(options.database, options.queries)
        if options.tree is None
        else TreeAdapter(options.database, options.outbox)
    )
    counts, turns = CounterWorker(side), TimingWorker(side)
    commands: dict[str, Callable[..., Any]] = {
        "about": side.about,
        "answer": Answers(side).answer,
        "observe": counts.observe,
        "plans": counts.plans,
        "open": turns.open,
        "prepare": turns.prepare,
        "turn": turns.turn,
    }
    serve(commands, sys.stdin, answers.write)


if __name__ == "__main__":
    main()
