"""Training videos in full, and batches of them, for methods of several stages."""

from dataclasses import replace

import torch

from benchmark.api import PairBatch, TrainingContext, TrainingVideo
from tests.unit.methods import bags


def batch(videos=2, crops=2, length=7, dim=6, seed=0):
    """A random batch whose videos have names of their own."""
    drawn = bags.batch(videos, crops, length, dim, seed=seed)
    return PairBatch(
        *(
            replace(half, video_ids=tuple(f"{kind}{i}" for i in range(videos)))
            for kind, half in (("normal", drawn.normal), ("abnormal", drawn.abnormal))
        )
    )


def in_full(rows, crops=2, dim=6, seed=0):
    """Normal and abnormal videos, in this order, of the given numbers of rows in each half."""
    generator = torch.Generator().manual_seed(seed)
    return [
        TrainingVideo(
            f"{kind}{i}", label, 2 * torch.rand(crops, count, dim, generator=generator, dtype=torch.float64) - 0.7
        )
        for label, kind in enumerate(("normal", "abnormal"))
        for i, count in enumerate(rows)
    ]


def begin(method, steps=100, seed=5):
    method.train()
    method.begin_training(TrainingContext(steps, seed))


def end(method, name, videos):
    """End a stage as the engine does."""
    method.eval()
    with torch.no_grad():
        method.stage_ended(name, iter(videos))
    method.train()


def filled_up(batch, lengths):
    """The same batch, whose videos are of the given lengths, in both halves, and zeros after them."""

    def fill(half):
        own = torch.arange(half.features.shape[2]) < torch.tensor(lengths)[:, None]
        return replace(half, features=half.features * own[:, None, :, None], lengths=torch.tensor(lengths))

    return PairBatch(fill(batch.normal), fill(batch.abnormal))
