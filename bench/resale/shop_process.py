"""The shop in a process of its own, for those who look at it from outside.

    python -m bench.resale.shop_process FILE

Prints its URL once it listens, and logs no request.
"""

from __future__ import annotations

import sys
from pathlib import Path


def _announce(url: str) -> None:
    print(url, flush=True)


def main() -> None:
    """Serve the shop until a signal comes."""
    from reference_app.server import serve
    from reference_app.settings import Settings

    settings = Settings(database=Path(sys.argv[1]), log_level="error")
    serve(settings, port=0, announce=_announce)


if __name__ == "__main__":
    main()
