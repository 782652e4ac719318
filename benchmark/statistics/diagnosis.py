"""The numbers of a diagnosis: what each is of, and how they vary over seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.statistics.over_seeds import Summary, summarise

Part = Literal["scores", "agreement", "swap", "motion", "objects", "loss", "units"]


class Place(NamedTuple):
    """Where a number of a diagnosis stands: in which part, in which row and column of it."""

    part: Part
    row: str
    column: str


@dataclass(frozen=True)
class Measure:
    """A number of one run's diagnosis."""

    place: Place
    value: float


def summarise_measures(runs: Sequence[Sequence[Measure]]) -> dict[Place, Summary]:
    """Summarise each number over the runs in which it is defined."""
    values: dict[Place, list[float]] = {}
    for measure in (measure for run in runs for measure in run):
        values.setdefault(measure.place, []).append(measure.value)
    return {place: summarise(of_runs) for place, of_runs in values.items()}
