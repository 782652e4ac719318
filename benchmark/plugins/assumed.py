"""Features as they are assumed where there is no dataset: to measure a method, or to check it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from benchmark.api import FeatureSpec, Method


def assume_features(
    method: type[Method],
    dim: int,
    sources: Mapping[str, str],
    object_classes: int,
    classes: tuple[str, ...],
    class_vector_dim: int,
) -> FeatureSpec:
    """Return what a method is told of features that have all that it asked for.

    Parameters
    ----------
    dim
        Size of a feature vector; shared out evenly among the parts that the method needs.
    sources
        Of what it asked for: one that is ``none`` is left out.
    classes
        Names of the classes, ``normal`` first, each with a random vector.
    """
    told = {name for name, source in sources.items() if source != "none"}
    vectors = torch.randn(len(classes), class_vector_dim, generator=torch.Generator().manual_seed(0))
    count = len(method.parts)
    return FeatureSpec(
        dim=dim,
        sources=sources,
        object_classes=object_classes if "objects" in told else 0,
        classes=classes if "classes" in told else (),
        class_vectors=vectors if "class_vectors" in told else None,
        parts={name: dim // count + (place < dim % count) for place, name in enumerate(method.parts)},
    )
