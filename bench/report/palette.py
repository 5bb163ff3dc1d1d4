"""Colours and shapes: one place, so that page and pictures agree.

Room show. Blue and orange differ in lightness and stay apart for every common
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
BAND = "#fbe3b4"
BAND_EDGE = "#d9a441"

# Each colour of a picture and the page's variable that takes its place, so
# that one SVG serves a light page, a dark page and a file of its own.
VARIABLES = {
    INK: "--ink",
    MUTED: "--muted",
    GRID: "--grid",
    PAPER: "--paper",
    BEFORE: "--before",
    AFTER: "--after",
    AFTER_EDGE: "--after-edge",
    ANALYZED: "--analyzed",
    RECOMMENDED: "--recommended",
    CONTROL: "--control",
    SLOWER: "--slower",
    BAND: "--band",
    BAND_EDGE: "--band-edge",
}

DARK = {
    INK: "#e8eaed",
    MUTED: "#a3acb6",
    GRID: "#343b43",
    PAPER: "#14181d",
    BEFORE: "#6cb2f2",
    AFTER: "#f5a623",
    AFTER_EDGE: "#ffd591",
    ANALYZED: "#b98d45",
    RECOMMENDED: "#45c4b0",
    CONTROL: "#8b939c",
    SLOWER: "#ff8a80",
    BAND: "#4a3a17",
    BAND_EDGE: "#a37a26",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict as it is shown: its word, its shape, its tone (a CSS class)."""

    word: str
    shape: str
    tone: str


_VERDICTS = {
    "faster": Verdict("faster", "▲", "good"),
    "slower": Verdict("slower", "▼", "bad"),
    "same": Verdict("same", "●", "plain"),
    "inconclusive": Verdict("inconclusive", "◌", "open"),
    "exceeded": Verdict("exceeded", "▲", "good"),
    "confirmed": Verdict("confirmed", "●", "good"),
    "short": Verdict("short", "◐", "weak"),
    "refuted": Verdict("refuted", "▼", "bad"),
    # What an index does to one operation, what it is worth, and what becomes of it.
    "helps": Verdict("helps", "▲", "good"),
    "harms": Verdict("harms", "▼", "bad"),
    "masked": Verdict("masked", "◌", "open"),
    "pays": Verdict("pays", "▲", "good"),
    "mixed": Verdict("mixed", "◐", "weak"),
    "harmful": Verdict("harmful", "▼", "bad"),
    "dead weight": Verdict("dead weight", "○", "plain"),
    "untested": Verdict("untested", "◌", "open"),
    "added": Verdict("added", "+", "good"),
    "dropped": Verdict("dropped", "−", "bad"),
    "kept": Verdict("kept", "●", "plain"),
    # What the gate says of an operation, and of the whole.
    "regression": Verdict("regression", "✖", "bad"),
    "missing": Verdict("missing", "−", "weak"),
    "new": Verdict("new", "+", "plain"),
    "improved": Verdict("improved", "▲", "good"),
    "pass": Verdict("pass", "✔", "plain"),
    "incomparable": Verdict("incomparable", "✖", "bad"),
}


def verdict(word: str | None) -> Verdict:
    """The verdict of that word; a word that is not known is shown as it is."""
    if word is None:
        return Verdict("not compared", "○", "open")
    return _VERDICTS.get(word, Verdict(word, "◌", "open"))
