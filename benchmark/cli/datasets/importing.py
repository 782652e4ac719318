"""The commands that bring files of others into a dataset: all of it, or what was made later."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, open_datasets, say, warn
from benchmark.cli.quantities import between
from benchmark.cli.records import takes
from benchmark.importing.request import ImportRequest
from benchmark.system.errors import InputError

MetricName = Literal["auc", "ap"]
METRICS: dict[MetricName, terms.Metric] = {"auc": "auc_frame", "ap": "ap_frame"}

Motion = Annotated[Path | None, typer.Option(help="Read motion intensities from this folder, one file per video.")]
Objects = Annotated[Path | None, typer.Option(help="Read object scores from this folder, one file per video.")]
FramesPerSecond = Annotated[
    float | None,
    typer.Option(
        parser=between(terms.LEAST_FPS, terms.MOST_FPS),
        metavar="FPS",
        help="Count this many frames a second, for alarms per hour; by default those of the benchmark.",
    ),
]
FollowLinks = Annotated[bool, typer.Option("--follow-links", help="Follow links that lead out of the folders given.")]


def _metric(short: MetricName | None) -> terms.Metric | None:
    return METRICS[short] if short else None


OPTIONS: Mapping[str, Any] = {
    "name": Annotated[str, typer.Argument(help="Give the dataset this name.")],
    "features": Annotated[
        Path, typer.Option(help="Read the feature files in this folder, or in the features/ below it.")
    ],
    "annotations": Annotated[
        Path | None,
        typer.Option(help="Read annotations from this file or folder; by default they are looked for at the features."),
    ],
    "benchmark": Annotated[
        terms.Benchmark | None,
        typer.Option(help="Take it as this benchmark; by default the dataset's name if it is one, else other."),
    ],
    "feature_set": Annotated[
        str | None,
        typer.Option(
            help="Name the features by an id or by a JSON file on them; sets of one id share a feature space."
        ),
    ],
    "layout": Annotated[
        Literal["auto", terms.Layout], typer.Option(help="Take the files as laid out like this; auto looks and says.")
    ],
    "stride": Annotated[
        int | None,
        typer.Option(
            min=1,
            max=terms.MOST_STRIDE,
            help="Take rows as this many frames apart; by default what feature_set.json states, else 16.",
        ),
    ],
    "fps": FramesPerSecond,
    "lists": Annotated[
        list[Path] | None,
        typer.Option(
            "--list", help="Take the feature files of this list, with paths of any machine; repeat it for more lists."
        ),
    ],
    "motion": Motion,
    "objects": Objects,
    "missing": Annotated[
        Path | None, typer.Option(help="Read the names of annotated videos without features from this file.")
    ],
    "metric": Annotated[
        MetricName | None,
        typer.Option(callback=_metric, help="Judge by this primary metric; by default ap for xd-violence, else auc."),
    ],
    "train_unit": Annotated[
        Literal["auto", terms.RowUnit],
        typer.Option("--train-rows", help="Take a row of a training video as this; auto looks and says."),
    ],
    "train_segments": Annotated[
        int | None,
        typer.Option(
            min=1,
            max=terms.MOST_SEGMENTS,
            help="Store training videos as this many segments, in a fraction of the room.",
        ),
    ],
    "tail": Annotated[
        terms.TestTail,
        typer.Option(help="Cut a test video's last snippet to its frames, or pad it by repeating its last label."),
    ],
    "split_seed": Annotated[
        int, typer.Option(min=0, max=2**32 - 1, help="Split avenue 80:20 by this seed, for want of a split of its own.")
    ],
    "follow_links": FollowLinks,
    "replace": Annotated[bool, typer.Option("--replace", help="Replace a dataset of that name.")],
}
"""A field of `ImportRequest` -> how it is written on the command line."""


@takes(ImportRequest, OPTIONS)
def import_(
    request: ImportRequest,
    workers: Annotated[
        int | None,
        typer.Option(
            **options.whole("workers"), help="Read this many videos side by side; by default one per core, at most 8."
        ),
    ] = None,
    data: options.Data = None,
) -> None:
    """Import published features with their annotations; if it is interrupted, the same command goes on."""
    from benchmark.datasets.catalog import data_root
    from benchmark.datasets.check import shortcomings
    from benchmark.execution.display import counting
    from benchmark.importing.importer import import_dataset

    with counting(f"importing {request.name}", err, "bytes") as progress:
        manifest = import_dataset(request, data_root(data), progress, workers)
    for note in manifest.notes:
        say(f"  {note}")
    say(f"{manifest.in_words()}; in {data_root(data) / request.name}")
    for line in shortcomings(manifest):
        warn(f"WARNING: {line}")
    say(f"`wvad data check {request.name}` reads it through and counts frames and classes.")


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
