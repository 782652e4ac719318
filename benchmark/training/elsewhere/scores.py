"""Scores from somebody's own code, as runs like any other: checked, stored and evaluated, never trained."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.dataset import Dataset
from benchmark.runs.records import RunRecord, describe_environment
from benchmark.runs.run_spec import RunSpec
from benchmark.runs.store import RunStore
from benchmark.system.errors import InputError
from benchmark.terms import Profile, Training
from benchmark.training.jobs import evaluate_scores, now
from benchmark.training.scoring import Scores

PREFIX = "imported:"
"""How the method of an imported run begins."""
DEVIATION = "DEV-IMPORTED"
"""What captions say of it; see `reports.tables.captions.FALLBACKS`."""


def check_different(folders: Sequence[Path], seeds: Sequence[Scores]) -> None:
    """Refuse two folders with the same scores: a seed that is counted twice makes a method look stable.

    Raises
    ------
    InputError
        If there are two.
    """
    seen: dict[str, Path] = {}
    for folder, scores in zip(folders, seeds, strict=True):
        other = seen.setdefault(_hash(scores), folder)
        if other is not folder:
            raise InputError(f"{other} and {folder} hold the same scores; give --scores once for each seed")


def store_imported(
    name: str, scores: Scores, seed: int, dataset: Dataset, profile: Profile, store: RunStore
) -> RunSpec:
    """Store scores as the run of one seed, with its evaluation; the same scores are the same run.

    Raises
    ------
    InputError
        If the run store cannot be written.
    """
    manifest = dataset.manifest
    spec = RunSpec(
        method=f"{PREFIX}{name}",
        version=1,
        source=_hash(scores),
        config={},
        training=Training(steps=1, looks=0),
        inputs={},
        profile=profile,
        holdout=0.0,
        imported=True,
        train_hash=manifest.train_hash(),
        seed=seed,
        title=title_of(name),
        dataset=dataset.name,
        benchmark=manifest.benchmark,
        feature_set=manifest.feature_set,
    )
    if store.record(spec.key) is None:
        store.prepare()
        with store.stage(spec) as folder:
            record = RunRecord(
                key=spec.key,
                spec=spec,
                looks=(),
                selected={"last": 1},
                oracle_test_hash=None,
                deviations=(DEVIATION,),
                dim=manifest.dim,
                object_classes=0,
                parameters=0,
                seconds=0.0,
                finished=now(),
                environment=describe_environment("elsewhere"),
            )
            (folder / "record.json").write_text(record.model_dump_json(indent=1) + "\n", encoding="utf-8")
    evaluate_scores(spec.key, "last", 1, scores, dataset, store)
    return spec


def title_of(name: str) -> str:
    """Return what an imported method is called in tables."""
    return f"{name} (imported)"


def _hash(scores: Mapping[str, NDArray[np.float32]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(scores):
        digest.update(name.encode() + b"\0" + scores[name].tobytes())
    return digest.hexdigest()
