"""A filled table as pandas tables; all values are fractions."""

from __future__ import annotations

import pandas as pd

from benchmark.tables.cells import Table


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
    """Return the differences of a table about one method, with 95 % interval and p."""
    columns = ["dataset", "metric", "one", "other", "difference", "ci_low", "ci_high", "p_holm", "covers_seeds"]
    rows = [
        (dataset.name, dataset.metric, d.one, d.other, d.gap, d.ci_low, d.ci_high, d.p, d.covers_seeds)
        for dataset in table.plan.datasets
        for d in table.differences(dataset.name, dataset.name)
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
