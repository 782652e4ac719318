"""Jobs of a second or less, and what their runs have to look like whoever does them."""

from dataclasses import replace
from pathlib import Path

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import find_pipeline
from benchmark.runs.store import RunStore
from benchmark.training.choices import Choices
from benchmark.training.jobs import Job
from benchmark.training.specification import make_job, plan_runs

UNTIMED = {"finished": "", "snippets_per_second": None}
METHOD = find_pipeline(f"{Path(__file__).parents[1] / 'plugins' / 'mean_mil.py'}:MeanMIL")


class Notes:
    """A watcher that remembers."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.steps: list[int] = []

    def started(self, job: Job) -> None:
        self.begun.append(job.spec.seed)

    def stepped(self, job: Job, step: int, loss: float) -> None:
        assert 1 <= step <= job.spec.training.steps
        assert job.spec.seed in self.begun
        assert isinstance(loss, float)
        self.steps.append(step)


def jobs_in(runs: Path, data: Path, seeds: int, *overrides: str, reference: str = "") -> list[Job]:
    dataset = Dataset(data / "scenes-avenue")
    options = Choices(seeds=seeds, settings=("steps=4", "looks=2", *overrides))
    pipeline = find_pipeline(reference) if reference else METHOD
    specs, _ = plan_runs(pipeline, dataset, options)
    return [replace(make_job(spec, pipeline, dataset, [dataset], options), runs=runs) for spec in specs]


def contents(runs: Path) -> dict[str, object]:
    """Return all that a store holds of its runs, but for times."""
    store = RunStore(runs)
    found: dict[str, object] = {}
    for key in store.keys():  # noqa: SIM118 (a method of the store)
        folder = store.folder(key)
        record = store.record(key)
        assert record is not None
        found[key] = record.model_copy(update={"seconds": 0.0, "peak_memory": None, "finished": ""})
        for evaluation in store.evaluations(key):
            found[f"{key}/{evaluation.key}"] = evaluation.model_copy(update=UNTIMED)
        for path in [p for p in folder.rglob("*") if p.is_file() and p.suffix != ".json"]:
            found[str(path.relative_to(runs))] = path.read_bytes()
    return found
