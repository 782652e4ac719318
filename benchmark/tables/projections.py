"""Projections of snippets to the plane, and how well the classes are told apart before that."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.labels import snippet_labels
from benchmark.datasets.manifest import Manifest, Video
from benchmark.metrics.ranking import Floats
from benchmark.runs.store import RunStore
from benchmark.system.frozen import FrozenModel
from benchmark.system.hashing import digest
from benchmark.tables.line_ups import LineUp

VERSION = 1
"""Raised when the same weights would be projected otherwise."""

PER_CLASS = 300
"""Snippets of each class in a picture, at most."""
BACKBONE = "backbone features"
"""What the projection of the features themselves is called."""
NEIGHBOURS = 15
PERPLEXITY = 30.0
ROUNDING = 1e-5
"""Differences of float32 embeddings that are none, as a share of the largest value."""
FEWEST = 3
"""Snippets of each class below which there is nothing to draw."""


@dataclass(frozen=True)
class Sample:
    """Snippets of test videos, as many normal as abnormal ones.

    Attributes
    ----------
    rows
        Videos with the rows that were drawn of each, ascending.
    abnormal
        Whether most of its frames are abnormal, (snippets,), in the order of `rows`.
    video
        Index of the video in `rows`, (snippets,).
    """

    rows: tuple[tuple[Video, NDArray[np.intp]], ...]
    abnormal: NDArray[np.bool_]
    video: NDArray[np.intp]


class Projection(FrozenModel):
    """What a panel of a t-SNE figure shows.

    Attributes
    ----------
    points
        Place of each snippet in the plane; it has no unit.
    abnormal
        Whether the snippet is abnormal, in the order of `points`.
    neighbour_auc
        See `neighbour_auc`; None where it is undefined.
    silhouette
        Mean silhouette of the two classes in the embedding.
    """

    points: tuple[tuple[float, float], ...]
    abnormal: tuple[bool, ...]
    neighbour_auc: float | None
    silhouette: float


def projection_names(line_up: LineUp, store: RunStore) -> dict[str, str]:
    """Return what projections are stored under: of the features as the first contender takes them, and of each one.

    Returns
    -------
    `BACKBONE`, then the contenders' labels -> name among what is derived. A run trained anew has another one.
    """
    names: dict[str, str] = {}
    for contender in line_up.contenders:
        run, key = contender.seeds[0]
        record, evaluation = store.record(run), store.evaluation(run, key)
        if record is not None and evaluation is not None:
            names.setdefault(BACKBONE, digest([VERSION, evaluation.test_hash, record.spec.training.crops]))
            names[contender.label] = digest([VERSION, run, key, evaluation.finished])
    return names


def stored_projections(line_up: LineUp, store: RunStore) -> dict[str, Projection]:
    """Return the stored projections of a line-up, by the keys of `projection_names`."""
    found = {
        label: store.derived("projections", name, Projection)
        for label, name in projection_names(line_up, store).items()
    }
    return {label: projection for label, projection in found.items() if projection is not None}


def draw_snippets(abnormal: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Draw as many normal as abnormal snippets, always the same ones, (snippets,) -> their places, ascending.

    Parameters
    ----------
    abnormal
        Whether most frames of each snippet of the test videos, in order, are abnormal.
    """
    size = min(PER_CLASS, int(abnormal.sum()), int((~abnormal).sum()))
    rng = np.random.default_rng(0)
    return np.sort(
        np.concatenate([rng.choice(np.flatnonzero(abnormal == kind), size, replace=False) for kind in (False, True)])
    )


def draw_sample(manifest: Manifest) -> Sample:
    """Draw as many normal as abnormal snippets of a dataset's test videos, always the same ones of the same videos."""
    videos = manifest.split("test")
    counts = [snippet_labels(video, manifest.stride) for video in videos]
    abnormal = np.concatenate([positive > negative for positive, negative in counts])
    video = np.repeat(np.arange(len(videos)), [video.rows for video in videos])
    first = np.cumsum([0, *(video.rows for video in videos)])
    chosen = draw_snippets(abnormal)
    present, places = np.unique(video[chosen], return_inverse=True)
    rows = tuple((videos[v], chosen[places == i] - first[v]) for i, v in enumerate(present))
    return Sample(rows, abnormal[chosen], places.astype(np.intp))


def project(embedding: NDArray[np.floating], sample: Sample) -> Projection | None:
    """Project embedded snippets to the plane by t-SNE (van der Maaten and Hinton, 2008), from their first two PCs.

    Parameters
    ----------
    embedding
        One row per snippet of the sample, (snippets, any).

    Returns
    -------
    None where all snippets have the same embedding: there is nothing to see, and scikit-learn would crash on it.
    """
    from sklearn.manifold import TSNE
    from sklearn.metrics import silhouette_score

    values = np.asarray(embedding, dtype=np.float64)
    if np.ptp(values, axis=0).max() <= ROUNDING * np.abs(values).max():
        return None
    # The optimiser starts at the first two principal components, so it needs two.
    values = np.pad(values, ((0, 0), (0, max(0, 2 - values.shape[1]))))
    perplexity = min(PERPLEXITY, (len(values) - 1) / 3)
    points = TSNE(init="pca", perplexity=perplexity, random_state=0).fit_transform(values)
    return Projection(
        points=tuple((round(float(x), 3), round(float(y), 3)) for x, y in points),
        abnormal=tuple(sample.abnormal.tolist()),
        neighbour_auc=neighbour_auc(values, sample.abnormal, sample.video),
        silhouette=float(silhouette_score(values, sample.abnormal)),
    )


def neighbour_auc(embedding: Floats, abnormal: NDArray[np.bool_], video: NDArray[np.intp]) -> float | None:
    """AUC of the share of abnormal snippets among the 15 nearest ones in other videos.

    Videos are dealt to five folds, and neighbours are looked for in the other four: none is of the snippet's own video,
    and both kinds are there in the same proportions, so that an embedding that says nothing gives 0.5.

    Returns
    -------
    0.5 where the embedding says nothing; None where fewer than two videos have snippets of a kind.
    """
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict
    from sklearn.neighbors import KNeighborsRegressor

    folds = min(5, len(np.unique(video[abnormal])), len(np.unique(video[~abnormal])))
    if folds < 2:
        return None
    splits = list(StratifiedGroupKFold(folds, shuffle=True, random_state=0).split(embedding, abnormal, video))
    neighbours = min(NEIGHBOURS, min(len(train) for train, _ in splits))
    model = KNeighborsRegressor(neighbours)
    shares = cross_val_predict(model, embedding, abnormal.astype(np.float64), cv=splits)
    return float(roc_auc_score(abnormal, shares))
