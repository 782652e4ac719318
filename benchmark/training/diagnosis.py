"""What the parts of a trained run carry, from the training videos that it held out; no test video is opened."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.api import Bags, Method, MethodError
from benchmark.datasets.batches import hold_out, load_bags
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.pseudo_labels import pseudo_labels
from benchmark.metrics.diagnosis import (
    entropy_share,
    loss_shares,
    rank_correlation,
    spread_within,
    swapped_means,
)
from benchmark.metrics.frame import max_score_auc
from benchmark.plugins.diagnostics import FUSED, check_diagnosed
from benchmark.plugins.pipelines import Pipeline
from benchmark.runs.checksums import is_intact
from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.statistics.diagnosis import Measure, Place
from benchmark.system.errors import NOT_THEIRS, describe
from benchmark.system.process import one_thread
from benchmark.training.numerics import use_float32
from benchmark.training.silent_units import silent_shares
from benchmark.training.trained_methods import load_trained

AT_ONCE = 32
"""Videos that a method is asked about together, and among which what is known of whole videos is swapped."""
CLASSES = ("normal", "abnormal")

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class _Observed:
    """What a method says of the held-out videos, over all of them.

    Attributes
    ----------
    crossed
        Means over the segments, (videos, videos); nan for videos that were not asked about together.
    """

    labels: NDArray[np.int64]
    scores: Mapping[str, Floats]
    predictions: Mapping[str, Floats]
    crossed: Mapping[str, Floats]


def diagnose_runs(
    keys: Sequence[str], pipeline: Pipeline, dataset: Dataset, store: RunStore, device: str
) -> tuple[list[list[Measure]], list[str]]:
    """Diagnose those runs of a method that are stored; return what was found, and which run had none and why."""
    found: list[list[Measure]] = []
    troubles: list[str] = []
    use_float32()
    for record in (record for key in keys if (record := store.record(key)) is not None):
        try:
            with one_thread():
                found.append(diagnose_run(record, pipeline, dataset, store, torch.device(device)))
        except NOT_THEIRS:
            raise
        except BaseException as error:  # somebody else's method
            troubles.append(f"{record.spec.name}, {record.spec.instance}: not diagnosed: {describe(error)}")
    return found, troubles


def diagnose_run(
    record: RunRecord, pipeline: Pipeline, dataset: Dataset, store: RunStore, device: torch.device
) -> list[Measure]:
    """Measure what the parts of a stored run carry, with its last weights, on segments as in its training.

    A number that is undefined for this run is left out.

    Raises
    ------
    MethodError
        If the method's scores or diagnostics are not what they should be.
    RuntimeError
        If the weights or the loss curves are missing or damaged.
    """
    spec = record.spec
    _, videos = hold_out(dataset.manifest.split("train"), spec.holdout, spec.seed, spec.fold)
    bags = load_bags(dataset, videos, spec.training, pseudo_labels(dataset, spec.inputs))
    labels = np.array([video.label for video in videos], dtype=np.int64)
    method = load_trained(record, record.selected["last"], pipeline, store, device).eval()
    with torch.no_grad():
        observed = _observe(method, bags, labels, device)
        one_by_one = (video[None].to(device) for video in bags.features)
        silent = silent_shares(method.score, one_by_one, dict(method.named_parameters()))
    measures = [
        *_of_scores(observed),
        *_of_agreement(observed),
        *_of_swaps(observed),
        *_of_predictions(observed, bags),
        *_of_losses(store.folder(record.key)),
        *(Measure(Place("units", layer, "silent"), share) for layer, share in silent.items()),
    ]
    return [measure for measure in measures if not math.isnan(measure.value)]


def _observe(method: Method, bags: Bags, labels: NDArray[np.int64], device: torch.device) -> _Observed:
    """Ask a method about all videos, some at once, each time of both classes as far as there are any."""
    parts = -(-len(labels) // AT_ONCE)
    by_class = np.concatenate([np.flatnonzero(labels == label) for label in (0, 1)])
    scores, predictions = defaultdict[str, dict[int, Floats]](dict), defaultdict[str, dict[int, Floats]](dict)
    crossed: dict[str, Floats] = defaultdict(lambda: np.full((len(labels), len(labels)), math.nan))
    for index in (by_class[part::parts] for part in range(parts)):
        features = bags.features[torch.from_numpy(index)].to(device)
        found = check_diagnosed(method.diagnostics(features), features, method.features)
        of_parts = {FUSED: _fused(method, features), **found.scores}
        for kept, named in ((scores, of_parts), (predictions, found.predictions)):
            for name, values in named.items():
                kept[name].update(zip(index.tolist(), _floats(values), strict=True))
        for name, values in found.crossed.items():
            crossed[name][np.ix_(index, index)] = _floats(values).mean(axis=2)
    return _Observed(labels, _in_order(scores), _in_order(predictions), crossed)


def _in_order(kept: Mapping[str, Mapping[int, Floats]]) -> dict[str, Floats]:
    """Stack what was noted by the numbers of the videos."""
    return {name: np.stack([of[number] for number in sorted(of)]) for name, of in kept.items()}


def _fused(method: Method, features: Tensor) -> Tensor:
    scores = method.score(features)
    if scores.shape != (len(features), features.shape[2]) or not bool(((scores >= 0) & (scores <= 1)).all()):
        raise MethodError("score() gave another shape than one score per video and segment, or none in [0, 1]")
    return scores


def _of_scores(observed: _Observed) -> Iterator[Measure]:
    for name, scores in observed.scores.items():
        normal, abnormal = (spread_within(scores[observed.labels == label]) for label in (0, 1))
        yield Measure(Place("scores", name, "spread, abnormal"), abnormal)
        yield Measure(Place("scores", name, "spread, normal"), normal)
        yield Measure(Place("scores", name, "ratio"), abnormal / normal if normal else math.nan)
        yield Measure(Place("scores", name, "AUC of the maximum"), max_score_auc(scores.max(axis=1), observed.labels))


def _of_agreement(observed: _Observed) -> Iterator[Measure]:
    abnormal = observed.labels == 1
    for one, other in combinations(observed.scores, 2):
        value = rank_correlation(observed.scores[one][abnormal], observed.scores[other][abnormal])
        yield Measure(Place("agreement", one, other), value)


def _of_swaps(observed: _Observed) -> Iterator[Measure]:
    for name, crossed in observed.crossed.items():
        for of, row in zip(CLASSES, swapped_means(crossed, observed.labels), strict=True):
            for given, value in zip(CLASSES, row, strict=True):
                yield Measure(Place("swap", f"{name} of {of} videos", f"given another {given} video's"), float(value))


def _of_predictions(observed: _Observed, bags: Bags) -> Iterator[Measure]:
    if (predicted := observed.predictions.get("motion")) is not None and bags.motion is not None:
        value = rank_correlation(predicted, _floats(bags.motion))
        yield Measure(Place("motion", "motion", "rank correlation with what it learns from"), value)
    if (predicted := observed.predictions.get("objects")) is not None and bags.objects is not None:
        for what, scores in (("what it learns from", _floats(bags.objects)), ("the prediction", predicted)):
            yield Measure(Place("objects", "objects", f"entropy of {what}"), entropy_share(scores))


def _of_losses(folder: Path) -> Iterator[Measure]:
    for term, shares in loss_shares(_read_curves(folder)).items():
        for when, share in zip(("start", "middle", "end"), shares, strict=True):
            yield Measure(Place("loss", term, when), float(share))


def _read_curves(folder: Path) -> dict[str, Floats]:
    if not is_intact(folder, "losses.csv"):
        raise RuntimeError(f"{folder / 'losses.csv'}: missing or damaged; repeat with --cached refresh")
    with (folder / "losses.csv").open(newline="", encoding="utf-8") as file:
        names, *rows = csv.reader(file)
    columns = np.array(rows, dtype=np.float64).T
    return {name: column for name, column in zip(names, columns, strict=True) if name != "step"}


def _floats(values: Tensor) -> Floats:
    return np.asarray(values.double().cpu().numpy())
