"""Stored runs with their metrics, and the parts of a filled table, as pandas tables; all values are fractions."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from benchmark.runs.store import RunStore
from benchmark.tables.cells import Table


def runs_frame(store: RunStore) -> pd.DataFrame:
    """Return the evaluations of all stored runs, one row each: what was trained, on what, and every metric."""
    return pd.DataFrame(_evaluations(store))


def _evaluations(store: RunStore) -> Iterator[dict[str, object]]:
    for record in store.records():
        spec = record.spec
        for evaluation in store.evaluations(record.key):
            yield {
                "run_key": record.key,
                "title": spec.title,
                "method": spec.method,
                "add_ons": "+".join(add_on.name for add_on in spec.add_ons),
                "train_dataset": spec.dataset,
                "eval_dataset": evaluation.dataset,
                "profile": spec.profile,
                "selection": evaluation.selection,
                "seed": spec.seed,
                "step": evaluation.step,
                "metric": evaluation.metric,
                "shuffled_labels": spec.shuffled_labels,
                **evaluation.metrics,
            }


def results_frame(table: Table) -> pd.DataFrame:
    """Return the cells of a table: row, datasets, metric, mean, standard deviation over seeds, number of seeds."""
    return pd.DataFrame(
        {
            "row": cell.row,
            "train_dataset": cell.train,
            "eval_dataset": cell.test,
            "metric": cell.metric,
            "mean": cell.summary.mean if cell.summary else None,
            "std": cell.summary.std if cell.summary else None,
            "n_seeds": cell.summary.n if cell.summary else 0,
            "standing": cell.standing,
            "reason": cell.reason,
        }
        for cell in table.cells
    )


def differences_frame(table: Table) -> pd.DataFrame:
    """Return the differences of a table about one method: of it less each other row, with 95 % interval and p."""
    columns = ["dataset", "metric", "one", "other", "difference", "ci_low", "ci_high", "p_holm"]
    rows = [
        (c.test, c.metric, table.plan.subject, c.row, -c.gap.gap, -c.gap.ci_high, -c.gap.ci_low, c.p_adjusted)
        for c in table.cells
        if c.gap is not None
    ]
    return pd.DataFrame(rows, columns=columns)


def classes_frame(table: Table) -> pd.DataFrame:
    """Return how a table's method differs from each other row by class."""
    columns = ["dataset", "other", "class", "definition", "videos", "auc_one", "auc_other", "ci_low", "ci_high"]
    rows = [
        (found.dataset, found.other, c.name, c.definition, c.videos, c.one, c.other, c.ci_low, c.ci_high)
        for found in table.contrasts
        for c in found.classes
    ]
    return pd.DataFrame(rows, columns=columns)


def videos_frame(table: Table) -> pd.DataFrame:
    """Return the test videos on which a table's method differs most from each other row, five each way."""
    columns = ["dataset", "other", "video", "classes", "share_one", "share_other"]
    rows = [
        (found.dataset, found.other, video.name, ", ".join(video.classes), video.one, video.other)
        for found in table.contrasts
        for video in (*found.better, *reversed(found.worse))
    ]
    return pd.DataFrame(rows, columns=columns)
