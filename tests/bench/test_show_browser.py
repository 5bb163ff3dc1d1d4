"""The report as a reader meets it: in Chromium, at two widths, by keyboard, at night, on paper."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser

from bench.report.contents import render_html
from tests.bench import browser, tips
from tests.bench.browser import Open, Watched
from tests.bench.fixtures.show_report import make_report
from tests.bench.sourced import whole_page, whole_report

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(1)>'

# Elements that stick out of the window, unless something around them scrolls or hides.
STICKING = """() => [...document.querySelectorAll('body *')].filter(e => {
  const box = e.getBoundingClientRect();
  if (!box.width || !box.height || e.closest('.skip') || e.closest('.said')) return false;
  if (e.closest('thead') && getComputedStyle(e.closest('thead')).position === 'absolute')
    return false;
  return box.right > innerWidth + 1 || box.left < -1;
}).map(e => e.tagName + '.' + e.className + ': ' + e.textContent.slice(0, 60))"""

# Words of one picture that lie on each other by more than a hair; slanted ones are not
# compared, since the boxes around them overlap where the words do not.
OVERLAPPING = """() => {
  const found = [];
  for (const svg of document.querySelectorAll('figure svg')) {
    if (!svg.getBoundingClientRect().width) continue;
    const texts = [...svg.querySelectorAll('text')].filter(t =>
      !t.closest('.said') && Math.abs(t.getScreenCTM().b) < 1e-6);
    const boxes = texts.map(t => t.getBoundingClientRect());
    for (let i = 0; i < boxes.length; i++) for (let j = i + 1; j < boxes.length; j++) {
      const a = boxes[i], b = boxes[j];
      const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
      const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
      if (wide > 3 && high > 0.45 * Math.min(a.height, b.height))
        found.push(texts[i].textContent + ' | ' + texts[j].textContent);
    }
  }
  return found;
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with browser.browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def opened(chromium: Browser) -> Iterator[Open]:
    with browser.opener(chromium) as function:
        yield function


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(whole_page(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def wide(opened: Open, report: Path) -> Watched:
    return opened(report)


@pytest.fixture(scope="module")
def narrow(opened: Open, report: Path) -> Watched:
    return opened(report, width=360, height=740)


@pytest.fixture(params=["wide", "narrow"])
def either(request: pytest.FixtureRequest) -> Watched:
    found: Watched = request.getfixturevalue(request.param)
    return found


def test_nothing_is_complained_of_and_nothing_asked_for(either: Watched) -> None:
    assert either.complaints == []
    assert either.requests == []


def test_nothing_sticks_out(either: Watched) -> None:
    page = either.page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert page.evaluate(STICKING) == []


def test_no_words_of_a_picture_lie_on_others(either: Watched) -> None:
    assert either.page.evaluate(OVERLAPPING) == []


def test_words_are_large_enough_to_read(either: Watched) -> None:
    small = either.page.evaluate(
        """() => [...document.querySelectorAll('figure svg text')]
          .filter(t => t.getBoundingClientRect().height && !t.closest('.said'))
          .filter(t => /[\\p{L}\\d]/u.test(t.textContent))
          .map(t => [t, Math.hypot(t.getScreenCTM().a, t.getScreenCTM().b)])
          .map(([t, scale]) => [t.textContent, parseFloat(getComputedStyle(t).fontSize) * scale])
          .filter(([_, size]) => size < 9.5)"""
    )
    assert small == []


def test_every_picture_has_words_and_headings_stand_in_order(wide: Watched) -> None:
    page = wide.page
    pictures = page.locator("svg[role=img]")
    assert pictures.count() > 10
    for label in pictures.evaluate_all("all => all.map(one => one.getAttribute('aria-label'))"):
        assert len(label) > 20
    assert page.get_by_role("img").count() == page.locator("svg:visible").count()
    levels = page.get_by_role("heading").evaluate_all("all => all.map(h => +h.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(levels))
    assert page.get_by_role("main").count() == 1
    assert page.get_by_role("navigation", name="Parts of the report").count() == 1


def test_the_keyboard_reaches_the_skip_link_then_links_and_details(
    opened: Open, report: Path
) -> None:
    page = opened(report).page
    focused = "document.activeElement.textContent.trim().slice(0, 40)"
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Skip to the report"
    assert page.evaluate("document.activeElement.getBoundingClientRect().left >= 0")
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#main"
    seen = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        seen.add(page.evaluate("document.activeElement.tagName"))
    assert {"A", "SUMMARY"} <= seen
    page.locator("#operations summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#operations details").first.get_attribute("open") is not None


def picture(watched: Watched) -> Image.Image:
    return Image.open(io.BytesIO(watched.page.screenshot())).convert("L")


def test_day_night_and_paper_are_drawn_and_differ(opened: Open, report: Path) -> None:
    shown = {
        "day": picture(opened(report, color_scheme="light")),
        "night": picture(opened(report, color_scheme="dark")),
    }
    paper = opened(report, color_scheme="dark")
    paper.page.emulate_media(media="print", color_scheme="dark")
    shown["paper"] = picture(paper)
    grounds = {}
    for name, image in shown.items():
        counts = image.histogram()
        grounds[name] = max(range(256), key=counts.__getitem__)
        ink = sum(counts[:90]) if grounds[name] > 128 else sum(counts[180:])
        assert ink > 2000, f"{name} is blank"
    assert grounds["day"] > 240
    assert grounds["night"] < 60
    assert grounds["paper"] > 240, "a page printed at night is black"
    assert not paper.page.get_by_role("navigation").is_visible()
    assert paper.page.locator("a.json:visible").count() == 0
    assert paper.page.locator("#operations details pre").first.is_visible()


# The contrast of text with its ground, by the formula of WCAG 2.2.
CONTRAST = """() => {
  const part = v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b); };
  const ground = e => { for (; e; e = e.parentElement) {
    const c = getComputedStyle(e).backgroundColor;
    if (!/, 0\\)$|transparent/.test(c)) return c; } return 'rgb(255, 255, 255)'; };
  const bad = {};
  for (const e of document.querySelectorAll('body *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
    if (!e.getClientRects().length || e.closest('.said')) continue;
    const style = getComputedStyle(e);
    const ink = e.closest('svg') ? style.fill : style.color;
    const [a, b] = [light(ink), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5)
      bad[ink + ' on ' + ground(e)] = e.textContent.trim().slice(0, 40);
  }
  return bad;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_words_stand_out_from_their_ground(opened: Open, report: Path, scheme: str) -> None:
    assert opened(report, color_scheme=scheme).page.evaluate(CONTRAST) == {}


def test_marks_tell_their_figures_when_pointed_at(either: Watched) -> None:
    page = either.page
    page.keyboard.press("Escape")
    for figure in page.locator("figure").all():
        tip = figure.locator("svg:visible .tip").last
        tip.scroll_into_view_if_needed()
        said = tip.locator(".said")
        assert said.evaluate("e => getComputedStyle(e).visibility") == "hidden"
        tip.locator(".hit").hover(force=True)
        assert said.evaluate("e => getComputedStyle(e).visibility") == "visible"
        assert any(letter.isdigit() for letter in said.text_content() or "")
        inside = said.evaluate(
            """e => { const a = e.getBoundingClientRect();
              const b = e.closest('svg').getBoundingClientRect();
              return a.left >= b.left - 1 && a.right <= b.right + 1; }"""
        )
        assert inside, said.text_content()
        page.mouse.move(0, 0)


def test_words_of_tips_fit_their_boxes(wide: Watched) -> None:
    wider = wide.page.evaluate(
        """() => [...document.querySelectorAll('.said')].filter(s => s.getClientRects().length
          && s.querySelector('text').getBBox().width > s.querySelector('rect').getBBox().width)
          .map(s => s.textContent)"""
    )
    assert wider == []


def test_markup_from_documents_is_text_and_runs_nothing(opened: Open, tmp_path: Path) -> None:
    title, quoted = f"Shirt {SCRIPT}", f"Sweater {IMAGE}"

    def spoil(values: dict[str, Any]) -> None:
        entry = values["comparison"]["operations"][0]
        entry["title"] = title
        entry["arms"]["before"]["plan"] = [SCRIPT, IMAGE]
        values["claims"]["claims"][0]["quote"] = quoted
        values["run"]["dataset"]["content_hash"] = IMAGE

    spoiled = make_report(spoil)
    found = replace(
        whole_report(), comparison=spoiled.comparison, claims=spoiled.claims, run=spoiled.run
    )
    path = tmp_path / "report.html"
    path.write_text(render_html(found), encoding="utf-8")
    watched = opened(path)
    page = watched.page
    page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    page.wait_for_load_state("load")
    assert watched.complaints == []
    assert watched.requests == []
    assert page.locator("img, script").count() == 0
    row = page.locator(f"#op-{spoiled.comparison.operations[0].name}")
    assert row.locator("th").text_content() == title
    assert page.locator("#operations pre", has_text=IMAGE).count() >= 1
    assert page.locator("#claims h3").first.text_content() == quoted
    assert page.locator("#method dd", has_text=IMAGE).count() == 1
    assert any(
        title in told
        for told in tips.texts(page.locator("#operations svg").first.evaluate("e => e.outerHTML"))
    )


def test_a_machine_without_chromium_skips_or_fails_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("RESALE_BROWSER_TESTS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="install the system's package chromium"):
        browser.chromium_or_skip()
    monkeypatch.setenv("RESALE_BROWSER_TESTS", "required")
    with pytest.raises(pytest.fail.Exception, match="install the system's package chromium"):
        browser.chromium_or_skip()
