"""A made-up search over several settings, and a made-up table whose rows are tuned."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedRow, TablePlan, Tuned
from benchmark.terms import Range
from benchmark.tuning.trials import Trial, Trials
from tests.small_store import dataset_of, draw_scores, plan_of, spec_of, store_run
from tests.unit.tuning.searches import a_plan

RANGES = {
    "training.learning_rate": Range(low=1e-5, high=1e-2, log=True, source="estimate"),
    "training.steps": Range(choices=(50, 100, 200), source="estimate"),
    "config.dropout": Range(low=0.0, high=0.9, source="estimate"),
    "config.loss": Range(choices=("squared", "hinge"), source="estimate"),
}
RECIPE = {"training.learning_rate": 1e-3, "training.steps": 150, "config.dropout": 0.7, "config.loss": "squared"}
SETTINGS = (
    {"training.learning_rate": 2e-4, "training.steps": 50, "config.dropout": 0.1, "config.loss": "hinge"},
    {"training.learning_rate": 1e-5, "training.steps": 200, "config.dropout": 0.45, "config.loss": "squared"},
    {"training.learning_rate": 3e-3, "training.steps": 100, "config.dropout": 0.0, "config.loss": "hinge"},
)
FAILED = "run 00000000000000aa failed: loss became nan at step 3 of /home/me/mine.py"


def a_search(
    values: Sequence[Mapping[str, tuple[float, ...]]],
    ranges: Mapping[str, Range] = RANGES,
    recipe: Mapping[str, Any] = RECIPE,
    settings: Sequence[Mapping[str, Any]] = SETTINGS,
    **changes: object,
) -> Trials:
    """Return a search: for the recipe's own and each trial its dataset -> values; no values for a failure."""
    datasets = tuple(values[0])
    plan = a_plan(ranges, len(values) - 1, datasets).model_copy(update=changes)

    def trial(label: str, own: Mapping[str, Any], found: Mapping[str, tuple[float, ...]]) -> Trial:
        if not found:
            return Trial(label, {}, dict.fromkeys(datasets, ()), None, FAILED)
        return Trial(label, own, found, fmean(map(fmean, found.values())))

    own, *drawn = values
    return Trials(
        plan,
        trial("as in the recipe", recipe, own),
        tuple(trial(f"trial {n + 1}", settings[n % len(settings)], found) for n, found in enumerate(drawn)),
    )


METHODS = {"rtfm": (0.2, 0.6), "mmil": (0.5, 0.3)}
"""Method -> its skill as in the recipe, and tuned."""
NAMES = {"rtfm": "RTFM", "mmil": "MMIL"}
TUNED = Tuned(
    settings=("training.learning_rate=0.00031", 'config.loss="hinge"'),
    held_out=0.8125,
    recipe_held_out=0.75,
    trials=20,
)


def scores_of(method: str, tuned: bool, seed: int, dataset: str) -> ScoredVideos:
    """Return the scores of a run of the made-up table."""
    return draw_scores(1000 * len(dataset) + 100 * ord(method[0]) + 10 * tuned + seed, METHODS[method][tuned])


def tuned_plan(datasets: Sequence[str] = ("cameras",), seeds: int = 3, **changes: object) -> TablePlan:
    """Plan a table of two tuned rows, and below them the same as in the recipes."""
    described = tuple(dataset_of(draw_scores(0, 0), name, f"test part of {name}") for name in datasets)
    rows = [
        PlannedRow(
            label=f"{NAMES[method]}, tuned" if tuned else NAMES[method],
            method=method,
            tuned=dict.fromkeys(datasets, TUNED) if tuned else {},
            against="RTFM, tuned" if tuned else f"{NAMES[method]}, tuned",
            paper=None,
            runs={name: tuple(_spec(method, tuned, seed, name).key for seed in range(seeds)) for name in datasets},
        )
        for tuned in (True, False)
        for method in METHODS
    ]
    plan = plan_of(described[0], ["rtfm", "mmil"], seeds)
    return plan.model_copy(update={"datasets": described, "rows": tuple(rows), **changes})


def store_runs(root: Path, plan: TablePlan, methods: Sequence[str] = tuple(METHODS)) -> RunStore:
    """Store the runs of methods of the made-up table; the tuned runs of all."""
    store = RunStore(root)
    for dataset in plan.datasets:
        for method in METHODS:
            for tuned in (True, False) if method in methods else (True,):
                for seed in range(plan.seeds):
                    run = (method, tuned, seed, dataset.name)
                    store_run(store, _spec(*run), scores_of(*run), test_hash=dataset.test_hash)
    return store


def _spec(method: str, tuned: bool, seed: int, dataset: str) -> RunSpec:
    return spec_of(method, seed, dataset, steps=41 if tuned else 40)
