"""What a store holds as pandas tables, for notebooks: runs with their metrics and settings, class-wise AUCs, scores."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd

from benchmark.runs.records import Evaluation, RunRecord
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.terms import Selection

PART_DIGITS = 16
"""Of the hash of a dataset's training or test part, as a column shows it."""


def load_runs(
    results: Path | str = "results", selection: Selection = "last", *, controls: bool = False
) -> pd.DataFrame:
    """Load what is stored under one selection: a row for each run and each dataset that it was tested on.

    Runs that share `configuration` differ in their seed alone: no other rows may be pooled into a mean. `train_part`
    and `test_part` tell datasets of one name apart that were imported with other videos or labels. Settings stand in
    columns ``config.KEY``, ``training.KEY`` and ``ADD-ON.KEY``, metrics in columns of their own; nan where one is
    undefined.

    Parameters
    ----------
    selection
        Which weights of a run count.
    controls
        Whether runs on shuffled video labels are there too; `shuffled_labels` tells them.

    Raises
    ------
    InputError
        If no run is stored there under this selection.
    """
    return pd.DataFrame(
        {
            **_identity(record, evaluation),
            "metric": evaluation.metric,
            **{name: _number(value) for name, value in evaluation.metrics.items() if not _is_class_wise(name)},
            **record.spec.named_settings,
        }
        for record, evaluation in _evaluations(Path(results), selection, controls)
    )


def load_class_wise(
    results: Path | str = "results", selection: Selection = "last", *, controls: bool = False
) -> pd.DataFrame:
    """Load the class-wise AUCs of the rows of `load_runs`: a row for each class and definition.

    Raises
    ------
    InputError
        If no run is stored there under this selection.
    """
    found = _evaluations(Path(results), selection, controls)
    rows = [
        {**_identity(record, evaluation), "class": name, "definition": definition, "auc": _number(value)}
        for record, evaluation in found
        for metric, value in evaluation.metrics.items()
        if _is_class_wise(metric)
        for definition, _, name in [metric.partition("/")]
    ]
    return pd.DataFrame(rows, columns=[*_identity(*found[0]), "class", "definition", "auc"])


def load_scores(run: pd.Series, results: Path | str = "results") -> pd.DataFrame:
    """Load the scores of a run on the test videos: a row for each snippet.

    Columns are `video`, `classes` (empty for a normal video), `snippet` (from 0), `score`, `frames` that the snippet
    stands for, and `abnormal_frames`, those of them that are annotated as abnormal.

    Parameters
    ----------
    run
        A row of `load_runs`, such as ``load_runs().iloc[0]``.

    Raises
    ------
    InputError
        If its scores are not stored there, or damaged.
    """
    store, key = Results(Path(results)).store, str(run["run_key"])
    wanted = (run["eval_dataset"], run["test_part"], run["selection"])
    found = (e for e in store.evaluations(key) if (e.dataset, e.test_hash[:PART_DIGITS], e.selection) == wanted)
    evaluation = next(found, None)
    scored = store.read_scores(key, evaluation.key) if evaluation else None
    if scored is None:
        raise InputError(
            f"{results}: no scores of run {key} on {wanted[0]} there; `wvad store verify` says what is damaged"
        )
    frame = pd.DataFrame(
        {
            "video": np.array(scored.names)[scored.video],
            "classes": np.array([", ".join(names) for names in scored.classes])[scored.video],
            "score": scored.scores,
            "frames": scored.positive + scored.negative,
            "abnormal_frames": scored.positive,
        }
    )
    frame.insert(2, "snippet", frame.groupby("video", sort=False).cumcount())
    return frame


def _evaluations(results: Path, selection: Selection, controls: bool) -> list[tuple[RunRecord, Evaluation]]:
    """Return the stored evaluations under a selection, each with its run."""
    if selection not in get_args(Selection):
        raise InputError(f"selection {selection!r}: choose one of {', '.join(get_args(Selection))}")
    store = Results(results).store
    found = [
        (record, evaluation)
        for record in store.records()
        if controls or not record.spec.shuffled_labels
        for evaluation in store.evaluations(record.key)
        if evaluation.selection == selection
    ]
    if not found:
        raise InputError(
            f"{results}: no run is stored there under the selection {selection}; `wvad train` or `compare` makes some"
        )
    return found


def _identity(record: RunRecord, evaluation: Evaluation) -> dict[str, object]:
    """Say what a row is of; see `load_runs`."""
    spec = record.spec
    return {
        "run_key": record.key,
        "configuration": spec.configuration,
        "title": spec.title,
        "method": spec.method,
        "add_ons": "+".join(add_on.name for add_on in spec.add_ons),
        "train_dataset": spec.dataset,
        "train_part": spec.train_hash[:PART_DIGITS],
        "eval_dataset": evaluation.dataset,
        "test_part": evaluation.test_hash[:PART_DIGITS],
        "profile": spec.profile,
        "holdout": spec.holdout,
        "shuffled_labels": spec.shuffled_labels,
        "imported": spec.imported,
        "seed": spec.seed,
        "selection": evaluation.selection,
        "step": evaluation.step,
    }


def _is_class_wise(metric: str) -> bool:
    return "/" in metric


def _number(value: float | None) -> float:
    return float("nan") if value is None else value
