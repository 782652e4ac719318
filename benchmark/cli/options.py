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
    str, typer.Argument(help="METHOD[@PRESET][+ADD-ON...]: registered names, or path/to/file.py:Class.")
]
Profile = Annotated[
    terms.Profile, typer.Option(help="Recipe size: quick (two CPU cores, minutes) or paper (as published).")
]
Seeds = Annotated[
    int | None, typer.Option(**whole("seeds"), help="Seeds per run: 3 in quick, 5 in paper unless given.")
]
Data = Annotated[Path | None, typer.Option(help="Folder of the datasets; else $WVAD_DATA, else ./data.")]
DEFAULT_RESULTS = Choices.results
ResultsFolder = Annotated[Path, typer.Option("--results", help="Folder for everything that is generated.")]
Holdout = Annotated[
    float,
    typer.Option(
        parser=between(*BOUNDS["holdout"]),
        metavar="SHARE",
        help="Share of training videos held out for the selection 'validation', up to 0.9.",
    ),
]
Looks = Annotated[
    int | None, typer.Option(**whole("looks"), help="How often weights are judged on the way (for 'oracle').")
]
Device = Annotated[terms.Device, typer.Option(help="Where to train; auto takes a GPU if there is one.")]
ExecutorOption = Annotated[
    str | None,
    typer.Option(
        "--executor",
        help="serial, local (runs side by side), ray, slurm, or a plug-in; serial on a single GPU, else local.",
    ),
]
Workers = Annotated[int | None, typer.Option(**whole("workers"), help="Runs side by side; one per core unless given.")]
GpusPerRun = Annotated[
    float,
    typer.Option(parser=parse_gpus, metavar="GPUS", help="GPUs of a run: 0.25 is four runs on a GPU, 2 is two GPUs."),
]
Address = Annotated[
    str | None,
    typer.Option(help="Cluster of ray (auto, HOST:PORT, ray://HOST:PORT) or of slurm (slurm, local, debug)."),
]
Timeout = Annotated[
    float | None, typer.Option(parser=parse_time, metavar="TIME", help="Time that a run may take: 90, 90s, 10m, 2h.")
]
Memory = Annotated[
    int | None,
    typer.Option(
        parser=parse_size, metavar="SIZE", help="Memory that a run may take beyond the libraries: 500M, 4G, or bytes."
    ),
]
Cached = Annotated[
    terms.Cached, typer.Option(help="Stored runs: use them, refresh (train again), or only (train nothing).")
]
Tracking = Annotated[terms.Tracking, typer.Option(help="Log to MLflow, or not.")]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", help="[METHOD.]KEY=VALUE, changes a recipe's value; may be repeated."),
]
Tuned = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=terms.MOST_TRIALS,
        metavar="TRIALS",
        help="Tune every row alike: so many random trials each, judged on held-out training videos.",
    ),
]
Measures = Annotated[
    str | None,
    typer.Option(
        help="What to say beside the primary metric, joined by commas: " + ", ".join(get_args(terms.Measure)) + "."
    ),
]
Join = Annotated[
    float | None,
    typer.Option(
        parser=between(0, terms.MOST_JOIN),
        metavar="SECONDS",
        help="Measures of events take two alarms as one with so much time between them, at most.",
    ),
]
Selection = Annotated[terms.Selection, typer.Option(help="Which weights of a run count.")]
Details = Annotated[
    bool,
    typer.Option("--details", help="Print all parts of a table, as its files have them, not the main one alone."),
]
Formats = Annotated[
    str, typer.Option("--format", help="Forms of the figures' files, of pdf, png and svg, joined by commas.")
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
