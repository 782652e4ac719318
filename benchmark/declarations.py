"""Tables that are declared on the spot, for one call of the command line or of a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.datasets.store import Dataset
from benchmark.experiments import RowDeclaration, TableDeclaration
from benchmark.plugins.pipelines import find_pipeline
from benchmark.system.errors import InputError
from benchmark.system.files import file_name
from benchmark.training.scores_from_elsewhere import PREFIX, title_of
from benchmark.training.specification import Options, describe_run


def declare_comparison(
    method: str, against: Sequence[str], datasets: Sequence[Dataset], options: Options, power: float | None = None
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
    named = [_name(reference, datasets[0], options) for reference in references]
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


def _name(reference: str, dataset: Dataset, options: Options) -> tuple[str, str]:
    """Return what a method is called on the command line and in tables."""
    if reference.startswith(PREFIX):
        return reference, title_of(reference.removeprefix(PREFIX))
    pipeline = find_pipeline(reference)
    return pipeline.name, describe_run(pipeline, dataset, options)[0].title
