"""What a run was trained on, kept beside the runs: new videos can be scored where the dataset is not at hand."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, JsonValue

from benchmark.runs.records import RECORD_VERSION, ChosenThresholds
from benchmark.runs.sealed_files import read_model, write_model
from benchmark.runs.store import RunStore
from benchmark.system.frozen import FrozenModel
from benchmark.system.names import Name
from benchmark.terms import LEAST_FPS, MOST_FPS, MOST_STRIDE, Selection

FOLDER = "trained-on"
"""Below that of the runs."""


class TrainedOn(FrozenModel):
    """What scoring new videos with a run needs of the dataset that it was trained on.

    Attributes
    ----------
    identity
        What is stated of the feature set, the fields of `FeatureSet` in `benchmark.datasets`; None where nothing is.
    crops, stride
        Crops of a snippet, and frames from one to the next.
    fps, assumed
        Frames a second, and whether nobody has stated them.
    thresholds
        Chosen on held-out normal training videos, without joining alarms or smoothing scores; none of a run that held
        out none.
    """

    record_version: Literal[1] = RECORD_VERSION
    run_key: Name
    feature_set: Name
    identity: dict[str, JsonValue] | None = None
    crops: int = Field(ge=1)
    stride: int = Field(ge=1, le=MOST_STRIDE)
    fps: float = Field(ge=LEAST_FPS, le=MOST_FPS)
    assumed: bool
    thresholds: dict[Selection, ChosenThresholds] = Field(default_factory=dict)


def path_of(store: RunStore, key: str) -> Path:
    """Return where that of a run is kept."""
    return store.root / FOLDER / f"{key}.json"


def read_trained_on(store: RunStore, key: str) -> TrainedOn | None:
    """Return what a run was trained on, or None where that is not kept or damaged."""
    found = read_model(path_of(store, key), TrainedOn)
    return found if found is not None and found.run_key == key else None


def write_trained_on(store: RunStore, content: TrainedOn) -> None:
    """Keep what a run was trained on."""
    path = path_of(store, content.run_key)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_model(path, content)
