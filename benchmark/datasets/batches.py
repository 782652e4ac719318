"""Training bags and the order in which they are paired into batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.api import Bags, PairBatch
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.input_stage import input_segments
from benchmark.datasets.manifest import Video
from benchmark.datasets.pseudo_labels import RowsOf
from benchmark.datasets.segments import segment_mean
from benchmark.system.seeding import derive_seed
from benchmark.terms import Training


class BagSet(Bags):
    """The bags of all videos of a class, in memory."""

    @property
    def nbytes(self) -> int:
        """Bytes that the bags take."""
        return sum(part.nbytes for part in (self.features, self.motion, self.objects) if part is not None)

    def to(self, device: torch.device) -> BagSet:
        """Return the same bags on a device."""
        parts = (None if part is None else part.to(device) for part in (self.features, self.motion, self.objects))
        features, motion, objects = parts
        assert features is not None
        return BagSet(features, motion, objects, self.video_ids)

    def take(self, index: NDArray[np.int64], device: torch.device) -> Bags:
        """Return the bags at the given positions, on a device."""
        where = torch.from_numpy(index).to(self.features.device)

        def rows(part: Tensor) -> Tensor:
            chosen = part.index_select(0, where)  # unlike part[where], this copies whole bags
            return chosen if chosen.device.type == device.type else chosen.pin_memory().to(device, non_blocking=True)

        return Bags(
            features=rows(self.features),
            motion=None if self.motion is None else rows(self.motion),
            objects=None if self.objects is None else rows(self.objects),
            video_ids=tuple(self.video_ids[i] for i in index),
        )


def place(bags: BagSet, device: torch.device) -> BagSet:
    """Keep bags on the GPU for the whole training where half of its free memory holds them, else where they are."""
    if device.type != "cuda" or bags.nbytes > torch.cuda.mem_get_info(device)[0] // 2:
        return bags
    return bags.to(device)


def load_bags(dataset: Dataset, videos: Sequence[Video], training: Training, labels: Mapping[str, RowsOf]) -> BagSet:
    """Average videos into segments, pseudo-labels by the same edges as the features.

    Parameters
    ----------
    training
        Says how the features are made, see `input_segments`.
    labels
        What gives each pseudo-label, by the name of the input.
    """
    kept = min(training.crops or dataset.manifest.crops, dataset.manifest.crops)
    features = torch.empty((len(videos), kept, training.segments, dataset.manifest.dim))
    for i, video in enumerate(videos):
        features[i] = torch.from_numpy(input_segments(dataset.features(video), training))
    averaged = {
        name: torch.from_numpy(np.stack([segment_mean(label(video), training.segments) for video in videos]))
        for name, label in labels.items()
    }
    return BagSet(features, averaged.get("motion"), averaged.get("objects"), tuple(video.name for video in videos))


def pair_batches(normal: BagSet, abnormal: BagSet, size: int, seed: int, device: torch.device) -> Iterator[PairBatch]:
    """Return batches without end: as many normal as abnormal bags, each class in its own seeded order.

    A batch shrinks to the smaller class. At the end of a class's order the rest that fills no batch is dropped and a
    new order is drawn, as in the published code of RTFM. The order depends on the seed and the videos alone, not on the
    method.
    """
    size = min(size, len(normal.video_ids), len(abnormal.video_ids))
    halves = zip(
        _order(len(normal.video_ids), size, derive_seed(seed, "batches", "normal")),
        _order(len(abnormal.video_ids), size, derive_seed(seed, "batches", "abnormal")),
        strict=True,
    )
    batches = (PairBatch(normal.take(n, device), abnormal.take(a, device)) for n, a in halves)
    on_device = all(bags.features.device.type == device.type for bags in (normal, abnormal))
    return batches if on_device else ahead(batches)


def ahead(batches: Iterator[PairBatch]) -> Iterator[PairBatch]:
    """Yield batches while the next one is being put together, by a thread."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting = pool.submit(next, batches)
        while True:
            batch = waiting.result()
            waiting = pool.submit(next, batches)
            yield batch


def _order(count: int, size: int, seed: int) -> Iterator[NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    while True:
        order = generator.permutation(count)
        for start in range(0, count - size + 1, size):
            yield order[start : start + size]


def shuffle_labels(videos: Sequence[Video], seed: int) -> tuple[Video, ...]:
    """Deal the video labels out at random among the videos: as many of each as before."""
    generator = np.random.default_rng(derive_seed(seed, "shuffled labels"))
    ordered = sorted(videos, key=lambda video: video.name)
    labels = generator.permutation([video.label for video in ordered]).tolist()
    dealt = dict(zip((video.name for video in ordered), labels, strict=True))
    return tuple(video.model_copy(update={"label": dealt[video.name]}) for video in videos)


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
