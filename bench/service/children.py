"""What the benchmarks of the service start in processes of their own: the shop, and a hello world.

    python -m bench.service.children shop FILE
    python -m bench.service.children hello

Each prints its URL once it listens. Both run on the same server with the same settings and
log no request: what a ratio of the two tells of is the application.
"""

from __future__ import annotations

import sys
from pathlib import Path


def _announce(url: str) -> None:
    print(url, flush=True)


def shop(database: Path) -> None:
    """Serve the shop until a signal comes."""
    from reference_app.server import serve
    from reference_app.settings import Settings

    serve(Settings(database=database, log_level="error"), port=0, announce=_announce)


def hello() -> None:
    """Serve FastAPI's own first example until a signal comes."""
    import uvicorn
    from fastapi import FastAPI

    from reference_app.server import address_of, bind

    app = FastAPI()

    @app.get("/")
    async def hello() -> dict[str, str]:
        return {"message": "hello"}

    with bind("127.0.0.1", 0) as listener:
        _announce(address_of(listener))
        config = uvicorn.Config(app, log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    if sys.argv[1] == "shop":
        shop(Path(sys.argv[2]))
    else:
        hello()
