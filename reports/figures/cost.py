"""Quality over cost: which methods are worth what they cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import EngFormatter, FuncFormatter, NullFormatter

from benchmark.tables.cells import Table
from benchmark.tables.costs import Cost
from benchmark.terms import METRIC_NAMES
from reports.figures.figure import NO_NUMBER, Absence, Figure
from reports.figures.style import DOUBLE, GREY, NORMAL, canvas, shorten
from reports.tables.captions import figure_caption

NAME, TITLE = "cost", "Quality over cost"
COSTS: Mapping[str, Callable[[Cost], float | None]] = {
    "multiply-adds per snippet": lambda cost: cost.multiply_adds,
    "seconds of a training": lambda cost: cost.seconds,
    "core milliseconds per snippet": lambda cost: 1000 / cost.speed.snippets_per_second if cost.speed else None,
}
CAPTION = (
    "Result in percent, mean over seeds with its sample standard deviation, over three costs, each on a logarithmic "
    "axis; what is not known of a method is not drawn. Blue and numbered, from cheap to dear: methods that no other of "
    "the panel equals at the same or a lower cost, by means alone; the line is the best result up to a cost.",
)


def draw_cost(table: Table) -> Figure | Absence:
    """Draw what the methods of a table reach over what they cost, for each dataset."""
    folder = f"{table.plan.folder}/{table.plan.table}"
    data = _data(table)
    if data.empty:
        return Absence(folder, NAME, TITLE, NO_NUMBER)
    return Figure(
        folder,
        NAME,
        TITLE,
        (*figure_caption(table), *CAPTION),
        f"Results of {len(set(data['row']))} methods of {table.plan.table} over what they cost.",
        partial(_draw, data),
        data,
    )


def _data(table: Table) -> pd.DataFrame:
    """Return a row for each method, dataset and known cost; `front` numbers those that no other one dominates."""
    found = []
    for cost in table.costs:
        cell = table.cell(cost.row, cost.dataset, cost.dataset)
        for name, of in COSTS.items():
            if cell.summary is not None and (value := of(cost)) is not None and value > 0:
                found.append(
                    {
                        "dataset": cost.dataset,
                        "metric": METRIC_NAMES[cell.metric],
                        "cost": name,
                        "row": cost.row,
                        "value": value,
                        "mean": cell.summary.mean,
                        "std": cell.summary.std,
                    }
                )
    if not found:
        return pd.DataFrame()
    data = pd.DataFrame(found)
    fronts = [_front(part) for _, part in data.groupby(["dataset", "cost"], sort=False)]
    return data.assign(front=pd.concat(fronts))


def _front(part: pd.DataFrame) -> pd.Series:
    """Number the rows that are better than all that are as cheap or cheaper; 0 for others."""
    ordered = part.sort_values(["value", "mean"], ascending=[True, False], kind="stable")
    best_before = ordered["mean"].cummax().shift(fill_value=-np.inf)
    ahead = ordered["mean"] > best_before
    return ahead.cumsum().where(ahead, 0)


def _draw(data: pd.DataFrame) -> Canvas:
    datasets, costs = list(dict.fromkeys(data["dataset"])), [name for name in COSTS if name in set(data["cost"])]
    named = max(int(part["front"].max()) for _, part in data.groupby(["dataset", "cost"]))
    figure = canvas(DOUBLE, len(datasets) * (1.9 + 0.115 * named))
    axes = figure.subplots(len(datasets), len(costs), squeeze=False)
    for line, dataset in zip(axes, datasets, strict=True):
        for axis, name in zip(line, costs, strict=True):
            part = data[(data["dataset"] == dataset) & (data["cost"] == name)]
            _draw_panel(axis, part)
            axis.set(xlabel=name)
        line[0].set(title=dataset, ylabel=f"{data[data['dataset'] == dataset]['metric'].iloc[0]} in percent")
    return figure


def _draw_panel(axis: Axes, part: pd.DataFrame) -> None:
    if part.empty:
        axis.set_axis_off()
        return
    front = part[part["front"] > 0].sort_values("front")
    for points, colour in ((part[part["front"] == 0], GREY), (front, NORMAL)):
        spread = 100 * points["std"].fillna(0.0)
        axis.errorbar(
            points["value"], 100 * points["mean"], spread, fmt="o", color=colour, markersize=3, elinewidth=0.6
        )
    most = part["value"].max()
    axis.step([*front["value"], most], 100 * front["mean"].to_numpy()[[*range(len(front)), -1]], where="post")
    axis.lines[-1].set(color=NORMAL, linewidth=0.7, zorder=1)
    for row in front.to_dict("records"):
        place = (row["value"], 100 * row["mean"])
        axis.annotate(str(row["front"]), place, xytext=(-2, 3), textcoords="offset points", ha="right", fontsize=7)
    names = "\n".join(f"{row['front']} {shorten(row['row'], 34)}" for row in front.to_dict("records"))
    axis.annotate(
        names, (0, 0), xycoords="axes fraction", xytext=(0, -29), textcoords="offset points", va="top", fontsize=6.5
    )
    axis.set(xscale="log")
    axis.margins(x=0.09)
    within_a_decade = most < 10 * part["value"].min()
    axis.xaxis.set_major_formatter(FuncFormatter(_tick))
    axis.xaxis.set_minor_formatter(FuncFormatter(_tick) if within_a_decade else NullFormatter())


def _tick(value: float, place: int) -> str:
    """Write a place on an axis: ``0.01``, ``10``, ``100k``, ``1M``."""
    return f"{value:g}" if value < 1000 else str(EngFormatter(sep="")(value))
