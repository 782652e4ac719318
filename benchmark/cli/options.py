"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_args

import typer

from benchmark import terms
from benchmark.cli.quantities import between, parse_gpus, parse_size, parse_time
from benchmark.system.errors import InputError
from benchmark.training.choices import BOUNDS, Choices

if TYPE_CHECKING:
    from benchmark.runs.table_plan import TablePlan
    from benchmark.tables.declaration import TableDeclaration


def whole(choice: str) -> dict[str, Any]:
    """Return the bounds of a choice that is a whole number, as an option takes them."""
    least, most = BOUNDS[choice]
    return {"min": int(least), "max": int(most)}


MethodName = Annotated[
    str,
    typer.Argument(help="Name a method as METHOD[@PRESET][+ADD-ON...]: registered names, or path/to/file.py:Class."),
]
Profile = Annotated[
    terms.Profile,
    typer.Option(help="Train by the quick recipe (minutes on two CPU cores) or by the paper's (as published)."),
]
Seeds = Annotated[
    int | None,
    typer.Option(
        **whole("seeds"),
        help="Train each method with this many seeds; by default 3 in quick and 5 in paper, and 2 for wvad tune.",
    ),
]
Data = Annotated[
    Path | None, typer.Option(help="Look for datasets in this folder; by default in $WVAD_DATA, else in ./data.")
]
DEFAULT_RESULTS = Choices.results
ResultsFolder = Annotated[Path, typer.Option("--results", help="Keep runs, tables and reports in this folder.")]
Holdout = Annotated[
    float,
    typer.Option(
        parser=between(*BOUNDS["holdout"]),
        metavar="SHARE",
        help="Hold out this share of the training videos (up to 0.9) for the selection 'validation'.",
        show_default="0; 0.25 for wvad tune and wvad diagnose",
    ),
]
Looks = Annotated[
    int | None,
    typer.Option(
        **whole("looks"), help="Judge the weights this many times during training, for the selection 'oracle'."
    ),
]
Device = Annotated[terms.Device, typer.Option(help="Compute on this device; auto takes a GPU if there is one.")]
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="Run by serial, local (side by side), ray, slurm or a plug-in; by default serial on one GPU, else local.",
    ),
]
Workers = Annotated[
    int | None, typer.Option(**whole("workers"), help="Do this many runs side by side; by default one per core.")
]
GpusPerRun = Annotated[
    float,
    typer.Option(
        parser=parse_gpus,
        metavar="GPUS",
        help="Give each run this many GPUs: 0.25 puts four runs on a GPU, 2 gives each run two.",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(help="Use this cluster of ray (auto, HOST:PORT, ray://HOST:PORT) or of slurm (slurm, local, debug)."),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        parser=parse_time, metavar="TIME", help="Stop a run after this time, such as 90 (seconds), 10m or 2h."
    ),
]
Memory = Annotated[
    int | None,
    typer.Option(
        parser=parse_size,
        metavar="SIZE",
        help="Stop a run that takes more memory than this beyond the libraries, such as 500M, 4G, or bytes.",
    ),
]
Cached = Annotated[
    terms.Cached,
    typer.Option(help="Use stored runs, refresh them (train them again), or take only them (train nothing)."),
]
Tracking = Annotated[terms.Tracking, typer.Option(help="Log to MLflow, or log nowhere.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Set a value in place of the recipe's, as [METHOD.]KEY=VALUE; repeat it for more values."
    ),
]
Tuned = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=terms.MOST_TRIALS,
        metavar="TRIALS",
        help="Tune every row alike, with this many random trials each, judged on held-out training videos.",
    ),
]
Measures = Annotated[
    str | None,
    typer.Option(help=f"Say these beside the primary metric, joined by commas: {', '.join(get_args(terms.Measure))}."),
]
Join = Annotated[
    float | None,
    typer.Option(
        parser=between(0, terms.MOST_JOIN),
        metavar="SECONDS",
        help="Take two alarms as one where at most this much time lies between them.",
    ),
]
Selection = Annotated[terms.Selection, typer.Option(help="Take the weights that this selection chose.")]
Details = Annotated[
    bool,
    typer.Option("--details", help="Print all that the files of a table hold, not its main part alone."),
]
Formats = Annotated[
    str, typer.Option("--format", help="Write figures in these forms, joined by commas: pdf, png, svg.")
]


_Table = TypeVar("_Table", "TableDeclaration", "TablePlan")


def measured(table: _Table, measures: str | None, join: float | None) -> _Table:
    """Return a table that says what these options ask for, beside what it says anyway.

    Raises
    ------
    InputError
        If there is no such measure, or alarms are to be joined that nobody measures.
    """
    known = get_args(terms.Measure)
    names: list[str] = [] if measures is None else split(measures)
    for name in names:
        if name not in known:
            raise InputError(f"--measures {name}: no such measure; there are {', '.join(known)}")
    if join is not None and not names:
        raise InputError("--join: joins the alarms of measures of events; give --measures events as well")
    if not names:
        return table
    said = tuple(dict.fromkeys((*table.measures, *names)))
    return table.model_copy(update={"measures": said, "join": table.join if join is None else join})


def split(names: str) -> list[str]:
    """Return names that are joined by commas."""
    return [name.strip() for name in names.split(",")]
