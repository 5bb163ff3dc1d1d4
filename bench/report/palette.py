"""Colours and shapes: one place, so that page and pictures agree.

Blue and orange differ in lightness and stay apart for every common
kind of colour blindness (after Okabe and Ito, 2008); every verdict has a shape
and a word of its own, so that nothing hangs on colour.
"""

from __future__ import annotations

from dataclasses import dataclass

INK = "#1b1f24"
MUTED = "#5c6570"
GRID = "#d5dae0"
PAPER = "#ffffff"
BEFORE = "#0b4f8a"
AFTER = "#e08a00"
AFTER_EDGE = "#8a5300"
ANALYZED = "#c99a4a"
RECOMMENDED = "#00796b"
CONTROL = "#868d95"
SLOWER = "#b3261e"
PROMISED = "#fbe3b4"
PROMISED_EDGE = "#d9a441"

# Each colour of a picture, the page's variable that takes its place, and what that is on a dark
# page: so one SVG serves a light page, a dark page and a file of its own.
_COLOURS = (
    (INK, "--ink", "#e8eaed"),
    (MUTED, "--muted", "#a3acb6"),
    (GRID, "--grid", "#343b43"),
    (PAPER, "--paper", "#14181d"),
    (BEFORE, "--before", "#6cb2f2"),
    (AFTER, "--after", "#f5a623"),
    (AFTER_EDGE, "--after-edge", "#ffd591"),
    (ANALYZED, "--analyzed", "#b98d45"),
    (RECOMMENDED, "--recommended", "#45c4b0"),
    (CONTROL, "--control", "#8b939c"),
    (SLOWER, "--slower", "#ff8a80"),
    (PROMISED, "--band", "#4a3a17"),
    (PROMISED_EDGE, "--band-edge", "#a37a26"),
)
VARIABLES = {colour: variable for colour, variable, _ in _COLOURS}
DARK = {colour: dark for colour, _, dark in _COLOURS}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict as it is shown: its word, its shape, its tone (a CSS class)."""

    word: str
    shape: str
    tone: str


# Of operations and claims, of indexes and what becomes of them, and of the gate.
_VERDICTS = {
    word: Verdict(word, shape, tone)
    for shape, tone, words in (
        ("▲", "good", ("faster", "exceeded", "helps", "pays", "improved")),
        ("●", "good", ("confirmed",)),
        ("+", "good", ("added",)),
        ("▼", "bad", ("slower", "refuted", "harms", "harmful")),
        ("✖", "bad", ("regression", "incomparable")),
        ("−", "bad", ("dropped",)),
        ("◐", "weak", ("short", "mixed")),
        ("−", "weak", ("missing",)),
        ("◌", "open", ("inconclusive", "masked", "untested")),
        ("●", "plain", ("same", "kept")),
        ("○", "plain", ("dead weight",)),
        ("+", "plain", ("new",)),
        ("✔", "plain", ("pass",)),
    )
    for word in words
}


def verdict(word: str | None) -> Verdict:
    """The verdict of that word; a word that is not known is shown as it is."""
    if word is None:
        return Verdict("not compared", "○", "open")
    return _VERDICTS.get(word, Verdict(word, "◌", "open"))
