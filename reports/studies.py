"""A study of settings as a plot: the metric over the values of each."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.cells import Table
from benchmark.files import replacing
from reports.grid import dataset_title


def draw_study(table: Table, folder: Path) -> Path:
    """Draw mean and sample standard deviation over seeds, a panel per setting and a line per dataset, as PNG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import seaborn as sns

    plan, frame = table.plan, study_frame(table)
    settings = list(dict.fromkeys(frame["setting"]))
    with sns.axes_style("whitegrid"), sns.plotting_context("paper"), sns.color_palette("colorblind"):
        figure, axes = plt.subplots(1, len(settings), figsize=(1 + 3 * len(settings), 3), sharey=True, squeeze=False)
        for axis, setting in zip(axes[0], settings, strict=True):
            shown = frame[frame["setting"] == setting]
            numbers = pd.to_numeric(shown["value"], errors="coerce")
            shown = shown.assign(place=shown["value"] if numbers.isna().any() else numbers)
            for name, part in shown.groupby("dataset", sort=False):
                axis.errorbar(part["place"], part["mean"], yerr=part["std"], marker="o", capsize=3, label=str(name))
            axis.set_xlabel(setting)
        axes[0, 0].set_ylabel("percent")
        axes[0, -1].legend(title=None, fontsize="small")
        figure.suptitle(f"{plan.title} ({plan.profile}, {plan.seeds} seeds, {table.selection})", fontsize="medium")
        figure.tight_layout()
        path = folder / f"{plan.table}.png"
        with replacing(path) as file:
            figure.savefig(file, format="png", dpi=150)
        plt.close(figure)
    return path


def study_frame(table: Table) -> pd.DataFrame:
    """Return the numbers of a study, in percent: setting, value, dataset with its metric, mean, std."""
    rows = []
    for row in table.plan.rows:
        for dataset in table.plan.datasets:
            summary = table.cell(row.label, dataset.name, dataset.name).summary
            if summary is not None:
                value = row.settings[0].partition("=")[2]
                std = float("nan") if summary.std is None else 100 * summary.std
                rows.append((row.group, value, dataset_title(dataset), 100 * summary.mean, std))
    return pd.DataFrame(rows, columns=["setting", "value", "dataset", "mean", "std"])
