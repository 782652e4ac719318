"""Commands about datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, open_datasets, out, say, warn
from benchmark.cli.quantities import between
from benchmark.cli.videos import extraction
from benchmark.system.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    help="Import, check and list datasets; make the simulated ones.",
)
app.command("extract")(extraction.extract)

MetricName = Literal["auc", "ap"]

Motion = Annotated[Path | None, typer.Option(help="Read motion intensities from this folder, one file per video.")]
FramesPerSecond = Annotated[
    float | None,
    typer.Option(
        parser=between(terms.LEAST_FPS, terms.MOST_FPS),
        metavar="FPS",
        help="Count this many frames a second, for alarms per hour; by default those of the benchmark.",
    ),
]
Objects = Annotated[Path | None, typer.Option(help="Read object scores from this folder, one file per video.")]

FollowLinks = Annotated[bool, typer.Option("--follow-links", help="Follow links that lead out of the folders given.")]

METRICS: dict[MetricName, terms.Metric] = {"auc": "auc_frame", "ap": "ap_frame"}


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="Give the dataset this name.")],
    features: Annotated[
        Path, typer.Option(help="Read the feature files in this folder, or in the features/ below it.")
    ],
    annotations: Annotated[
        Path | None,
        typer.Option(help="Read annotations from this file or folder; by default they are looked for at the features."),
    ] = None,
    benchmark: Annotated[
        terms.Benchmark | None,
        typer.Option(help="Take it as this benchmark; by default the dataset's name if it is one, else other."),
    ] = None,
    feature_set: Annotated[
        str | None,
        typer.Option(
            help="Name the features by an id or by a JSON file on them; sets of one id share a feature space."
        ),
    ] = None,
    layout: Annotated[
        Literal["auto", terms.Layout], typer.Option(help="Take the files as laid out like this; auto looks and says.")
    ] = "auto",
    stride: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=terms.MOST_STRIDE,
            help="Take rows as this many frames apart; by default what feature_set.json states, else 16.",
        ),
    ] = None,
    fps: FramesPerSecond = None,
    lists: Annotated[
        list[Path] | None,
        typer.Option(
            "--list", help="Take the feature files of this list, with paths of any machine; repeat it for more lists."
        ),
    ] = None,
    motion: Motion = None,
    objects: Objects = None,
    missing: Annotated[
        Path | None, typer.Option(help="Read the names of annotated videos without features from this file.")
    ] = None,
    metric: Annotated[
        MetricName | None, typer.Option(help="Judge by this primary metric; by default ap for xd-violence, else auc.")
    ] = None,
    train_rows: Annotated[
        Literal["auto", terms.RowUnit],
        typer.Option(help="Take a row of a training video as this; auto looks and says."),
    ] = "auto",
    train_segments: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=terms.MOST_SEGMENTS,
            help="Store training videos as this many segments, in a fraction of the room.",
        ),
    ] = None,
    tail: Annotated[
        terms.TestTail,
        typer.Option(help="Cut a test video's last snippet to its frames, or pad it by repeating its last label."),
    ] = "cut",
    split_seed: Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Split avenue 80:20 by this seed, for want of a split of its own.")
    ] = 0,
    follow_links: FollowLinks = False,
    workers: Annotated[
        int | None,
        typer.Option(
            **options.whole("workers"), help="Read this many videos side by side; by default one per core, at most 8."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace a dataset of that name.")] = False,
    data: options.Data = None,
) -> None:
    """Import published features with their annotations; if it is interrupted, the same command goes on."""
    from benchmark.datasets.catalog import data_root
    from benchmark.datasets.check import shortcomings
    from benchmark.execution.display import counting
    from benchmark.importing.importer import ImportRequest, import_dataset

    request = ImportRequest(
        name=name,
        features=features,
        annotations=annotations,
        benchmark=benchmark,
        feature_set=feature_set,
        layout=None if layout == "auto" else layout,
        stride=stride,
        fps=fps,
        lists=tuple(lists or ()),
        motion=motion,
        objects=objects,
        missing=missing,
        metric=METRICS[metric] if metric else None,
        train_unit=None if train_rows == "auto" else train_rows,
        train_segments=train_segments,
        tail=tail,
        split_seed=split_seed,
        follow_links=follow_links,
        replace=replace,
    )
    with counting(f"importing {name}", err, "bytes") as progress:
        manifest = import_dataset(request, data_root(data), progress, workers)
    for note in manifest.notes:
        say(f"  {note}")
    say(f"{manifest.in_words()}; in {data_root(data) / name}")
    for line in shortcomings(manifest):
        warn(f"WARNING: {line}")
    say(f"`wvad data check {name}` reads it through and counts frames and classes.")


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="Name an imported dataset.")],
    motion: Motion = None,
    objects: Objects = None,
    class_vectors: Annotated[
        Path | None,
        typer.Option(help="Read a vector for each class from this file, such as a text encoder's of its name."),
    ] = None,
    fps: FramesPerSecond = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace those that the dataset has.")] = False,
    follow_links: FollowLinks = False,
    data: options.Data = None,
) -> None:
    """Add what was made or learnt later to an imported dataset: motion, objects, class vectors, the frame rate."""
    from benchmark.execution.display import counting
    from benchmark.importing.amend import add_class_vectors, add_pseudo_labels, state_rate

    given: dict[terms.PseudoLabel, Path | None] = {"motion": motion, "objects": objects}
    folders = {what: folder for what, folder in given.items() if folder is not None}
    if not folders and class_vectors is None and fps is None:
        raise InputError("give --motion, --objects, --class-vectors, --fps, or several of them")
    manifest = open_datasets([name], data)[0].manifest
    if fps is not None:
        manifest = state_rate(open_datasets([name], data)[0], fps)
    if class_vectors is not None:
        manifest = add_class_vectors(open_datasets([name], data)[0], class_vectors, replace)
    if folders:
        with counting(f"adding to {name}", err) as progress:
            dataset = open_datasets([name], data)[0]
            manifest = add_pseudo_labels(dataset, folders, replace, follow_links, progress)
    has = [
        "motion" if manifest.motion else "no motion",
        f"{manifest.object_classes} object classes" if manifest.object_classes else "no objects",
        *([f"{manifest.fps:g} frames a second"] if manifest.fps else []),
        *([f"vectors of {len(manifest.class_vectors)} classes"] if manifest.class_vectors else []),
    ]
    say(f"{name}: {', '.join(has)}; stored runs had what was there before.")


@app.command()
def check(
    name: Annotated[str, typer.Argument(help="Name an imported dataset.")],
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
