"""Random training batches in float64."""

import numpy as np
import torch

from benchmark.api import Bags, FeatureSpec, PairBatch

GIVEN = {"motion": "given", "objects": "given"}
NONE = {"motion": "none", "objects": "none"}


def batch(videos=2, crops=2, length=10, dim=6, classes=3, seed=0):
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape):
        return torch.rand(*shape, generator=generator, dtype=torch.float64)

    def half():
        return Bags(
            2 * draw(videos, crops, length, dim) - 0.7,
            draw(videos, length),
            draw(videos, length, classes),
            tuple(f"v{i}" for i in range(videos)),
        )

    return PairBatch(half(), half())


def build(method, sources=GIVEN, dim=6, classes=3, seed=1, **config):
    """A float64 method in training mode whose dropout is off."""
    torch.manual_seed(seed)
    no_dropout = {name: 0.0 for name in method.Config.model_fields if name.endswith("dropout")}
    made = method(method.Config(**no_dropout, **config), FeatureSpec(dim, sources, classes)).double()
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            parameter.data.uniform_(-0.3, 0.3)
    return made


def uniform(*shape, seed=0):
    """Numbers between -1 and 1, float64."""
    return np.random.default_rng(seed).uniform(-1, 1, shape)


def pair(normal, abnormal):
    """A batch of given features, (videos, crops, T, D) each, and nothing beside them."""

    def half(videos):
        return Bags(torch.from_numpy(videos), None, None, tuple(str(i) for i in range(len(videos))))

    return PairBatch(half(normal), half(abnormal))


def parameters(method):
    return sum(p.numel() for p in method.parameters())
