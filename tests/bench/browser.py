"""Chromium for tests that look at a page as a reader does; without one they are skipped.

With RESALE_BROWSER_TESTS=required they fail instead: so a check that is meant to look
cannot pass without having looked.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Route, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
MISSING = "no Chromium: install the system's package chromium to run the browser tests"


def executable() -> str | None:
    """The system's Chromium, None where there is none."""
    return next((found for found in map(shutil.which, NAMES) if found), None)


def chromium_or_skip() -> str:
    """The system's Chromium; without one the test is skipped, or fails where it is required."""
    found = executable()
    if found is None and os.environ.get("RESALE_BROWSER_TESTS") == "required":
        pytest.fail(MISSING)
    if found is None:
        pytest.skip(MISSING)
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """A browser that is closed again."""
    path = chromium_or_skip()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield opened
        finally:
            opened.close()


class Watched:
    """A page that notes what it complains of and what it asks the network for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", self._dialog)
        page.route("**/*", self._route)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"a script opened a dialog: {dialog.message}")
        dialog.dismiss()

    def _route(self, route: Route) -> None:
        url = route.request.url
        if url == self.page_url:
            route.continue_()
            return
        self.requests.append(url)
        route.abort()

    page_url = ""

    def show(self, path: Path) -> Page:
        """Open a file."""
        self.page_url = path.resolve().as_uri()
        self.page.goto(self.page_url)
        return self.page


Open = Callable[..., Watched]


@contextmanager
def opener(shared: Browser) -> Iterator[Open]:
    """A function that opens watched pages, `width` pixels wide; all are closed at the end."""
    contexts = []

    def opened(path: Path, *, width: int = 1440, height: int = 900, **options: Any) -> Watched:
        context = shared.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        watched = Watched(context.new_page())
        watched.show(path)
        return watched

    yield opened
    for context in contexts:
        context.close()
