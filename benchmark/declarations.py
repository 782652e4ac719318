"""Tables that are declared on the spot, for one call of the command line or of a notebook."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.datasets.store import Dataset
from benchmark.errors import InputError
from benchmark.experiments import RowDeclaration, TableDeclaration
from benchmark.files import file_name
from benchmark.pipelines import find_pipeline
from benchmark.planning import Options, describe_run


def declare_comparison(
    method: str, against: Sequence[str], datasets: Sequence[Dataset], options: Options, power: float | None = None
) -> TableDeclaration:
    """Declare a table about one method: it against each of the others, on each dataset by itself.

    Parameters
    ----------
    method, against
        ``METHOD[@PRESET][+ADD-ON...]`` or ``path/to/file.py:Class``, each.
    power
        A difference, as a fraction, for which to say how many seeds and test videos would show it.

    Raises
    ------
    InputError
        If a method cannot be used, is named twice, or there is none to compare with.
    """
    references = [method, *against]
    pipelines = [find_pipeline(reference) for reference in references]
    names = [pipeline.name for pipeline in pipelines]
    if len(names) < 2:
        raise InputError("--against names no method to compare with; name one or more, joined by commas")
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name} is named twice; compare it with others")
    titles = [describe_run(pipeline, datasets[0], options)[0].title for pipeline in pipelines]
    labels = [title if titles.count(title) == 1 else name for title, name in zip(titles, names, strict=True)]
    return TableDeclaration(
        name=f"compare-{file_name(names[0])}",
        title=f"{labels[0]} compared",
        protocol="in-domain",
        datasets=tuple(dataset.name for dataset in datasets),
        rows=tuple(RowDeclaration(label=label, method=ref) for label, ref in zip(labels, references, strict=True)),
        subject=labels[0],
        power=power,
    )
