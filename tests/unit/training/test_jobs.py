import shutil
from pathlib import Path

import numpy as np
import pytest

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import find_pipeline
from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.training.choices import Choices
from benchmark.training.jobs import perform
from benchmark.training.notes import NOT_FOLLOWED
from benchmark.training.specification import make_job, plan_runs

TOLD = f"{Path(__file__).parents[2] / 'plugins' / 'told.py'}:Told"


def run_once(data: Path, results: Path, tested_on: list[str], *settings: str) -> tuple[RunStore, RunRecord]:
    pipeline, dataset = find_pipeline(TOLD), Dataset(data / "scenes-ucf-crime")
    small = ("steps=1", "looks=0", "batch_size=200", "segments=8", *settings)
    choices = Choices(seeds=1, settings=small, results=results)
    (spec,), _ = plan_runs(pipeline, dataset, choices)
    store = RunStore(choices.runs)
    store.prepare()
    job = make_job(spec, pipeline, dataset, [Dataset(data / name) for name in tested_on], choices)
    assert perform(job, lambda *_: None).status == "ok"
    record = store.record(spec.key)
    assert record is not None
    return store, record


def told(store: RunStore, record: RunRecord) -> dict[str, list[float]]:
    """The different scores of each dataset's videos."""
    found = {}
    for evaluation in store.evaluations(record.key):
        scored = store.read_scores(record.key, evaluation.key)
        assert scored is not None
        found[evaluation.dataset] = np.unique(scored.scores).tolist()
    return found


def test_a_method_is_told_what_the_videos_that_it_scores_belong_to(tiny_scenes: Path, tmp_path: Path) -> None:
    found = told(*run_once(tiny_scenes, tmp_path, ["scenes-ucf-crime", "scenes-xd-violence"]))
    assert found == {"scenes-ucf-crime": [0], "scenes-xd-violence": [1]}


def test_an_evaluation_is_made_again_when_its_videos_are_said_to_belong_elsewhere(
    tiny_scenes: Path, tmp_path: Path
) -> None:
    data, names = tmp_path / "data", ["scenes-ucf-crime", "scenes-xd-violence"]
    for name in names:
        shutil.copytree(tiny_scenes / name, data / name)
    assert told(*run_once(data, tmp_path, names))["scenes-xd-violence"] == [1]
    manifest = data / "scenes-xd-violence" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"xd-violence"', '"avenue"'))
    assert told(*run_once(data, tmp_path, names))["scenes-xd-violence"] == [0]


@pytest.mark.parametrize(
    ("predicts", "notes"),
    [
        ("motion", ()),
        ("nothing", ()),
        ("opposite", (NOT_FOLLOWED,)),
        ("constant", (NOT_FOLLOWED,)),
        ("failure", ("its diagnostics failed: RuntimeError: nobody knows",)),
    ],
)
def test_a_prediction_that_does_not_follow_the_motion_is_in_the_notes_of_the_run(
    predicts: str, notes: tuple[str, ...], tiny_scenes: Path, tmp_path: Path
) -> None:
    _, record = run_once(tiny_scenes, tmp_path, [], f"predicts={predicts}")
    assert record.notes == notes
