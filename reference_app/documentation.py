"""The documentation page, and the security headers of all responses.

FastAPI's own page loads Swagger UI from another host. Here the files of fastapi-offline are served,
so that the page works without a network and trusts no other host.
"""

from __future__ import annotations

import base64
import hashlib
import re

from fastapi import FastAPI
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.staticfiles import StaticFiles

_ASSETS = "/docs/assets"
_PAGE = get_swagger_ui_html(
    openapi_url="/openapi.json",
    title="Resale shop",
    swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
    swagger_css_url=f"{_ASSETS}/swagger-ui.css",
    swagger_favicon_url=f"{_ASSETS}/favicon.png",
)


def install(app: FastAPI) -> None:
    """Serve the documentation under /docs."""

    @app.get("/docs", include_in_schema=False)
    async def page(_: Request) -> HTMLResponse:
        return HTMLResponse(_PAGE.body)

    app.mount(_ASSETS, StaticFiles(packages=[("fastapi_offline", "static")]))


def security_headers() -> list[tuple[str, str]]:
    """The headers of every response; the policy allows what /docs needs and no more."""
    policy = (
        "default-src 'none'",
        f"script-src 'self' {' '.join(_inline_scripts())}",
        # Swagger UI writes styles into its page.
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    )
    return [
        ("content-security-policy", "; ".join(policy)),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
        ("x-content-type-options", "nosniff"),
    ]


def _inline_scripts() -> list[str]:
    """The hashes of the page's inline scripts, as sources of the policy."""
    scripts = re.findall(rb"<script>(.*?)</script>", bytes(_PAGE.body), re.DOTALL)
    digests = (base64.b64encode(hashlib.sha256(script).digest()) for script in scripts)
    return [f"'sha256-{digest.decode()}'" for digest in digests]
