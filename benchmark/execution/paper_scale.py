"""The paper's experiments at their true size: shapes of features, and what the tables' runs compute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmark.api import Bags, FeatureSpec, PairBatch
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.plugins.sizes import OBJECT_CLASSES, build_empty
from benchmark.plugins.stages import Stages
from benchmark.tables.declaration import TableDeclaration
from benchmark.terms import Benchmark, Training


@dataclass(frozen=True)
class Shape:
    """Size of a benchmark with the features that the paper's numbers are from.

    Attributes
    ----------
    normal, abnormal
        Training videos of each label.
    test_snippets
        Snippets of all test videos.
    """

    crops: int
    dim: int
    normal: int
    abnormal: int
    test_snippets: int


SHAPES: Mapping[Benchmark, Shape] = MappingProxyType(
    {
        "ucf-crime": Shape(10, 2048, 800, 810, 69_634),
        "xd-violence": Shape(5, 1024, 2049, 1905, 145_649),
        "shanghaitech": Shape(10, 2048, 175, 63, 8_980),
        "avenue": Shape(10, 2048, 13, 17, 362),
    }
)
"""Features of RTFM (I3D ResNet-50) and, for XD-Violence, of Roc-Ng (I3D Inception); Avenue's are not published."""


@dataclass(frozen=True)
class PaperRun:
    """A run of the paper's tables, for any seed: what tells it from others, and its floating-point operations.

    Attributes
    ----------
    step_flops
        Of a training step.
    snippet_flops
        Of scoring a snippet, all crops.
    scored_snippets
        Of the test videos, and of the segments of the training videos where stages end.
    """

    method: str
    settings: tuple[str, ...]
    benchmark: Benchmark
    steps: int
    step_flops: int
    snippet_flops: int
    scored_snippets: int

    @property
    def flops(self) -> int:
        """Operations of training, of passes over the training videos, and of scoring the test videos once."""
        return self.steps * self.step_flops + self.scored_snippets * self.snippet_flops


def paper_runs(table: TableDeclaration) -> list[PaperRun]:
    """Return the runs that a table needs for one seed; estimators that train otherwise cost next to nothing."""
    names = [benchmark for benchmark in SHAPES if benchmark in table.datasets]
    return [
        run
        for row in table.rows
        if row.method
        for benchmark in names
        if (run := count_run(find_pipeline(row.method), benchmark, row.settings)) is not None
    ]


def count_run(pipeline: Pipeline, benchmark: Benchmark, settings: Sequence[str] = ()) -> PaperRun | None:
    """Count what a run computes, without computing it; None for a method that does not train step by step."""
    recipe, _ = resolve_recipe(pipeline, benchmark, "paper", settings)
    shape, training = SHAPES[benchmark], recipe.training()
    videos = min(training.batch_size, shape.normal, shape.abnormal)
    try:
        with torch.device("meta"):
            model = build_empty(pipeline, recipe, shape.dim)
            batch = PairBatch(*(_bags(videos, shape, training, model.features) for _ in range(2)))
            with FlopCounterMode(display=False) as step:
                model.training_step(batch)["loss"].backward()  # type: ignore[no-untyped-call]
            with FlopCounterMode(display=False) as score, torch.no_grad():
                model.eval().score(torch.empty(1, shape.crops, training.segments, shape.dim))
    except NotImplementedError:  # it looks at the values
        return None
    return PaperRun(
        method=pipeline.name,
        settings=tuple(settings),
        benchmark=benchmark,
        steps=training.steps,
        step_flops=step.get_total_flops(),
        snippet_flops=score.get_total_flops() // training.segments,
        scored_snippets=shape.test_snippets
        + Stages(model, training.steps).passes * (shape.normal + shape.abnormal) * training.segments,
    )


def _bags(videos: int, shape: Shape, training: Training, told: FeatureSpec) -> Bags:
    crops = 1 if training.draws_crops else training.crops_of(shape.crops)
    return Bags(
        features=torch.empty(videos, crops, training.segments, shape.dim),
        motion=torch.empty(videos, training.segments),
        objects=torch.empty(videos, training.segments, OBJECT_CLASSES),
        video_ids=tuple(map(str, range(videos))),
        classes=torch.empty(videos, len(told.classes)) if told.classes else None,
    )
