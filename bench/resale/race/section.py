"""What many clients at once found at a deployment."""

from __future__ import annotations

from collections.abc import Iterator

from bench.report import units
from bench.report.blocks import Block, Bullets, Column, Row, Section, Table, Text
from bench.resale.race.document import Probe, Race

_COLUMNS = ("rounds", "clients", "not probed", "violations", "seconds")


def race_section(race: Race) -> Section:
    """Return the probes, what broke, what could not be probed, what was left, and the verdict."""
    return Section("race", f"Races at {race.url}", "Races", tuple(_blocks(race)))


def _blocks(race: Race) -> Iterator[Block]:
    yield Table(
        (Column("probe"), *(Column(title, "figure") for title in _COLUMNS)),
        [
            Row(
                probe.probe,
                [
                    units.whole(probe.rounds),
                    units.whole(probe.clients),
                    units.whole(probe.not_probed),
                    units.whole(sum(broken.rounds for broken in probe.broken)),
                    f"{probe.duration_s:.1f}",
                ],
            )
            for probe in race.probes
        ],
    )
    notes = [note for probe in race.probes for note in _notes(probe)]
    if notes:
        yield Bullets(notes)
    if race.left:
        more = f", and {len(race.left) - 1} more" if len(race.left) > 1 else ""
        yield Text(f"left behind: {race.left[0]}{more}")
    yield Text(race.verdict, "answer")


def _notes(probe: Probe) -> Iterator[str]:
    for broken in probe.broken:
        yield (
            f"{probe.probe}: broken in {broken.rounds} of {probe.rounds} rounds: {broken.rule}. "
            f"First: {broken.example}"
        )
    if probe.reason is not None:
        yield f"{probe.probe}: {probe.not_probed} not probed, {probe.reason}"
    if not probe.ledger:
        yield f"{probe.probe}: this shop keeps no ledger, so its sums were not compared"
