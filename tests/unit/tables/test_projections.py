"""Projections: which snippets are drawn, and the numbers that say how well an embedding separates them."""

from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score, silhouette_score
from sklearn.model_selection import StratifiedGroupKFold

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import snippet_labels
from benchmark.runs.store import RunStore
from benchmark.tables.line_ups import find_line_ups
from benchmark.tables.projections import (
    BACKBONE,
    NEIGHBOURS,
    PER_CLASS,
    Projection,
    Sample,
    draw_sample,
    neighbour_auc,
    project,
    projection_names,
    stored_projections,
)
from tests.small_store import make_results


@pytest.fixture(scope="module")
def sample(tiny_scenes: Path) -> Sample:
    return draw_sample(Dataset(tiny_scenes / "scenes-ucf-crime").manifest)


def test_a_sample_has_as_many_snippets_of_each_kind_none_twice(sample: Sample) -> None:
    assert sample.abnormal.sum() == (~sample.abnormal).sum()
    assert 0 < sample.abnormal.sum() <= PER_CLASS
    assert len(sample.abnormal) == len(sample.video) == sum(len(rows) for _, rows in sample.rows)
    assert all(len(set(rows.tolist())) == len(rows) for _, rows in sample.rows)


def test_a_sample_knows_the_labels_of_its_snippets(sample: Sample) -> None:
    at = 0
    for number, (video, rows) in enumerate(sample.rows):
        positive, negative = snippet_labels(video, 16)
        for row in rows:
            assert sample.abnormal[at] == (positive[row] > negative[row])
            assert sample.video[at] == number
            at += 1


def test_a_sample_is_the_same_every_time(sample: Sample, tiny_scenes: Path) -> None:
    again = draw_sample(Dataset(tiny_scenes / "scenes-ucf-crime").manifest)
    assert [(v.name, rows.tolist()) for v, rows in again.rows] == [(v.name, rows.tolist()) for v, rows in sample.rows]


def blobs(gap: float, videos: int = 20, each: int = 8) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    video = np.repeat(np.arange(videos), each)
    abnormal = video % 2 == 1
    return rng.normal(size=(videos * each, 5)) + gap * abnormal[:, None], abnormal, video


def test_neighbours_are_counted_in_other_videos_only() -> None:
    embedding, abnormal, video = blobs(0.7)
    shares = np.empty(len(abnormal))
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=0).split(embedding, abnormal, video)
    for train, test in folds:
        assert not set(video[train]) & set(video[test])
        for i in test:
            distances = [float(((embedding[i] - embedding[j]) ** 2).sum()) for j in train]
            nearest = train[np.argsort(distances)[:NEIGHBOURS]]
            shares[i] = abnormal[nearest].mean()
    assert neighbour_auc(embedding, abnormal, video) == pytest.approx(roc_auc_score(abnormal, shares))


def test_separation_grows_with_the_gap_and_is_chance_without() -> None:
    values = [neighbour_auc(*blobs(gap)) or 0 for gap in (0.0, 0.5, 3.0)]
    assert values[0] == pytest.approx(0.5, abs=0.12)
    assert values[0] < values[1] < values[2]
    assert values[2] > 0.99


def test_videos_that_cluster_do_not_pass_for_classes() -> None:
    rng = np.random.default_rng(1)
    _, abnormal, video = blobs(0.0)
    # Each video lies in a place of its own, whatever its label: its own snippets would give an AUC of 1.
    embedding = rng.normal(size=(20, 5))[video] * 10 + 0.01 * rng.normal(size=(len(video), 5))
    assert (neighbour_auc(embedding, abnormal, video) or 1) < 0.8


def test_one_video_of_a_kind_has_no_neighbours() -> None:
    embedding, abnormal, video = blobs(1.0, videos=3)
    assert neighbour_auc(embedding, abnormal, video) is None


@pytest.mark.parametrize("dim", [1, 2, 40])
def test_a_projection_is_the_same_every_time_and_keeps_the_order(dim: int, sample: Sample) -> None:
    rng = np.random.default_rng(2)
    embedding = rng.normal(size=(len(sample.abnormal), dim)).astype(np.float32) + sample.abnormal[:, None]
    first, second = project(embedding, sample), project(embedding, sample)
    assert first is not None
    assert first == second
    assert len(first.points) == len(sample.abnormal)
    assert np.isfinite(np.array(first.points)).all()
    assert list(first.abnormal) == sample.abnormal.tolist()
    assert first.silhouette == pytest.approx(silhouette_score(embedding.astype(np.float64), sample.abnormal))


@pytest.mark.parametrize("noise", [0.0, 1e-7])
@pytest.mark.parametrize("value", [0.0, 1.0, 1000.0])
def test_an_embedding_that_is_the_same_for_all_is_not_projected(value: float, noise: float, sample: Sample) -> None:
    rng = np.random.default_rng(0)
    embedding = value * (1 + noise * rng.normal(size=(len(sample.abnormal), 8)))
    assert project(embedding.astype(np.float32), sample) is None


def test_projections_are_found_again_until_the_run_is_trained_anew(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    names = projection_names(line_up, store)
    assert list(names) == [BACKBONE, "RTFM", "CLAV+CoMo"]
    assert stored_projections(line_up, store) == {}
    projection = Projection(points=((0.0, 1.0),), abnormal=(True,), neighbour_auc=None, silhouette=0.5)
    store.write_derived("projections", names["RTFM"], projection, [])
    assert stored_projections(line_up, store) == {"RTFM": projection}
    run, key = line_up.contenders[0].seeds[0]
    evaluation = store.evaluation(run, key)
    assert evaluation is not None
    store.write_evaluation(evaluation.model_copy(update={"finished": "2026-01-02T00:00:00+00:00"}))
    assert stored_projections(line_up, store) == {}
