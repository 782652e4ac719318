"""Methods and halves of batches on random numbers, to be measured."""

import torch

from benchmark.api import Bags, Method
from benchmark.plugins.assumed import assume_features
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.sizes import CLASS_VECTOR_DIM, CLASSES, OBJECT_CLASSES


def make_method(name: str, dim: int) -> Method:
    """Make a method with its default settings, for features of one size."""
    method, _ = find_pipeline(name).load()
    torch.manual_seed(0)
    sources = dict.fromkeys(method.inputs, "given")
    config = method.Config()
    features = assume_features(method, config, dim, sources, OBJECT_CLASSES, CLASSES, CLASS_VECTOR_DIM)
    return method(config, features)


def make_half(videos: int, crops: int, segments: int, dim: int, label: int) -> Bags:
    """Make one half of a paired batch."""
    return Bags(
        features=torch.rand(videos, crops, segments, dim),
        motion=torch.rand(videos, segments),
        objects=torch.rand(videos, segments, OBJECT_CLASSES),
        video_ids=tuple(map(str, range(videos))),
        classes=torch.eye(len(CLASSES))[[label] * videos],
    )
