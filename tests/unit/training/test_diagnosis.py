"""A run's diagnosis: each number again from the stored weights, by plain loops over the held-out videos."""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise, product
from pathlib import Path
from statistics import fmean, pstdev

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.stats import entropy, spearmanr
from sklearn.metrics import roc_auc_score

from benchmark.datasets.batches import hold_out
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Video
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.runs.records import RunRecord
from benchmark.runs.results_folder import Results
from benchmark.runs.store import RunStore
from benchmark.statistics.diagnosis import Place
from benchmark.tables.planning import plan_diagnosis
from benchmark.training import diagnosis
from benchmark.training.choices import Choices
from benchmark.training.diagnosis import diagnose_run, diagnose_runs
from benchmark.training.jobs import perform

TWO_HEADS = Path(__file__).parents[2] / "plugins" / "two_heads.py"
SEGMENTS, CROPS = 6, 2
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Trained:
    record: RunRecord
    pipeline: Pipeline
    dataset: Dataset
    store: RunStore

    def numbers(self) -> dict[Place, float]:
        found = diagnose_run(self.record, self.pipeline, self.dataset, self.store, CPU)
        assert len({measure.place for measure in found}) == len(found)
        return {measure.place: measure.value for measure in found}


@pytest.fixture
def trained(tiny_scenes: Path, tmp_path: Path) -> Callable[[str], Trained]:
    def train(method: str) -> Trained:
        dataset, pipeline = Dataset(tiny_scenes / "scenes-avenue"), find_pipeline(method)
        small = ("steps=4", "batch_size=2", f"segments={SEGMENTS}", f"crops={CROPS}", "unit_features=snippets")
        choices = Choices(results=tmp_path, seeds=1, holdout=0.5, settings=small, device="cpu")
        plan, (job,) = plan_diagnosis(pipeline, dataset, choices, "")
        assert perform(job, lambda *_: None).status == "ok"
        store = Results(tmp_path).store
        record = store.record(plan.run_keys()[0])
        assert record is not None
        assert (record.looks, list(record.selected), list(store.evaluations(record.key))) == ((), ["last"], [])
        return Trained(record, pipeline, dataset, store)

    return train


def by_segment(rows: np.ndarray) -> np.ndarray:
    """Means over segments of equal edges, as far as there are rows."""
    edges = [int(i * len(rows) / SEGMENTS) for i in range(SEGMENTS + 1)]
    return np.stack([rows[a : max(b, a + 1)].mean(0) for a, b in pairwise(edges)])


def segments_of(trained: Trained, video: Video) -> np.ndarray:
    """Means of unit snippets, (segments, crops, dim)."""
    rows = trained.dataset.features(video)[:, :CROPS].astype(np.float64)
    return by_segment(rows / np.linalg.norm(rows, axis=-1, keepdims=True))


def held_out(trained: Trained) -> list[Video]:
    spec = trained.record.spec
    return hold_out(trained.dataset.manifest.split("train"), spec.holdout, spec.seed)[1]


@pytest.mark.parametrize("at_once", [32, 2], ids=["together", "by twos"])
def test_each_number_is_that_of_plain_loops(
    at_once: int, trained: Callable[[str], Trained], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "AT_ONCE", at_once)
    run = trained(f"{TWO_HEADS}:TwoHeads")
    numbers, videos = run.numbers(), held_out(run)
    assert {video.label for video in videos} == {0, 1}
    weights = load_file(run.store.folder(run.record.key) / "weights" / "4.safetensors")
    heads = {
        name: (weights[f"{name}.weight"][0].double().numpy(), float(weights[f"{name}.bias"]))
        for name in ("segment", "whole")
    }
    segment, whole, score, objects = {}, {}, {}, {}
    for video in videos:
        features = segments_of(run, video).mean(1)
        segment[video.name] = features @ heads["segment"][0] + heads["segment"][1]
        whole[video.name] = float(features.mean(0) @ heads["whole"][0] + heads["whole"][1])
        score[video.name] = 1 / (1 + np.exp(-segment[video.name] - whole[video.name]))
        objects[video.name] = np.abs(features[:, : run.record.object_classes])
    expected: dict[tuple[str, str, str], float] = {}
    heads_scores = {"score": score, "segment": {name: 1 / (1 + np.exp(-values)) for name, values in segment.items()}}
    for name, of in heads_scores.items():
        spreads = [fmean(pstdev(of[v.name].tolist()) for v in videos if v.label == label) for label in (0, 1)]
        expected["scores", name, "spread, normal"], expected["scores", name, "spread, abnormal"] = spreads
        expected["scores", name, "ratio"] = spreads[1] / spreads[0]
        maxima = [of[v.name].max() for v in videos]
        expected["scores", name, "AUC of the maximum"] = roc_auc_score([v.label for v in videos], maxima)
    expected["agreement", "score", "segment"] = 1.0  # a video's constant does not change an order
    for (i, of), (j, given) in product(enumerate(("normal", "abnormal")), repeat=2):
        pairs = [(a, b) for a in videos for b in videos if a != b and (a.label, b.label) == (i, j)]
        if at_once == 2:  # the two of a pair are one of each class
            pairs = [(a, b) for a, b in pairs if a.label != b.label]
            pairs = [(a, b) for a, b in pairs if _place(a, videos) == _place(b, videos)]
        if pairs:
            expected["swap", f"both of {of} videos", f"given another {given} video's"] = fmean(
                float(np.mean(1 / (1 + np.exp(-segment[a.name] - whole[b.name])))) for a, b in pairs
            )
    motions = [(by_segment(run.dataset.motion(v)), segment[v.name]) for v in videos]
    correlations = [spearmanr(motion, predicted).statistic for motion, predicted in motions]
    expected["motion", "motion", "rank correlation with what it learns from"] = fmean(correlations)
    classes = math.log(run.record.object_classes)
    for what, values in (
        ("the prediction", objects),
        ("what it learns from", {v.name: by_segment(run.dataset.objects(v).astype(np.float64)) for v in videos}),
    ):
        rows = [row for of in values.values() for row in of if row.sum() > 0]
        expected["objects", "objects", f"entropy of {what}"] = fmean(entropy(row / row.sum()) / classes for row in rows)
    with (run.store.folder(run.record.key) / "losses.csv").open() as file:
        steps = list(csv.DictReader(file))
    for when, step in (("start", steps[0]), ("middle", steps[1]), ("end", steps[3])):
        for term in ("normal", "abnormal"):
            expected["loss", term, when] = float(step[term]) / float(step["loss"])
    assert numbers == pytest.approx({Place(*place): value for place, value in expected.items()}, abs=2e-5)


def _place(video: Video, videos: list[Video]) -> int:
    """Number of a video among those of its class."""
    return [v.name for v in videos if v.label == video.label].index(video.name)


def test_silent_units_are_those_of_the_scorer(trained: Callable[[str], Trained]) -> None:
    run = trained("dmil")
    weights = load_file(run.store.folder(run.record.key) / "weights" / "4.safetensors")
    segments = [segments_of(run, video) for video in held_out(run)]
    features = np.concatenate(segments).reshape(-1, run.record.dim)
    (hidden,) = [name for name, value in weights.items() if value.ndim == 2 and len(value) == run.record.dim]
    bias = weights[hidden.replace("weight", "bias")].double().numpy()
    above = features @ weights[hidden].double().numpy().T + bias > 0
    silent = {place.row: value for place, value in run.numbers().items() if place.part == "units"}
    share = pytest.approx(1 - above.any(0).mean())
    assert silent == {"all": share, hidden.removesuffix(".weight"): share}


def test_no_test_video_is_opened(trained: Callable[[str], Trained], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: set[str] = set()

    def noting(name: str) -> None:
        original = getattr(Dataset, name)

        def read(dataset: Dataset, video: Video) -> object:
            opened.add(video.split)
            return original(dataset, video)

        monkeypatch.setattr(Dataset, name, read)

    for name in ("features", "motion", "objects"):
        noting(name)
    for method in ("clav", "dmil"):
        trained(method).numbers()
    assert opened == {"train"}


def test_of_damaged_runs_and_broken_methods_the_reason_is_told(trained: Callable[[str], Trained]) -> None:
    broken = trained(f"{TWO_HEADS}:NotFinite")
    damaged = trained("dmil")
    (damaged.store.folder(damaged.record.key) / "losses.csv").write_text("step,loss\n1,2\n")
    for run, reason in ((broken, "values that are not finite"), (damaged, "losses.csv: missing or damaged")):
        keys = [run.record.key, "0" * 16]
        found, troubles = diagnose_runs(keys, run.pipeline, run.dataset, run.store, "cpu")
        assert found == []
        (trouble,) = troubles
        assert "seed 0: not diagnosed: " in trouble
        assert reason in trouble
