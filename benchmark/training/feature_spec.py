"""What a method is told about the features that it is trained on and scores."""

from __future__ import annotations

import torch

from benchmark.api import FeatureSpec
from benchmark.datasets.classes import class_names, class_vectors
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.pseudo_labels import count_object_classes
from benchmark.runs.records import RunRecord
from benchmark.runs.run_spec import RunSpec
from benchmark.terms import Benchmark


def features_to_train(spec: RunSpec, dataset: Dataset, scored: Benchmark | None = None) -> FeatureSpec:
    """Return what a run's method is told of a dataset that it is trained on.

    Parameters
    ----------
    scored
        Benchmark of the videos that it is to score; that of its training videos by default.
    """
    vectors = class_vectors(dataset, spec.inputs.get("class_vectors", "none"))
    return FeatureSpec(
        dim=dataset.manifest.dim,
        sources=spec.inputs,
        object_classes=count_object_classes(dataset, spec.inputs.get("objects", "none")),
        target=_target(spec, scored),
        classes=class_names(dataset.manifest) if spec.inputs.get("classes", "none") != "none" else (),
        class_vectors=None if vectors is None else torch.from_numpy(vectors),
        parts=dataset.manifest.parts,
        patch_grids=dataset.manifest.patch_grids if spec.training.crops is None else (),
    )


def features_of(record: RunRecord, scored: Benchmark | None = None) -> FeatureSpec:
    """Return what a stored run's method was told, with zeros for class vectors: its weights hold them."""
    size = record.class_vector_dim
    return FeatureSpec(
        dim=record.dim,
        sources=record.spec.inputs,
        object_classes=record.object_classes,
        target=_target(record.spec, scored),
        classes=record.classes,
        class_vectors=torch.zeros(len(record.classes), size) if size else None,
        parts=record.parts,
        patch_grids=record.patch_grids,
    )


def _target(spec: RunSpec, scored: Benchmark | None) -> Benchmark | None:
    return None if scored == spec.benchmark else scored
