"""The method of a stored run, with the weights that a selection stands for."""

from __future__ import annotations

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from benchmark.api import Method
from benchmark.plugins.pipelines import Pipeline
from benchmark.runs.checksums import is_intact
from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.terms import Benchmark
from benchmark.training.feature_spec import features_of
from benchmark.training.loop import build_method


def load_trained(
    record: RunRecord,
    step: int,
    pipeline: Pipeline,
    store: RunStore,
    device: torch.device,
    scored: Benchmark | None = None,
) -> Method:
    """Build the method of a stored run with the weights of a step that a selection stands for.

    Parameters
    ----------
    scored
        Benchmark of the videos that it is to score; that of its training videos by default.

    Raises
    ------
    RuntimeError
        If the weights are missing or damaged.
    """
    model = build_method(record.spec, pipeline, features_of(record, scored))
    folder, name = store.folder(record.key), f"weights/{step}.safetensors"
    try:
        if not is_intact(folder, name):
            raise SafetensorError("not what was written")
        model.load_state_dict(load_file(folder / name))
    except (OSError, SafetensorError) as error:
        raise RuntimeError(f"{folder / name}: missing or damaged ({error}); repeat with --cached refresh") from None
    return model.to(device)
