"""What the runs of a table cost, read from the run store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

from benchmark.runs.records import RunRecord, evaluation_key
from benchmark.runs.scoring_speed import ScoringSpeed, speed_name
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.terms import Selection


@dataclass(frozen=True)
class Cost:
    """What the runs of a row on a dataset cost.

    Attributes
    ----------
    parameters
        Number of trained parameters.
    multiply_adds
        Multiplications with addition per snippet and crop; None where they were not counted.
    seconds
        Wall-clock time of a training, the mean over seeds.
    runs
        How many seeds there are.
    places
        Machines and devices that they were trained on, in words, each once.
    peak_memory
        The most bytes that a training took, of all seeds; None where no record has it.
    snippets_per_second
        How many test snippets were scored in a second when the runs were tested, reading them included, the mean over
        seeds; None where it was not measured.
    speed
        How fast one core scored them in a pass of its own; None where none was made.
    """

    row: str
    dataset: str
    parameters: int
    multiply_adds: int | None
    seconds: float
    runs: int
    places: tuple[str, ...]
    peak_memory: int | None
    snippets_per_second: float | None
    speed: ScoringSpeed | None

    def numbers(self) -> Mapping[str, float | None]:
        """Return the costs by the names that they have in the long form of a table."""
        return {
            "parameters": self.parameters,
            "multiply_adds_per_snippet": self.multiply_adds,
            "train_seconds": self.seconds,
            "peak_memory_bytes": self.peak_memory,
            "snippets_per_core_second": self.speed.snippets_per_second if self.speed else None,
        }


def find_costs(plan: TablePlan, store: RunStore, selection: Selection) -> tuple[Cost, ...]:
    """Find what the finished runs of a table cost; a row without any on a dataset is left out, and an imported one."""
    found = []
    for row in plan.rows:
        for dataset in plan.datasets:
            stored = (store.record(key) for key in row.runs[dataset.name])
            records = [record for record in stored if record is not None and not record.spec.imported]
            if not records:
                continue
            speeds = [_speed(record, dataset.test_hash, store, selection) for record in records]
            measured = [speed for speed in speeds if speed is not None]
            peaks = [record.peak_memory for record in records if record.peak_memory is not None]
            found.append(
                Cost(
                    row=row.label,
                    dataset=dataset.name,
                    parameters=records[0].parameters,
                    multiply_adds=row.card.multiply_adds.get(dataset.name) if row.card else None,
                    seconds=fmean(record.seconds for record in records),
                    runs=len(records),
                    places=tuple(dict.fromkeys(record.environment.place for record in records)),
                    peak_memory=max(peaks, default=None),
                    snippets_per_second=fmean(measured) if measured else None,
                    speed=store.derived("speeds", speed_name(records[0].spec, dataset.test_hash), ScoringSpeed),
                )
            )
    return tuple(found)


def _speed(record: RunRecord, test_hash: str, store: RunStore, selection: Selection) -> float | None:
    evaluation = store.evaluation(record.key, evaluation_key(record.key, selection, test_hash))
    return evaluation.snippets_per_second if evaluation else None
