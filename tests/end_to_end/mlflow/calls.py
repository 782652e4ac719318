"""Runs of a small method, and what MLflow has of them."""

from pathlib import Path

from mlflow.entities import Run

from benchmark.cli import run
from benchmark.runs.results_folder import Results
from benchmark.tracking import connect
from benchmark.tracking.experiment import RUN_KEY

PLUGIN = f"{Path(__file__).parents[2] / 'plugins' / 'mean_mil.py'}:MeanMIL"
EXPERIMENT = "train-mean_mil.py-MeanMIL"


def train(results: Path, data: Path, *more: str, method: str = PLUGIN) -> int:
    places = ["--data", str(data), "--results", str(results), "--executor", "serial"]
    return run(["train", method, "scenes-avenue", *places, "--seeds", "2", "--set", "steps=3", "--looks", "1", *more])


def logged(results: Path, name: str = EXPERIMENT) -> tuple[list[Run], list[Run]]:
    """Parents and children of an experiment."""
    client = connect(Results(results))
    experiment = client.get_experiment_by_name(name)
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    return [r for r in runs if RUN_KEY not in r.data.tags], [r for r in runs if RUN_KEY in r.data.tags]
