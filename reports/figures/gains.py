"""What tuning gains each method, with its interval."""

from __future__ import annotations

from functools import partial

import pandas as pd

from benchmark.tables.cells import Table
from reports.figures.figure import Absence, Figure
from reports.figures.forest import draw_intervals
from reports.figures.style import shorten
from reports.tables.captions import figure_caption
from reports.tables.differences import difference_notes
from reports.tables.gains import TITLE, find_gains
from reports.tables.grid import dataset_title

NAME = "gains"
CAPTION = (
    "Gain of the tuned settings over the recipe's on the test videos of the dataset that both were trained on, in "
    "points, with 95 % intervals that count test videos and seeds, not other searches (docs/statistics.md).",
    "Filled: p at most 0.05 after Holm's adjustment for all differences of the table, blue where tuning gains and "
    "vermilion where it loses; open: no verdict.",
)


def draw_gains(table: Table) -> Figure | Absence:
    """Draw what tuning gains the methods of a table."""
    plan = table.plan
    folder = f"{plan.folder}/{plan.table}"
    data = _data(table)
    if data.empty:
        return Absence(folder, NAME, TITLE, "no tuned row can be compared with itself as in the recipe.")
    return Figure(
        folder,
        NAME,
        TITLE,
        (*figure_caption(table), *CAPTION, *difference_notes(table)),
        f"Forest plot of what tuning gains the methods of {plan.table}, with 95 % intervals.",
        partial(draw_intervals, data.assign(label=data["row"].map(shorten)), "gain by tuning in points"),
        data,
    )


def _data(table: Table) -> pd.DataFrame:
    rows = [
        {
            "column": dataset_title(gain.dataset),
            "row": gain.label,
            "difference": found.gap,
            "ci_low": found.ci_low,
            "ci_high": found.ci_high,
            "p_holm": found.p,
            "covers_seeds": found.covers_seeds,
            "held_out_recipe": gain.search.recipe_held_out,
            "held_out_tuned": gain.search.held_out,
        }
        for gain in find_gains(table)
        if (found := gain.difference) is not None
    ]
    return pd.DataFrame(rows)
