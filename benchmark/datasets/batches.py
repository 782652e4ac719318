"""Training bags and the order in which they are paired into batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from itertools import tee
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.api import Bags, PairBatch
from benchmark.datasets.classes import class_labels
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.input_stage import input_segments
from benchmark.datasets.manifest import Video
from benchmark.datasets.pseudo_labels import RowsOf
from benchmark.datasets.segments import PADDED, make_segments, segments_filled
from benchmark.system.ahead import ahead
from benchmark.system.seeding import derive_seed
from benchmark.terms import Training


class BagSet(Bags):
    """The bags of all videos of a class, in memory."""

    @property
    def tensors(self) -> dict[str, Tensor]:
        """What is there, by name."""
        held = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in held.items() if isinstance(value, Tensor)}

    @property
    def nbytes(self) -> int:
        """Bytes that the bags take."""
        return sum(tensor.nbytes for tensor in self.tensors.values())

    def to(self, device: torch.device) -> BagSet:
        """Return the same bags on a device."""
        moved: dict[str, Any] = {name: tensor.to(device) for name, tensor in self.tensors.items()}
        return replace(self, **moved)

    def take(self, index: NDArray[np.int64], device: torch.device, crops: NDArray[np.int64] | None = None) -> Bags:
        """Return the bags at the given positions, on a device; of each one crop, if `crops` names them."""
        where = torch.from_numpy(index).to(self.features.device)

        def rows(part: Tensor) -> Tensor:
            if crops is not None and part is self.features:
                chosen = part[where, torch.from_numpy(crops).to(part.device)].unsqueeze(1)
            else:
                chosen = part.index_select(0, where)  # unlike part[where], this copies whole bags
            return chosen if chosen.device.type == device.type else chosen.pin_memory().to(device, non_blocking=True)

        taken: dict[str, Any] = {name: rows(tensor) for name, tensor in self.tensors.items()}
        ids = tuple(self.video_ids[i] for i in index)
        return Bags(**{"motion": None, "objects": None, **taken, "video_ids": ids})


def place(bags: BagSet, device: torch.device) -> BagSet:
    """Keep bags on the GPU for the whole training where half of its free memory holds them, else where they are."""
    if device.type != "cuda" or bags.nbytes > torch.cuda.mem_get_info(device)[0] // 2:
        return bags
    return bags.to(device)


def load_bags(
    dataset: Dataset,
    videos: Sequence[Video],
    training: Training,
    labels: Mapping[str, RowsOf],
    classes: Sequence[str] = (),
) -> BagSet:
    """Make segments of videos, and of their pseudo-labels by the same rule.

    Parameters
    ----------
    training
        Says how the features are made, see `input_segments`.
    labels
        What gives each pseudo-label, by the name of the input.
    classes
        Of which a video may be, see `benchmark.api.FeatureSpec.classes`.
    """
    T, rule = training.segments, training.segmenting
    kept = training.crops_of(dataset.manifest.crops)
    features = torch.empty((len(videos), kept, T, dataset.manifest.dim))
    for i, video in enumerate(videos):
        features[i] = torch.from_numpy(input_segments(dataset.features(video), training))
    segmented = {
        name: torch.from_numpy(np.stack([make_segments(label(video), T, rule) for video in videos]))
        for name, label in labels.items()
    }
    lengths = torch.tensor([segments_filled(video.rows, T, rule) for video in videos])
    return BagSet(
        features,
        segmented.get("motion"),
        segmented.get("objects"),
        tuple(video.name for video in videos),
        classes=torch.from_numpy(class_labels(videos, classes)) if classes else None,
        lengths=lengths if rule in PADDED else None,
    )


def pair_batches(
    normal: BagSet, abnormal: BagSet, training: Training, seed: int, device: torch.device
) -> Iterator[PairBatch]:
    """Return batches without end: as many normal as abnormal bags, each class in its own seeded order.

    A batch shrinks to the smaller class. At the end of a class's order the rest that fills no batch is dropped and a
    new order is drawn, as in the published code of RTFM. The order depends on the seed and the videos alone, not on the
    method; so does the crop of each, where one is drawn.

    With a natural mixture all videos have one order, and a batch is split into its normal and its abnormal ones.
    """
    size = batch_size(normal, abnormal, training)

    def half(bags: BagSet, name: str, places: Iterator[NDArray[np.int64]]) -> Iterator[Bags]:
        generator = np.random.default_rng(derive_seed(seed, "crops", name))
        for index in places:
            drawn = generator.integers(bags.features.shape[1], size=len(index)) if training.draws_crops else None
            yield bags.take(index, device, drawn)

    def order(count: int, of_batch: int, name: str) -> Iterator[NDArray[np.int64]]:
        return _order(count, of_batch, derive_seed(seed, "batches", name))

    first = len(normal.video_ids)
    places: tuple[Iterator[NDArray[np.int64]], Iterator[NDArray[np.int64]]]
    if training.mixture == "natural":
        one, other = tee(order(first + len(abnormal.video_ids), 2 * size, "all"))
        places = (index[index < first] for index in one), (index[index >= first] - first for index in other)
    else:
        places = order(first, size, "normal"), order(len(abnormal.video_ids), size, "abnormal")
    batches = map(PairBatch, half(normal, "normal", places[0]), half(abnormal, "abnormal", places[1]))
    on_device = all(bags.features.device.type == device.type for bags in (normal, abnormal))
    return batches if on_device else ahead(batches)


def batch_size(normal: BagSet, abnormal: BagSet, training: Training) -> int:
    """Return how many videos of each class a batch holds, or half of those of any class."""
    return min(training.batch_size, len(normal.video_ids), len(abnormal.video_ids))


def steps_per_pass(normal: BagSet, abnormal: BagSet, training: Training) -> int:
    """Return how many batches pass over the videos of the smaller class; where a crop is drawn, over all their crops.

    So the published code counts that lists every crop of a video by itself. With a natural mixture they pass over all
    videos.
    """
    counts = len(normal.video_ids), len(abnormal.video_ids)
    seen = sum(counts) // 2 if training.mixture == "natural" else min(counts)
    crops = normal.features.shape[1] if training.draws_crops else 1
    return max(1, seen * crops // batch_size(normal, abnormal, training))


def _order(count: int, size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


def shuffle_labels(videos: Sequence[Video], seed: int) -> tuple[Video, ...]:
    """Deal the video labels out at random among the videos, with their classes: as many of each as before."""
    generator = np.random.default_rng(derive_seed(seed, "shuffled labels"))
    ordered = sorted(videos, key=lambda video: video.name)
    given = [ordered[i] for i in generator.permutation(len(ordered))]
    dealt = {video.name: {"label": of.label, "classes": of.classes} for video, of in zip(ordered, given, strict=True)}
    return tuple(video.model_copy(update=dealt[video.name]) for video in videos)


def hold_out(
    videos: Sequence[Video], share: float, seed: int, fold: int | None = None
) -> tuple[list[Video], list[Video]]:
    """Split training videos into those trained on and those held out, the same share of each class.

    At least one video of each class is held out, and one is kept, where the class has two.

    Parameters
    ----------
    fold
        Which of the ``1 / share`` equal parts is held out; None for any.
    """
    held: set[str] = set()
    for label in (0, 1):
        names = sorted(video.name for video in videos if video.label == label)
        count = min(max(1, round(share * len(names))), len(names) - 1) if share > 0 else 0
        generator = np.random.default_rng(derive_seed(seed, "hold-out", str(label)))
        order = generator.permutation(len(names))
        held.update(names[i] for i in (order[:count] if fold is None else order[fold :: round(1 / share)]))
    kept = [video for video in videos if video.name not in held]
    return kept, [video for video in videos if video.name in held]
