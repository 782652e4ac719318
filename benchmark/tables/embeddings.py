"""What trained methods make of the features: embedded snippets, projected and kept in the run store."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.api import Method, MethodError
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.input_stage import input_rows
from benchmark.plugins.pipelines import Pipeline
from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.system.amounts import Progress
from benchmark.system.errors import NOT_THEIRS, InputError, describe
from benchmark.system.process import one_thread
from benchmark.tables.line_ups import Contender, LineUp
from benchmark.tables.projections import (
    BACKBONE,
    FEWEST,
    Sample,
    draw_sample,
    project,
    projection_names,
    stored_projections,
)
from benchmark.training.specification import find_pipeline_of
from benchmark.training.trained_methods import load_trained

Rows = NDArray[np.float32]
Embed = Callable[[Rows], Rows]
"""The rows of a video, (crops, rows, dim) -> (rows, any)."""


def project_line_up(
    line_up: LineUp, dataset: Dataset, store: RunStore, device: torch.device, progress: Progress
) -> dict[str, str]:
    """Project the features and the embedding of each contender's first seed, where they are not stored yet.

    Parameters
    ----------
    dataset
        The line-up's dataset.
    progress
        Called with what is done and what is to do.

    Returns
    -------
    Label of a contender -> why it has no projection.
    """
    sample = draw_sample(dataset.manifest)
    if int(sample.abnormal.sum()) < FEWEST:
        reason = f"{dataset.name} has fewer than {FEWEST} normal or abnormal test snippets"
        return {contender.label: reason for contender in line_up.contenders}
    names, stored = projection_names(line_up, store), stored_projections(line_up, store)
    missing = [label for label in names if label not in stored]
    contenders = {BACKBONE: line_up.contenders[0], **{c.label: c for c in line_up.contenders}}
    reasons: dict[str, str] = {}
    for done, label in enumerate(missing):
        progress(done, len(missing))
        try:
            embedding = _embed(contenders[label], label == BACKBONE, sample, dataset, store, device)
        except (InputError, MethodError, RuntimeError) as error:
            reasons[label] = str(error)
            continue
        with one_thread():
            projection = project(embedding, sample)
        if projection is None:
            reasons[label] = "its embedding is the same for all snippets"
        else:
            store.write_derived("projections", names[label], projection, contenders[label].seeds[:1])
    progress(len(missing), len(missing))
    return reasons


def _embed(
    contender: Contender, backbone: bool, sample: Sample, dataset: Dataset, store: RunStore, device: torch.device
) -> Rows:
    """Embed a sample by the weights of a contender's first seed, or average the crops that they take."""
    run, key = contender.seeds[0]
    record, evaluation = store.record(run), store.evaluation(run, key)
    if record is None or evaluation is None:
        raise MethodError(f"run {run} is not stored any more")
    settings = record.spec.training
    embed: Embed = _mean
    if backbone:
        settings = settings.model_copy(update={"unit_features": "none"})  # the features as they are
    else:
        pipeline = find_pipeline_of(record.spec, contender.reference)
        embed = _load_embedding(record, evaluation.step, pipeline, store, device)
    parts = []
    with one_thread():
        for video, rows in sample.rows:
            parts.append(embed(input_rows(dataset.features(video), settings))[rows])
    return np.concatenate(parts)


def _mean(rows: Rows) -> Rows:
    return np.asarray(rows.mean(0))


def _load_embedding(record: RunRecord, step: int, pipeline: Pipeline, store: RunStore, device: torch.device) -> Embed:
    """Return what a stored run's method makes of a video's rows, on its way to their scores."""
    if pipeline.load()[0].embed is Method.embed:
        raise MethodError(f"{record.spec.title} defines no embedding (`embed`)")
    model = load_trained(record, step, pipeline, store, device).eval()

    def embed(rows: Rows) -> Rows:
        try:
            with torch.no_grad():
                out = model.embed(torch.from_numpy(rows)[None].to(device))
        except NOT_THEIRS:
            raise
        except BaseException as error:  # somebody else's method
            raise MethodError(f"embed() of {record.spec.title} failed: {describe(error)}") from error
        if not isinstance(out, Tensor) or out.ndim != 3 or out.shape[:2] != (1, rows.shape[1]):
            what = tuple(out.shape) if isinstance(out, Tensor) else type(out).__name__
            raise MethodError(f"embed() of {record.spec.title} gave {what}, expected (1, {rows.shape[1]}, any)")
        if not bool(out.isfinite().all()):
            raise MethodError(f"embed() of {record.spec.title} gave values that are not finite")
        embedded: Rows = out[0].float().cpu().numpy()
        return embedded

    return embed
