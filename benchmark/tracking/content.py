"""What MLflow shows of a run: tags, parameters, metrics and loss curves."""

from __future__ import annotations

import csv
import datetime
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from benchmark.runs.records import Evaluation, RunRecord
from benchmark.terms import Selection

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric, Param

BATCH = 1000
"""What MLflow takes in one call."""
SELECTIONS = get_args(Selection)
NOTE = "mlflow.note.content"
LONGEST_NOTE = 8000
SHOWN_DIGEST = 8
"""Of a dataset's hash; the column of datasets is narrow."""


def note(markdown: str) -> str:
    """Return a table as the description of a call: whole paragraphs, as many as MLflow takes."""
    return markdown if len(markdown) <= LONGEST_NOTE else markdown[:LONGEST_NOTE].rpartition("\n\n")[0]


def trained_on(record: RunRecord) -> DatasetInput:
    """Return what a run was trained on."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    spec = record.spec
    dataset = Dataset(spec.dataset, spec.train_hash[:SHOWN_DIGEST], "wvad", spec.feature_set)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def run_tags(record: RunRecord) -> dict[str, str]:
    """Return what a run is filtered and grouped by."""
    spec = record.spec
    return {
        "method": spec.method,
        "add_ons": names(add_on.name for add_on in spec.add_ons),
        "shuffled_labels": str(spec.shuffled_labels).lower(),
        "imported": str(spec.imported).lower(),
        "dataset": spec.dataset,
        "seed": str(spec.seed),
        "feature_set": spec.feature_set,
        "profile": spec.profile,
        "deviations": names(record.deviations),
    }


def run_params(record: RunRecord) -> list[Param]:
    """Return a run's settings, named by their section, and a few facts."""
    spec = record.spec
    facts = {"holdout": spec.holdout, "parameters": record.parameters, "seconds": record.seconds}
    return params(spec.named_settings | facts)


def params(values: Mapping[str, object]) -> list[Param]:
    """Return values as MLflow's parameters."""
    from mlflow.entities import Param

    return [Param(_clean(name), str(value)) for name, value in values.items()]


def metrics(record: RunRecord, evaluations: Sequence[Evaluation]) -> list[Metric]:
    """Return metrics with the time of their evaluation: logged again they add nothing, and the latest one counts.

    MLflow lists them in this order: in front is the primary metric of the last step on the dataset trained on.
    """
    from mlflow.entities import Metric

    def place(evaluation: Evaluation) -> tuple[int, bool, str]:
        return SELECTIONS.index(evaluation.selection), evaluation.dataset != record.spec.dataset, evaluation.dataset

    return [
        Metric(_clean(f"{e.selection}/{name}/{e.dataset}"), value, milliseconds(e.finished), e.step)
        for e in sorted(evaluations, key=place)
        for name, value in sorted(e.metrics.items(), key=lambda item: item[0] != e.metric)
        if value is not None
    ]


def curves(path: Path, timestamp: int) -> list[Metric]:
    """Return the loss terms over the steps, thinned so that they fit into one batch."""
    from mlflow.entities import Metric

    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    terms = [name for name in rows[0] if name != "step"]
    every = -(-len(rows) // (BATCH // len(terms)))
    return [
        Metric(_clean(f"train/{name}"), float(row[name]), timestamp, int(row["step"]))
        for row in rows[::every]
        for name in terms
    ]


def milliseconds(time: str) -> int:
    """Return a point in time as MLflow counts it."""
    return int(datetime.datetime.fromisoformat(time).timestamp() * 1000)


def names(several: Iterable[str]) -> str:
    """Return names as the value of a tag."""
    return ",".join(several)


def _clean(name: str) -> str:
    return re.sub(r"[^\w\-. /]", "_", name)
