"""Controls: scores without training against scikit-learn on expanded frames, and shuffled labels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmark.datasets.batches import shuffle_labels
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.untrained_scores import random_per_video
from benchmark.plugins.pipelines import find_pipeline
from benchmark.runs.store import RunStore
from benchmark.training.choices import Choices
from benchmark.training.controls import DRAWS, measure_controls
from benchmark.training.loop import train
from benchmark.training.specification import plan_runs

METRICS = {"auc_frame": roc_auc_score, "ap_frame": average_precision_score}


def on_frames(dataset: Dataset, scores: dict[str, np.ndarray]) -> float:
    """The primary metric of the scores, each repeated over its frames."""
    labels, repeated = [], []
    for video in dataset.manifest.split("test"):
        frames = np.zeros(video.frames, np.int64)
        for start, end in video.intervals:
            frames[start:end] = 1
        labels.append(frames)
        repeated.append(np.repeat(scores[video.name], 16)[: video.frames])
    return METRICS[dataset.manifest.metric](np.concatenate(labels), np.concatenate(repeated))


@pytest.mark.parametrize("name", ["scenes-ucf-crime", "scenes-xd-violence"])
def test_controls_are_what_scikit_learn_makes_of_frames(name: str, tiny_scenes: Path) -> None:
    dataset = Dataset(tiny_scenes / name)
    videos = dataset.manifest.split("test")
    norms = {
        v.name: [np.mean([np.sqrt(sum(float(x) ** 2 for x in crop)) for crop in row]) for row in dataset.features(v)]
        for v in videos
    }
    drawn = [{v.name: random_per_video(v, draw) for v in videos} for draw in range(DRAWS)]
    found = measure_controls(dataset)
    assert found.test_hash == dataset.manifest.test_hash()
    assert found.values == pytest.approx(
        {
            "constant score": on_frames(dataset, {v.name: np.zeros(v.rows) for v in videos}),
            "random score per video": np.mean([on_frames(dataset, scores) for scores in drawn]),
            "feature norm": on_frames(dataset, norms),  # type: ignore[arg-type]
            "video length": on_frames(dataset, {v.name: np.full(v.rows, v.rows) for v in videos}),
            "motion intensity": on_frames(dataset, {v.name: dataset.motion(v) for v in videos}),  # type: ignore[dict-item]
        },
        abs=1e-6,
    )


def test_random_scores_are_one_per_video_and_the_same_every_time(tiny_scenes: Path) -> None:
    videos = Dataset(tiny_scenes / "scenes-avenue").manifest.split("test")
    scores = [random_per_video(video, 0) for video in videos]
    assert all(len(s) == v.rows and len(set(s.tolist())) == 1 for s, v in zip(scores, videos, strict=True))
    assert len({s[0] for s in scores}) == len(videos)
    assert all(np.array_equal(s, random_per_video(v, 0)) for s, v in zip(scores, videos, strict=True))
    assert random_per_video(videos[0], 1)[0] != scores[0][0]


def test_controls_round_trip_through_the_store(tiny_scenes: Path, tmp_path: Path) -> None:
    store, measured = RunStore(tmp_path), measure_controls(Dataset(tiny_scenes / "scenes-avenue"))
    assert store.controls(measured.test_hash) is None
    store.write_controls(measured)
    assert store.controls(measured.test_hash) == measured


def test_shuffling_deals_the_same_labels_to_other_videos(tiny_scenes: Path) -> None:
    videos = Dataset(tiny_scenes / "scenes-ucf-crime").manifest.split("train")
    shuffled = [shuffle_labels(videos, seed) for seed in range(6)]
    for dealt in shuffled:
        assert [v.name for v in dealt] == [v.name for v in videos]
        assert sum(v.label for v in dealt) == sum(v.label for v in videos)
    assert len({tuple(v.label for v in dealt) for dealt in shuffled}) > 3
    assert shuffle_labels(videos, 3) == shuffled[3]


def test_training_on_shuffled_labels_is_another_run_with_other_numbers(tiny_scenes: Path) -> None:
    torch.set_num_threads(1)
    dataset, pipeline = Dataset(tiny_scenes / "scenes-ucf-crime"), find_pipeline("mmil")
    losses, keys = [], set()
    for shuffled in (False, True):
        options = Choices(seeds=1, settings=("steps=3", "looks=0"))
        (spec,), _ = plan_runs(pipeline, dataset, options, shuffled_labels=shuffled)
        keys.add(spec.key)
        losses.append(train(spec, pipeline, dataset, torch.device("cpu"), lambda *_: None).losses["hinge"].tolist())
    assert len(keys) == 2
    assert losses[0] != losses[1]


def test_where_the_metric_is_undefined_there_is_no_control(tiny_scenes: Path) -> None:
    dataset = Dataset(tiny_scenes / "scenes-avenue")
    videos = [v.model_copy(update={"intervals": ()}) if v.split == "test" else v for v in dataset.manifest.videos]
    dataset.manifest = dataset.manifest.model_copy(update={"videos": tuple(videos)})
    assert measure_controls(dataset).values == {}
