"""Commands about datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, open_datasets, out, say
from benchmark.cli.datasets import importing
from benchmark.cli.videos import extraction
from benchmark.system.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    help="Import, check and list datasets; make the simulated ones.",
)
app.command("extract")(extraction.extract)
app.command("import")(importing.import_)
app.command("add")(importing.add)


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Name a dataset, imported or simulated.")],
    against: Annotated[
        Path | None, typer.Option(help="Compare the frame labels with this ground truth from elsewhere, per video.")
    ] = None,
    order: Annotated[
        Path | None, typer.Option(help="Read the order of the videos in --against's array from this list.")
    ] = None,
    against_features: Annotated[
        Path | None,
        typer.Option(
            help="Compare with these features of the same videos from elsewhere, and say what of their making differs."
        ),
    ] = None,
    data: options.Data = None,
) -> None:
    """Read a dataset through and print what it holds: counts, norms, what was clipped, what is missing.

    With --against, its frame labels are compared instead: a .npy array of all videos, a folder of one array per video,
    or S3R's .json file. With --against-features, its features are compared with a folder of others, snippet by snippet.
    Differences are information, not an error.
    """
    from benchmark.datasets.check import check_dataset
    from benchmark.execution.display import counting
    from benchmark.importing.feature_comparison import compare_features
    from benchmark.importing.ground_truth import compare_ground_truth

    if against is not None and against_features is not None:
        raise InputError("--against compares labels and --against-features features; give one of them")
    dataset = open_datasets([name], data)[0]
    if order is not None and against is None:
        raise InputError("--order is the order of an array; name the array with --against")
    if against is not None:
        for line in compare_ground_truth(dataset.manifest, against, order).lines():
            say(line)
        return
    if against_features is not None:
        with counting(f"comparing {name}", err) as progress:
            compared = compare_features(dataset, against_features, progress)
        for line in compared.lines():
            say(line)
        return
    with counting(f"reading {name}", err) as progress:
        report = check_dataset(dataset, progress)
    for line in report.lines():
        say(line)
    if not report.sound:
        raise typer.Exit(1)


@app.command("list")
def list_(data: options.Data = None) -> None:
    """List the datasets that are there."""
    from rich.table import Column, Table
    from rich.text import Text

    from benchmark.datasets.catalog import data_root, list_datasets
    from benchmark.importing.placing import unfinished_imports

    unfinished = unfinished_imports(data_root(data))
    for name in unfinished:
        say(f"{name}: unfinished, its import was interrupted or is going on; the same command goes on from there")
    entries = list_datasets(data_root(data))
    if not entries:
        if not unfinished:
            say(
                f"no dataset in {data_root(data)} yet: `wvad data import` brings yours, "
                "`wvad data scenes` makes simulated ones"
            )
        return
    others = (Column(name, overflow="fold") for name in ("benchmark", "features", "videos", "motion, objects"))
    grid = Table(Column("dataset", no_wrap=True), *others)
    for entry in entries:
        m = entry.manifest
        if m is None:
            grid.add_row(entry.name, Text(f"unusable: {entry.problem}", overflow="fold"))
            continue
        counts = [
            f"{split}: {len(v)} ({sum(x.label for x in v)} abnormal)"
            for split, v in (("train", m.split("train")), ("test", m.split("test")))
        ]
        pseudo = ["given" if m.motion else "—", f"{m.object_classes} classes" if m.object_classes else "—"]
        judged = f"{m.benchmark}\n{terms.METRIC_NAMES[m.metric]}"
        grid.add_row(m.name, judged, f"{m.feature_set}\n{m.dim} x {m.crops}", "\n".join(counts), ", ".join(pseudo))
    out.print(grid)


@app.command()
def scenes(data: options.Data = None) -> None:
    """Make the simulated datasets, and print how well supervised classifiers do on them."""
    from rich.table import Table

    from benchmark.datasets.scenes import SCENES
    from benchmark.datasets.scenes.ceilings import ceilings

    grid = Table("dataset", "seen", "AUC", "AP", "positive frames")
    for dataset in open_datasets(SCENES, data):
        found = ceilings(dataset)
        for reach in (*found.supervised, *found.controls):
            name, rate = (dataset.name, f"{found.base_rate:.1%}") if reach is found.supervised[0] else ("", "")
            grid.add_row(name, reach.seen, f"{100 * reach.auc:.1f}", f"{100 * reach.ap:.1f}", rate)
        grid.add_section()
    out.print(grid)
    say(
        "Frame AUC and AP in percent, of classifiers trained with the true label of every training snippet: "
        "what could be reached; and of two controls, feature norm and video length."
    )
