"""Features as they are assumed where there is no dataset: to measure a method, or to check it."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from benchmark.api import FeatureSpec, Method, MethodConfig


def assume_features(
    method: type[Method],
    config: MethodConfig,
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
        Size of a feature vector; shared out evenly among the parts that the method needs, and another one if it needs
        one alone.
    sources
        Of what it asked for: one that is ``none`` is left out.
    classes
        Names of the classes, ``normal`` first, each with a random vector.
    """
    told = {name for name, source in sources.items() if source != "none"}
    vectors = torch.randn(len(classes), class_vector_dim, generator=torch.Generator().manual_seed(0))
    needed = method.parts_for(config)
    parts = (*needed, "rest") if len(needed) == 1 else needed
    return FeatureSpec(
        dim=dim,
        sources=sources,
        object_classes=object_classes if "objects" in told else 0,
        classes=classes if "classes" in told else (),
        class_vectors=vectors if "class_vectors" in told else None,
        parts={name: dim // len(parts) + (place < dim % len(parts)) for place, name in enumerate(parts)},
    )
