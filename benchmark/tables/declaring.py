"""Tables declared on the spot, for one call: a method beside others, or beside itself with other settings."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmark.datasets.dataset import Dataset
from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import resolve_recipe
from benchmark.system.errors import InputError
from benchmark.system.files import file_name
from benchmark.tables.declaration import RowDeclaration, TableDeclaration
from benchmark.training.choices import Choices
from benchmark.training.elsewhere.scores import PREFIX, title_of
from benchmark.training.requirements import check_overrides
from benchmark.training.specification import describe_run


def declare_comparison(
    method: str, against: Sequence[str], datasets: Sequence[Dataset], choices: Choices, power: float | None = None
) -> TableDeclaration:
    """Declare a table about one method: it against each of the others, on each dataset by itself.

    Parameters
    ----------
    method, against
        ``METHOD[@PRESET][+ADD-ON...]``, ``path/to/file.py:Class`` or ``imported:NAME``, each.
    power
        A difference, as a fraction, for which to say how many seeds and test videos would show it.

    Raises
    ------
    InputError
        If a method cannot be used, is named twice, or there is none to compare with.
    """
    references = [method, *against]
    if len(references) < 2:
        raise InputError("--against names no method to compare with; name one or more, joined by commas")
    named = [_name(reference, datasets[0], choices) for reference in references]
    names = [name for name, _ in named]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} is named twice; compare it with others")
    titles = [title for _, title in named]
    labels = [title if titles.count(title) == 1 else name for name, title in named]
    return TableDeclaration(
        name=f"compare-{file_name(names[0])}",
        title=f"{labels[0]} compared",
        protocol="in-domain",
        datasets=tuple(dataset.name for dataset in datasets),
        rows=tuple(RowDeclaration(label=label, method=ref) for label, ref in zip(labels, references, strict=True)),
        subject=labels[0],
        power=power,
    )


def _name(reference: str, dataset: Dataset, choices: Choices) -> tuple[str, str]:
    """Return what a method is called on the command line and in tables."""
    if reference.startswith(PREFIX):
        return reference, title_of(reference.removeprefix(PREFIX))
    pipeline = find_pipeline(reference)
    return pipeline.name, describe_run(pipeline, dataset, choices)[0].title


def declare_sweep(
    method: str, studied: Sequence[tuple[str, Sequence[str]]], datasets: Sequence[Dataset], choices: Choices
) -> TableDeclaration:
    """Declare a table of a method with several values of some settings, each compared with the recipe's own value.

    Parameters
    ----------
    studied
        Settings, each with the values to try; the recipe's own value becomes one of them.

    Raises
    ------
    InputError
        If the method or a value cannot be used.
    """
    pipeline = find_pipeline(method)
    title = describe_run(pipeline, datasets[0], choices)[0].title
    rows: list[RowDeclaration] = []
    own: list[str] = []
    for key, tried in studied:
        found = {_own_value(pipeline, key, tried, dataset, choices) for dataset in datasets}
        value = found.pop() if len(found) == 1 else None  # the recipes of several benchmarks may differ
        reference = f"{key} as in the recipe" if value is None else f"{key} = {value}"
        settings: dict[str, tuple[str, ...]] = {f"{key} = {text}": (f"{key}={text}",) for text in tried}
        if reference not in settings:
            settings = {reference: () if value is None else (f"{key}={value}",), **settings}
        own.append(f"{key} (recipe: {value})" if value else key)
        rows += [
            RowDeclaration(label=label, group=key, against=reference, method=method, settings=setting)
            for label, setting in settings.items()
        ]
    return TableDeclaration(
        name=f"sweep-{file_name(pipeline.name)}-{'+'.join(file_name(key) for key, _ in studied)}",
        title=f"{title}: {', '.join(own)}",
        protocol="in-domain",
        datasets=tuple(dataset.name for dataset in datasets),
        controls=False,
        study=True,
        rows=tuple(rows),
    )


def _own_value(pipeline: Pipeline, key: str, tried: Sequence[str], dataset: Dataset, choices: Choices) -> str:
    """Return the value of a setting on a dataset unless a sweep changes it, written as in `tried` where it is there."""

    def resolve(*settings: str) -> dict[tuple[str, str], Any]:
        overrides = (*choices.overrides, *settings)
        recipe, used = resolve_recipe(pipeline, dataset.manifest.benchmark, choices.profile, overrides)
        check_overrides(settings, used, [pipeline])
        return {(name, leaf): value for name in recipe.sections for leaf, value in recipe.values(name).items()}

    recipe = resolve()
    changed = {value: resolve(f"{key}={value}") for value in tried}
    for value, settings in changed.items():
        if settings == recipe:
            return value
    (place,) = {place for settings in changed.values() for place in settings if settings[place] != recipe[place]}
    return recipe[place] if isinstance(recipe[place], str) else json.dumps(recipe[place])
