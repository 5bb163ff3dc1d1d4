"""FastAPI's own first example, on the shop's server with its settings, logging no request.

    python -m tests.validation.hello_process

Prints its URL once it listens. What a ratio of the shop's rate and this one tells of is the
application.
"""

from __future__ import annotations

import uvicorn
from fastapi import FastAPI

from reference_app.server import address_of, bind


def main() -> None:
    """Serve until a signal comes."""
    app = FastAPI()

    @app.get("/")
    async def hello() -> dict[str, str]:
        return {"message": "hello"}

    with bind("127.0.0.1", 0) as listener:
        print(address_of(listener), flush=True)
        config = uvicorn.Config(app, log_config=None, access_log=False)
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
