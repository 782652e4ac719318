"""Random training batches in float64 whose videos may end in rows of zeros, and may have classes."""

import torch

from benchmark.api import Bags, PairBatch


def batch(lengths, length, crops=1, dim=6, classes=None, count=4, seed=0):
    """A batch of two videos per class and more: `lengths` of the normal ones, then of the abnormal ones; or None.

    Classes are lists of indices below `count`, one for each abnormal video; normal ones are of class 0.
    """
    generator = torch.Generator().manual_seed(seed)
    normal, abnormal = lengths

    def half(lengths, labels):
        videos = len(lengths) if lengths is not None else 2
        features = 2 * torch.rand(videos, crops, length, dim, generator=generator, dtype=torch.float64) - 0.7
        for video, own in enumerate(lengths or []):
            features[video, :, own:] = 0
        one_hot = None if classes is None else torch.zeros(videos, count)
        for video, indices in enumerate(labels or [[0]] * videos if classes else []):
            one_hot[video, indices] = 1
        given = None if lengths is None else torch.tensor(lengths)
        return Bags(features, None, None, tuple(f"v{i}" for i in range(videos)), classes=one_hot, lengths=given)

    return PairBatch(half(normal, None), half(abnormal, classes))


def sequences(batch):
    """Every crop of every video as (rows (T, D), own rows, whether abnormal, its classes), normal videos first.

    Rows are cut to the longest length of the batch.
    """
    found = []
    for abnormal, bags in enumerate((batch.normal, batch.abnormal)):
        videos, crops, length, _ = bags.features.shape
        own = [length] * videos if bags.lengths is None else bags.lengths.tolist()
        of = [[]] * videos if bags.classes is None else [[i for i, on in enumerate(row) if on] for row in bags.classes]
        found += [
            (bags.features[v, c].numpy(), own[v], bool(abnormal), of[v]) for v in range(videos) for c in range(crops)
        ]
    longest = max(own for _, own, _, _ in found)
    return [(rows[:longest], own, abnormal, classes) for rows, own, abnormal, classes in found]
