"""What MLflow shows of a run: tags, parameters, metrics and loss curves."""

from __future__ import annotations

import csv
import datetime
import hashlib
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from benchmark.runs.records import Evaluation, RunRecord
from benchmark.runs.run_spec import titled
from benchmark.runs.table_plan import PlannedRow
from benchmark.terms import Selection

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric, Param

BATCH = 1000
"""Metrics that MLflow takes in one call."""
PARAMS_BATCH = 25
"""Parameters in one call: a server takes 100, and a megabyte of them."""
LONGEST_NAME, LONGEST_VALUE, LONGEST_TAG = 250, 6000, 8000
"""Characters that MLflow takes as a name (of a run too), as the value of a parameter, and as that of a tag."""
LONGEST_TITLE = 5000
"""Characters that MLflow takes as a tag of an experiment."""
SELECTIONS = get_args(Selection)
NOTE = "mlflow.note.content"
HELD_OUT_AUC = "held_out/auc_video"
"""What a trial of a search is judged by."""
CLASS_WISE = ("auc_class/", "auc_class_vs_normal/")
"""How metrics of one class begin: there are too many of them to stand among the others."""
SHOWN_DIGEST = 8
"""Of a dataset's hash; the column of datasets is narrow."""


def note(markdown: str) -> str:
    """Return a table as the description of a call: whole paragraphs, as many as MLflow takes."""
    return markdown if len(markdown) <= LONGEST_TAG else markdown[:LONGEST_TAG].rpartition("\n\n")[0]


def trained_on(record: RunRecord) -> DatasetInput:
    """Return what a run was trained on."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    spec = record.spec
    dataset = Dataset(spec.dataset, spec.train_hash[:SHOWN_DIGEST], "wvad", spec.feature_set)
    return DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])


def run_name(row: PlannedRow | None, record: RunRecord) -> str:
    """Return what a run is called: ``RTFM · ucf-crime · seed 0 (share=0.25)``.

    Parameters
    ----------
    row
        Its row of the table, which says what sets it apart from the others; None for a run that is in none.
    """
    spec = record.spec
    settings = spec.settings if row is None else row.settings
    title = spec.title if row is None or settings else row.label
    dataset = cut(spec.dataset, LONGEST_NAME // 3)
    name = f"{cut(title, LONGEST_NAME // 2)} · {dataset} · {spec.instance}"
    return cut(titled(name, settings), LONGEST_NAME)


def run_tags(label: str, record: RunRecord) -> dict[str, str]:
    """Return what a run is filtered and grouped by."""
    spec = record.spec
    tags = {
        "row": label,
        "method": spec.method,
        "add_ons": names(add_on.name for add_on in spec.add_ons),
        "shuffled_labels": str(spec.shuffled_labels).lower(),
        "imported": str(spec.imported).lower(),
        "dataset": spec.dataset,
        "seed": str(spec.seed),
        "feature_set": spec.feature_set,
        "profile": spec.profile,
        "deviations": names(record.deviations),
        "notes": "; ".join(record.notes),
    }
    return {name: cut(value, LONGEST_TAG) for name, value in tags.items()}


def run_params(record: RunRecord) -> list[Param]:
    """Return what is compared, on what, a few facts, and a run's settings, named by their section."""
    spec = record.spec
    method = "+".join([spec.method, *(add_on.name for add_on in spec.add_ons)])
    asked = {"method": method, "dataset": spec.dataset, "seed": spec.seed, "profile": spec.profile}
    facts = {"holdout": spec.holdout, "parameters": record.parameters, "seconds": record.seconds}
    if record.peak_memory is not None:
        facts["peak_memory"] = record.peak_memory
    return params(asked | facts | spec.named_settings)


def params(values: Mapping[str, object]) -> list[Param]:
    """Return values as MLflow's parameters."""
    from mlflow.entities import Param

    given = distinct(values)
    return [Param(given[name], cut(str(value), LONGEST_VALUE)) for name, value in values.items()]


Measured = Mapping[str, Mapping[str, float | None]]
"""Key of an evaluation -> its measures of events; None where one is undefined."""


def metrics(record: RunRecord, evaluations: Sequence[Evaluation], measured: Measured) -> list[Metric]:
    """Return metrics with the time of their evaluation: logged again they add nothing, and the latest one counts.

    MLflow lists them in this order: in front is the primary metric of the last step on the dataset trained on. Those of
    single classes are left to `class_wise`.
    """
    from mlflow.entities import Metric

    found = []
    for e in _in_order(record, evaluations):
        overall = {name: value for name, value in e.metrics.items() if not name.startswith(CLASS_WISE)}
        values = {**overall, **measured.get(e.key, {})}
        given = distinct(f"{e.selection}/{name}/{e.dataset}" for name in sorted(values))
        found += [
            Metric(given[f"{e.selection}/{name}/{e.dataset}"], value, milliseconds(e.finished), e.step)
            for name, value in sorted(values.items(), key=lambda item: item[0] != e.metric)
            if value is not None
        ]
    if record.spec.trial and record.held_out is not None:
        found.append(Metric(HELD_OUT_AUC, record.held_out, milliseconds(record.finished), record.looks[-1].step))
    return found


def class_wise(record: RunRecord, evaluations: Sequence[Evaluation]) -> str:
    """Return the metrics of single classes as CSV, a line each; empty where there are none."""
    rows = [
        (e.selection, e.dataset, name.partition("/")[2], name.partition("/")[0], "" if value is None else value)
        for e in _in_order(record, evaluations)
        for name, value in e.metrics.items()
        if name.startswith(CLASS_WISE)
    ]
    if not rows:
        return ""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("selection", "dataset", "class", "metric", "value"), *rows])
    return text.getvalue()


def _in_order(record: RunRecord, evaluations: Iterable[Evaluation]) -> list[Evaluation]:
    """Return evaluations by selection, on the dataset trained on first."""

    def place(evaluation: Evaluation) -> tuple[int, bool, str]:
        return SELECTIONS.index(evaluation.selection), evaluation.dataset != record.spec.dataset, evaluation.dataset

    return sorted(evaluations, key=place)


def curves(path: Path, timestamp: int) -> list[Metric]:
    """Return the loss terms over the steps, thinned so that they fit into one batch as far as there are that few."""
    from mlflow.entities import Metric

    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    terms = [name for name in rows[0] if name != "step"]
    every = -(-len(rows) // max(1, BATCH // len(terms)))
    given = distinct(f"train/{name}" for name in terms)
    return [
        Metric(given[f"train/{name}"], float(row[name]), timestamp, int(row["step"]))
        for row in rows[::every]
        for name in terms
    ]


def milliseconds(time: str) -> int:
    """Return a point in time as MLflow counts it."""
    return int(datetime.datetime.fromisoformat(time).timestamp() * 1000)


def names(several: Iterable[str]) -> str:
    """Return names as the value of a tag."""
    return ",".join(several)


def cut(text: str, length: int) -> str:
    """Return a text as MLflow can store it: no longer than that, and with nothing that has no form in UTF-8."""
    text = text.encode(errors="replace").decode()
    return text if len(text) <= length else f"{text[: length - 1]}…"


def distinct(several: Iterable[str]) -> dict[str, str]:
    """Return each name as MLflow takes it: short, of letters, digits and few signs, and no path that leads elsewhere.

    Names that would be the same then, and those that are too long, end with digits of their hash.
    """
    given: dict[str, str] = {}
    for name in several:
        parts = re.sub(r"[^\w\-. /]", "_", name).split("/")
        clean = "/".join("_" * (len(part) or 1) if part in ("", ".", "..") else part for part in parts)
        if len(clean) > LONGEST_NAME or clean in given.values():
            end = f"-{hashlib.sha256(name.encode(errors='replace')).hexdigest()[:8]}"
            clean = clean[: LONGEST_NAME - len(end)] + end
        given[name] = clean
    return given
