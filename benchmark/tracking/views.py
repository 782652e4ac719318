"""How MLflow shows an experiment: as one of trained models, with a prepared table and charts of its numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence

from benchmark.runs.table_plan import TablePlan
from benchmark.tracking.content import HELD_OUT_AUC, LONGEST_TITLE, NOTE, cut, distinct

KIND, OF_MODELS = "mlflow.experimentKind", "custom_model_development"
"""The tag by which MLflow knows an experiment for one of trained models, and not of prompts."""
VIEW, SHARED = "mlflow.sharedViewState.wvad", "viewStateShareKey=wvad&workflowType=machine_learning"
"""The tag of a view that MLflow's pages can share, and what an address says to show it."""
RUNS_ONLY = "tags.`wvad.run_key` != ''"
MOST_METRICS, MOST_BARS = 6, 20


def experiment_tags(plan: TablePlan, experiment: str) -> dict[str, str]:
    """Return the tags of a table's experiment: its kind, its description, and its view where it has numbers.

    Parameters
    ----------
    experiment
        Its id.
    """
    tags, shown = {KIND: OF_MODELS, NOTE: cut(plan.title, LONGEST_TITLE)}, _prepare(_primary(plan))
    if shown is None:
        return tags
    page = f"#/experiments/{experiment}/runs?{SHARED}"
    links = f" · [Table of its runs]({page}) · [Charts]({page}&compareRunsMode=CHART)"  # a folded text is one line
    return tags | {VIEW: shown, NOTE: cut(plan.title, LONGEST_TITLE - len(links)) + links}


def is_ours(description: str, plan: TablePlan) -> bool:
    """Return whether an experiment's description is one of this or an earlier version, and not somebody's own words."""
    return SHARED in description or description in ("", cut(plan.title, LONGEST_TITLE))


def _primary(plan: TablePlan) -> list[str]:
    """Return what the primary metrics of a table's runs are called."""
    if plan.search is not None:
        return [HELD_OUT_AUC]
    return list(distinct(f"last/{d.metric}/{d.name}" for d in plan.datasets).values()) if plan.tested else []


def _prepare(metrics: Sequence[str]) -> str | None:
    """Return the view of as many metrics as there is room for; None for none."""
    numbers = range(min(len(metrics), MOST_METRICS), 0, -1)
    views = (json.dumps(_view(metrics[:number])) for number in numbers)
    return next((view for view in views if len(view) <= LONGEST_TITLE), None)


def _view(metrics: Sequence[str]) -> dict[str, object]:
    """Return the state of MLflow's list of runs: runs alone, the best first, with a bar chart per metric in front."""
    columns = [*(f"params.`{name}`" for name in ("method", "dataset", "seed")), *(f"metrics.`{m}`" for m in metrics)]
    chart = {"type": "BAR", "metricSectionId": "wvad", "deleted": False, "isGenerated": False}
    return {
        "searchFilter": RUNS_ONLY,
        "orderByKey": f"metrics.`{metrics[0]}`",
        "orderByAsc": False,
        "selectedColumns": columns,
        "isAccordionReordered": True,  # else sections stand in the order of the alphabet
        "compareRunSections": [{"uuid": "wvad", "name": "Primary metric", "display": True, "isReordered": False}],
        "compareRunCharts": [
            {**chart, "uuid": f"wvad-{place}", "metricKey": metric, "runsCountToCompare": MOST_BARS}
            for place, metric in enumerate(metrics)
        ],
    }
