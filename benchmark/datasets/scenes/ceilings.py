"""What full supervision reaches on a simulated dataset: proof that it is neither saturated nor given away."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.labels import snippet_labels
from benchmark.datasets.manifest import Video
from benchmark.datasets.scenes.build import FEATURE_SET
from benchmark.datasets.scenes.domains import DOMAINS
from benchmark.datasets.scenes.generator import Script, scripts
from benchmark.datasets.untrained_scores import feature_norm, video_length
from benchmark.metrics.frame import average_precision, roc_auc
from benchmark.system.errors import InputError
from benchmark.terms import Split


@dataclass(frozen=True)
class Reach:
    """Frame metrics on the test videos of a detector that sees only `seen`."""

    seen: str
    auc: float
    ap: float


@dataclass(frozen=True)
class Ceilings:
    """Ceilings of a simulated dataset.

    Attributes
    ----------
    dataset
        Its name.
    base_rate
        Share of positive test frames: the chance level of the average precision.
    supervised
        Classifiers trained on the snippet labels of the training videos, which no method sees: on the
        features, and on the true motion, the true context and the motion intensity alone.
    controls
        Scores that should say nothing: the norm of the features and the length of the video.
    """

    dataset: str
    base_rate: float
    supervised: tuple[Reach, ...]
    controls: tuple[Reach, ...]


def ceilings(dataset: Dataset) -> Ceilings:
    """Measure the ceilings of a simulated dataset; takes seconds.

    The labels of the training snippets are in no file: they are had from the generator again.

    Raises
    ------
    InputError
        If the dataset is not a simulated one of this version.
    """
    if dataset.name not in DOMAINS or dataset.manifest.feature_set != FEATURE_SET:
        raise InputError(f"{dataset.name}: not a simulated dataset of this version; make it with `wvad data scenes`")
    script_of = {script.name: script for script in scripts(DOMAINS[dataset.name])}
    train = _Seen.of(dataset, script_of, "train")
    test = _Seen.of(dataset, script_of, "test")
    counts = [snippet_labels(video, dataset.manifest.stride) for video in dataset.manifest.split("test")]
    positive = np.concatenate([p for p, _ in counts])
    negative = np.concatenate([n for _, n in counts])

    def reach(seen: str, scores: NDArray[np.float64]) -> Reach:
        return Reach(seen, roc_auc(scores, positive, negative), average_precision(scores, positive, negative))

    network = make_pipeline(StandardScaler(), MLPClassifier(64, alpha=1.0, max_iter=20, random_state=0))
    by_value = HistGradientBoostingClassifier(max_iter=30, early_stopping=False)
    by_kind = HistGradientBoostingClassifier(max_iter=30, early_stopping=False, categorical_features=[0])
    supervised = []
    for seen, model, x, x_test in (
        ("features", network, train.features, test.features),
        ("motion", by_kind, train.motions, test.motions),
        ("context", by_kind, train.contexts, test.contexts),
        ("motion intensity", by_value, train.intensity, test.intensity),
    ):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the few passes are its regularisation
            model.fit(x, train.abnormal)
        supervised.append(reach(seen, model.predict_proba(x_test)[:, 1]))
    return Ceilings(
        dataset=dataset.name,
        base_rate=float(positive.sum() / (positive.sum() + negative.sum())),
        supervised=tuple(supervised),
        controls=(reach("feature norm", test.norm), reach("video length", test.length)),
    )


@dataclass(frozen=True)
class _Seen:
    """The snippets of a split: features (snippets, dim), controls (snippets,), the rest as columns."""

    abnormal: NDArray[np.bool_]
    features: NDArray[np.float32]
    motions: NDArray[np.int64]
    contexts: NDArray[np.int64]
    intensity: NDArray[np.float32]
    norm: NDArray[np.float64]
    length: NDArray[np.float64]

    @classmethod
    def of(cls, dataset: Dataset, script_of: dict[str, Script], split: Split) -> _Seen:
        videos: tuple[Video, ...] = dataset.manifest.split(split)
        played = [script_of[video.name] for video in videos]
        crops = np.concatenate([dataset.features(video) for video in videos]).astype(np.float32)
        intensity = [given for video in videos if (given := dataset.motion(video)) is not None]
        return cls(
            abnormal=np.concatenate([script.abnormal for script in played]),
            features=crops.mean(axis=1),
            motions=np.concatenate([script.motions for script in played])[:, None],
            contexts=np.concatenate([script.contexts for script in played])[:, None],
            intensity=np.concatenate(intensity)[:, None],
            norm=np.concatenate([feature_norm(dataset, video) for video in videos]).astype(np.float64),
            length=np.concatenate([video_length(video) for video in videos]).astype(np.float64),
        )
