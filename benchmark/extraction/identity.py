"""The identity of extracted features, in the form that an import reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

from benchmark.datasets.arrays import read_npy
from benchmark.datasets.feature_sets import FILE, FeatureSet
from benchmark.extraction.encoder import FeatureSettings
from benchmark.extraction.folder import FEATURES, ExtractionFolder
from benchmark.system.files import write_atomically


def write_identity(folder: ExtractionFolder) -> None:
    """Write `feature_set.json`, if there are features: the same settings give the same id, others another."""
    settings = folder.settings.features
    if settings is None or not folder.frames:
        return
    _, crops, dim = read_npy(folder.file(FEATURES, next(iter(folder.frames)))).shape
    identity = FeatureSet(
        id=f"{Path(settings.model).stem}-{_digest(settings)}",
        extractor=_describe(settings),
        checkpoint=f"SHA-256 {settings.sha256}",
        dim=dim,
        crops=(crops,),
        stride=folder.settings.snippet_frames,
        normalisation="none",
        source=settings.model,
    )
    write_atomically(folder.path / FILE, identity.model_dump_json(indent=2) + "\n")


def _describe(settings: FeatureSettings) -> str:
    network = settings.model if settings.architecture is None else f"{settings.architecture} ({settings.model})"
    seen = "clips of 16 frames" if settings.kind == "clip" else f"the mean of {settings.frames} frames"
    colours = f"colours {settings.normalisation}"
    return f"{network} on {seen}, {settings.width} x {settings.height} pixels, {settings.crops}-crop, {colours}"


def _digest(settings: FeatureSettings) -> str:
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()[:8]
