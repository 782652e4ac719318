"""Made-up searches."""

from collections.abc import Mapping
from typing import Any

from benchmark.runs.table_plan import PlannedDataset, PlannedRow, Search, TablePlan
from benchmark.terms import Range
from benchmark.tuning.trials import Trial


def a_plan(ranges: Mapping[str, Range], trials: int, datasets: tuple[str, ...] = ("cameras",)) -> TablePlan:
    """Return a planned search with two runs of each trial on each dataset."""
    labels = ["as in the recipe", *(f"trial {n}" for n in range(1, trials + 1))]
    rows = []
    for n, label in enumerate(labels):
        runs = {name: tuple(f"{n:06x}{d:04x}{seed:06x}" for seed in range(2)) for d, name in enumerate(datasets)}
        rows.append(PlannedRow(label=label, method="rtfm", paper=None, runs=runs))
    described = [
        PlannedDataset(
            name=name,
            benchmark="other",
            metric="auc_frame",
            feature_set="i3d",
            crops=1,
            test_hash=f"test part of {name}",
            test_videos=10,
            missing=0,
            simulated=False,
        )
        for name in datasets
    ]
    return TablePlan(
        table="tune-rtfm",
        title="RTFM",
        protocol="in-domain",
        folder="cameras-quick",
        profile="quick",
        seeds=2,
        holdout=0.25,
        overrides=(),
        command="wvad tune rtfm",
        datasets=tuple(described),
        rows=tuple(rows),
        search=Search(ranges=dict(ranges), trials=trials, sampler="random"),
    )


def a_trial(label: str, settings: Mapping[str, Any], value: float, spread: float = 0.0) -> Trial:
    """Return a trial with two runs on one dataset."""
    return Trial(label, settings, {"cameras": (value - spread, value + spread)}, value)
