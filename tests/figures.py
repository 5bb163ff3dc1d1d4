"""The figures of README and docs, written from results/ into the places that name them.

    python -m tests.figures            write them
    python -m tests.figures --check    name the pages that differ, and end with 1

A place is what stands between `<!-- figures: NAME -->` and `<!-- end -->`.
"""

from __future__ import annotations

import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

from bench.judge.figures import duration, effect, effect_interval, significant, times
from bench.report.units import count, dollars, rate, share, size
from bench.show.evidence_parts import number_word, sentence_case

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
WIDTH = 110
_PLACE = re.compile(r"(<!-- figures: ([a-z-]+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)

SHOWN = (
    "events_count_by_type_since", "sell_requests_summary", "events_by_type_since",
    "events_newest_of_type", "products_by_size", "events_count_by_type", "funnel_since",
    "product_detail", "events_recent", "track_events",
)  # fmt: skip
LOADED = (
    "product_detail", "products_by_size", "products_newest", "sell_items_for_submission",
    "order_history", "track_events",
)  # fmt: skip


@cache
def document(name: str) -> Any:
    """Return a JSON file of the reference run."""
    return json.loads((REFERENCE / f"{name}.json").read_text(encoding="utf-8"))


def plain(text: str) -> str:
    """Text with ordinary spaces, so that lines can be filled."""
    return text.replace("\N{NO-BREAK SPACE}", " ")


def paragraph(text: str) -> str:
    """Text in lines of at most WIDTH characters."""
    return textwrap.fill(plain(text), WIDTH, break_long_words=False, break_on_hyphens=False)


def bullet(text: str) -> str:
    """A list's item in lines of at most WIDTH characters."""
    return textwrap.fill(
        plain(text), WIDTH, initial_indent="- ", subsequent_indent="  ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def table(head: Sequence[str], rows: Iterator[Sequence[str]] | Sequence[Sequence[str]]) -> str:
    """A table whose first column holds text and whose others hold figures."""
    lines = [list(head), ["---", *["--:"] * (len(head) - 1)], *map(list, rows)]
    return "\n".join(f"| {' | '.join(map(plain, line))} |" for line in lines)


def operations() -> dict[str, Any]:
    """Return the entries of comparison.json by name."""
    return {entry["name"]: entry for entry in document("comparison")["operations"]}


def versus(entry: Mapping[str, Any], base: str, arm: str) -> Mapping[str, Any]:
    """Return the comparison of two arms."""
    return next(p for p in entry["comparisons"] if (p["base"], p["arm"]) == (base, arm))


def title(name: str) -> str:
    """An operation's title, as it stands within a sentence."""
    text = str(operations()[name]["title"])
    return text[:1].lower() + text[1:]


def slowdown(name: str) -> str:
    """An operation that got slower, with its factor."""
    pair = versus(operations()[name], "before", "after")
    return f"{title(name)} ({times(1 / pair['speedup'])})"


def slower(kind: str) -> list[str]:
    """Name the operations of a kind that the migration made slower, the worst first."""
    names: list[str] = document("claims")["headline"]["slower"]
    return [name for name in names if operations()[name]["kind"] == kind]


def verdict() -> str:
    return f"**Verdict of the reference run.** {document('claims')['headline']['sentence']}"


def run_facts() -> str:
    run = document("run")
    seconds = {s["name"]: s["duration_ns"] / 1e9 for s in run["stages"]}
    extra = ("ablation of the indexes", "matrix of statistics", "rows read and written", "cost",
             "growth", "recommended migration")  # fmt: skip
    whole = sum(seconds.values())
    evidence = sum(seconds.get(name, 0.0) for name in extra)
    environment = run["environment"]
    return paragraph(
        f"Measured on {environment['cores']} cores of a shared {environment['cpu']} with SQLite "
        f"{environment['sqlite']}: {(whole - evidence) / 60:.0f} minutes, and "
        f"{evidence / 60:.0f} more with `RUN_FLAGS=--evidence`; "
        f"{size(run['peak_rss_bytes'])} of memory at most and 10 GB of disk while it runs."
    )


def operation_table() -> str:
    arms = ("before", "after", "after_analyzed", "recommended")

    def rows() -> Iterator[list[str]]:
        for name in SHOWN:
            entry = operations()[name]
            pair = versus(entry, "before", "after")
            words = pair["verdict"]
            if words in ("faster", "slower"):
                interval = effect_interval(pair["speedup"], *pair["ci95"])
                words = f"{effect(pair['speedup'])} ({interval})"
            yield [
                title(name),
                *(duration((entry["arms"].get(arm) or {}).get("median_ns")) for arm in arms),
                words,
            ]

    return table(
        ("operation", "before", "after", "+ ANALYZE", "recommended", "after against before"), rows()
    )


def findings() -> str:
    """What the reference run found, in twelve lines or so."""
    claims, cost, live = document("claims"), document("cost"), document("live")
    headline, recommended = claims["headline"], document("recommended")
    indexes = document("ablation")["indexes"]
    verdicts = {
        word: [index["name"] for index in indexes if index["verdict"] == word]
        for word in ("harmful", "mixed", "dead weight", "pays")
    }
    bill = {arm: dollars(month["dollars"]) for arm, month in cost["bill"].items()}
    queries, writes = slower("read"), slower("write")
    way = live["ways"][0]
    overall = document("load")["judged"]["overall"]
    medians = [duration(overall["lanes"][a]["since_due"]["p50_ns"]) for a in ("before", "after")]
    told = [
        f"**Slower queries:** {'; '.join(map(slowdown, queries))}. The planner walks an index to "
        "save a sort, and then fetches the rows one by one.",
        f"**Slower writes:** {'; '.join(map(slowdown, writes))}: the price of 14 indexes.",
        f"**Indexes:** {number_word(len(verdicts['pays']))} of {number_word(len(indexes))} pay; "
        + "; ".join(
            f"{word} {', '.join(f'`{name}`' for name in names)}"
            for word, names in verdicts.items()
            if names and word != "pays"
        )
        + ".",
        "**`PRAGMA optimize`,** which D1 advises, mends none of the slower queries; a full ANALYZE "
        "mends some and makes short ones slower "
        "([why](docs/the-resale-study.md#why-queries-got-slower)).",
        f"**Recommended** ([0007](reference_app/migrations/0007_fewer_indexes.sql)): "
        f"{recommended['verdict']}",
        f"**Price:** {duration(way['longest_write_stall_ns'])} in which nobody can write, "
        f"{size(headline['bytes_added'])} of disk; D1's monthly bill {bill['before']} → "
        f"{bill['after']}, {bill['recommended']} as recommended.",
        f"**At {rate(document('load')['plan']['rate_per_second'])}** the median answer takes "
        f"{medians[0]} before and {medians[1]} after.",
        '**"No race conditions possible":** the report\'s own UPDATE overwrites an answer that was '
        "given already.",
    ]
    return "\n".join(map(bullet, told))


def load_table() -> str:
    judged = document("load")["judged"]
    entries = {"all": judged["overall"]} | {e["name"]: e for e in judged["operations"]}

    def rows() -> Iterator[list[str]]:
        for name in ("all", *LOADED):
            entry = entries[name]
            lanes = [entry["lanes"][arm]["since_due"] for arm in ("before", "after")]
            pair = next(c for c in entry["comparisons"] if c["quantile"] == "p50")
            low, high = pair["ci95"] or (None, None)
            ratio = f"{times(pair['speedup'])} ({significant(low)} to {significant(high)})"
            quantiles = (
                " → ".join(duration(lane[f"{q}_ns"]) for lane in lanes)
                for q in ("p50", "p95", "p99")
            )
            yield [name, str(entry["lanes"]["before"]["slots"]), *quantiles,
                   f"{ratio}, {entry['verdict']}"]  # fmt: skip

    return table(("request", "requests", "p50", "p95", "p99", "p50, before / after"), rows())


def live_answer() -> str:
    return paragraph(document("live")["answer"])


def capacity_table() -> str:
    points = document("capacity")["points"]
    sizes = sorted({point["products"] for point in points})

    def held(arm: str, products: int) -> str:
        point = next(p for p in points if (p["arm"], p["products"]) == (arm, products))
        if point["holds_per_second"] is None:
            return "not the lowest tried"
        return rate(point["holds_per_second"])

    needed = [next(p for p in points if p["products"] == n)["needed_per_second"] for n in sizes]
    rows = [[f"`{arm}`", *(held(arm, n) for n in sizes)] for arm in ("before", "after")]
    return table(
        ("highest rate with p99 within 250 ms", *(f"{n:,} products" for n in sizes)),
        [*rows, ["needed in the busiest hour", *map(rate, needed)]],
    )


def claim_table() -> str:
    def rows() -> Iterator[list[str]]:
        for claim in document("claims")["claims"]:
            yield [claim["quote"], f"**{claim['verdict']}**", claim["reason"]]

    lines = [["claim", "verdict", "why"], ["---"] * 3, *rows()]
    return "\n".join(f"| {' | '.join(map(plain, line))} |" for line in lines)


def statistics_answers() -> str:
    return "\n".join(map(bullet, document("statistics")["answers"]))


def recommended_details() -> str:
    recommended = document("recommended")
    return paragraph(" ".join([recommended["verdict"], *recommended["details"]]))


def proof_table(section: str) -> str:
    """What the long proofs of a section have measured: results/validation.json."""
    proofs = json.loads((ROOT / "results" / "validation.json").read_text(encoding="utf-8"))
    rows = [
        [f"`{p['command']}`", p["result"], f"{p['date']}, {p['commit']}"]
        for p in proofs["proofs"]
        if p["section"] == section
    ]
    lines = [["command", "what came out", "when, on which code"], ["---"] * 3, *rows]
    return "\n".join(f"| {' | '.join(map(plain, line))} |" for line in lines)


def bill_table() -> str:
    def rows() -> Iterator[list[str]]:
        for arm, month in document("cost")["bill"].items():
            yield [
                f"`{arm}`", count(month["rows_read_per_month"]),
                count(month["rows_written_per_month"]), dollars(month["dollars"]),
            ]  # fmt: skip

    return table(("arm", "rows read a month", "rows written", "D1's bill"), rows())


def run_noise() -> str:
    floor = document("comparison")["noise_floor"]["floor"]
    effect_share = document("comparison")["minimum_effect"]
    return paragraph(
        f"In the reference run no difference below {share(effect_share)} (the smallest that "
        f"counts) or {share(floor)} (the run's noise floor) is called one."
    )


FIGURES: Mapping[str, Callable[[], str]] = {
    "verdict": verdict, "run": run_facts, "operations": operation_table, "findings": findings,
    "load": load_table, "live": live_answer, "capacity": capacity_table, "claims": claim_table,
    "statistics": statistics_answers, "recommended": recommended_details,
    "bill": bill_table, "noise": run_noise,
    **{
        f"proofs-{section}": partial(proof_table, section)
        for section in ("gate", "compare", "micro", "load", "shop", "data")
    },
}  # fmt: skip


def filled(text: str) -> str:
    """A page with its figures as results/ has them now."""
    return _PLACE.sub(lambda place: f"{place[1]}{FIGURES[place[2]]()}\n{place[4]}", text)


def main() -> int:
    """Write the pages, or tell which differ."""
    differing = [path for path in PAGES if filled(text := path.read_text(encoding="utf-8")) != text]
    if "--check" in sys.argv[1:]:
        for path in differing:
            print(f"{path.relative_to(ROOT)} has other figures than results/: run `make docs`")
        return 1 if differing else 0
    for path in differing:
        path.write_text(filled(path.read_text(encoding="utf-8")), encoding="utf-8")
        print(sentence_case(f"wrote {path.relative_to(ROOT)}"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
