"""The page of the documented routes: it works without a network, and nobody else is trusted."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from functools import partial

import httpx
import pytest

from tests.bench import browser
from tests.reference_app.conftest import AFTER, make_shop
from tests.reference_app.test_connections import LONGEST_S, served

get = partial(httpx.get, timeout=LONGEST_S)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    path = make_shop(tmp_path_factory.mktemp("shop") / "shop.db", AFTER)
    with served(path, small=False, RESALE_LOG_LEVEL="error") as (host, port, _):
        yield f"http://{host}:{port}"


def test_all_that_the_page_loads_is_served_here(shop: str) -> None:
    page = get(f"{shop}/docs")
    loaded = re.findall(r"""(?:src|href)="([^"]+)"|url: '([^']+)'""", page.text)
    paths = [one or other for one, other in loaded]
    assert len(paths) == 4
    kinds = []
    for path in paths:
        answer = get(httpx.URL(shop).join(path))
        assert (answer.status_code, answer.url.host) == (200, "127.0.0.1")
        kinds.append(answer.headers["content-type"].split(";")[0])
    assert kinds == ["text/css", "image/png", "text/javascript", "application/json"]
    assert "//" not in re.sub(r"<!--.*?-->", "", page.text)


def test_the_policy_allows_the_scripts_of_the_page_and_no_others(shop: str) -> None:
    page = get(f"{shop}/docs")
    inline = re.findall(r"<script>(.*?)</script>", page.text, re.DOTALL)
    assert len(inline) == 1
    digest = base64.b64encode(hashlib.sha256(inline[0].encode()).digest()).decode()
    policy = page.headers["content-security-policy"].split("; ")
    assert f"script-src 'self' 'sha256-{digest}'" in policy


@pytest.mark.parametrize("path", ["/docs", "/products/1", "/nowhere", "/orders/x", "/products/x"])
def test_every_answer_tells_a_browser_what_it_may_do(path: str, shop: str) -> None:
    headers = get(f"{shop}{path}").headers
    assert headers.get_list("x-content-type-options") == ["nosniff"]
    assert headers.get_list("x-frame-options") == ["DENY"]
    assert headers.get_list("referrer-policy") == ["no-referrer"]
    (policy,) = headers.get_list("content-security-policy")
    assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))


def test_what_was_refused_before_it_was_a_request_has_the_headers_too(shop: str) -> None:
    answer = get(shop, headers={"x": "a" * 20_000})
    assert (answer.status_code, answer.headers["x-frame-options"]) == (431, "DENY")


def test_a_browser_shows_every_route_and_can_try_one(shop: str) -> None:
    document = get(f"{shop}/openapi.json").json()
    with browser.browser() as opened:
        page = opened.new_page()
        complaints: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{shop}/docs")
        page.wait_for_selector(".opblock")
        assert page.locator(".opblock").count() == sum(map(len, document["paths"].values()))
        health = page.locator(".opblock", has_text="/health").first
        health.locator(".opblock-summary-control").click()
        health.get_by_role("button", name="Try it out").click()
        health.get_by_role("button", name="Execute").click()
        health.locator(".live-responses-table .response-col_status", has_text="200").wait_for()
    assert complaints == []
    assert {url for url in asked if not url.startswith((shop, "data:"))} == set()
