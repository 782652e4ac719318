"""What a plan says of rows, methods and datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.about import PublishedFigure
from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.recipes import read_about, resolve_recipe
from benchmark.plugins.sizes import measure_pipeline
from benchmark.runs.table_plan import MethodCard, PlannedDataset, PlannedRow, ReportedFigure
from benchmark.terms import SCENES_PREFIX, Measure
from benchmark.training.choices import Choices


def describe_row(pipeline: Pipeline, runs: Mapping[str, Sequence[str]], **fields: Any) -> PlannedRow:
    """Describe a row of a method for a plan.

    Parameters
    ----------
    runs
        Training dataset -> the keys of its runs.
    fields
        Others of `PlannedRow`.
    """
    return PlannedRow(
        method=pipeline.method_name,
        add_ons=tuple(add_on.name for add_on in pipeline.add_ons),
        reference=pipeline.reference,
        runs={name: tuple(keys) for name, keys in runs.items()},
        **{"paper": None, **fields},
    )


MakeCard = Callable[[Pipeline, Sequence[Dataset], Choices, Sequence[str]], MethodCard]


def choose_card(described: bool, measures: Sequence[Measure]) -> MakeCard | None:
    """Return what describes the methods of a table, as far as the table says what they are; None if it does not."""
    if described:
        return describe_method
    if "cost" in measures:
        return lambda *method: MethodCard(multiply_adds=count_multiply_adds(*method))
    return None


def describe_method(
    pipeline: Pipeline, datasets: Sequence[Dataset], choices: Choices, settings: Sequence[str]
) -> MethodCard:
    """Describe a method for a table that says what its methods are."""
    about = read_about(pipeline.method)
    return MethodCard(
        fidelity=about.faithfulness if about else "",
        multiply_adds=count_multiply_adds(pipeline, datasets, choices, settings),
        reported=describe_figures(about.published if about else (), datasets),
    )


def count_multiply_adds(
    pipeline: Pipeline, datasets: Sequence[Dataset], choices: Choices, settings: Sequence[str]
) -> dict[str, int]:
    """Count the multiplications with addition per snippet and crop on each dataset, where they can be counted."""
    counts = {}
    for manifest in (dataset.manifest for dataset in datasets):
        overrides = (*choices.overrides, *settings)
        recipe, _ = resolve_recipe(pipeline, manifest.benchmark, choices.profile, overrides)
        with suppress(NotImplementedError):  # a method that looks at the values
            counts[manifest.name] = measure_pipeline(pipeline, recipe, manifest.dim).multiply_adds
    return counts


def describe_figures(published: Sequence[PublishedFigure], datasets: Sequence[Dataset]) -> tuple[ReportedFigure, ...]:
    """Return what was published on the datasets' benchmarks by the metrics that these are judged by."""
    return tuple(
        ReportedFigure(dataset=manifest.name, value=figure.value, features=figure.features, source=figure.source)
        for manifest in (dataset.manifest for dataset in datasets)
        for figure in published
        if (figure.benchmark, figure.metric) == (manifest.benchmark, manifest.metric)
    )


def describe_dataset(dataset: Dataset) -> PlannedDataset:
    """Describe a dataset for a plan."""
    manifest = dataset.manifest
    segmented = {video.rows for video in manifest.split("train") if video.unit == "segments"}
    return PlannedDataset(
        name=manifest.name,
        benchmark=manifest.benchmark,
        metric=manifest.metric,
        feature_set=manifest.feature_set,
        crops=manifest.crops,
        test_hash=manifest.test_hash(),
        test_videos=len(manifest.split("test")),
        missing=len(manifest.missing),
        simulated=manifest.name.startswith(SCENES_PREFIX),
        train_segments=tuple(sorted(segmented)),
    )
