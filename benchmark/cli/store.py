"""Commands about the run store as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import err, say, warn
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.system.files import is_there

if TYPE_CHECKING:
    from benchmark.runs.store import RunStore

app = typer.Typer(
    no_args_is_help=True,
    help="Check the stored runs, remove what is of no use, move them to another machine.",
)


@app.command()
def verify(results: options.ResultsFolder = options.DEFAULT_RESULTS) -> None:
    """Read all stored runs through and say what is damaged: exit code 1 if anything is."""
    from benchmark.execution.display import counting
    from benchmark.runs.verify import Problem, check_run, evaluation_keys, has_sums, has_weights, run_folders

    where, store = _open(results)
    keys, evaluations, problems = run_folders(store), 0, list[Problem]()
    with counting("verifying", err) as progress:
        for done, key in enumerate(keys, start=1):
            found = list(check_run(store, key))
            problems += found
            if not any(problem.unread for problem in found):
                evaluations += len(evaluation_keys(store, key))
            progress(done, len(keys))
    for problem in problems:
        what = f", evaluation {problem.evaluation}" if problem.evaluation else ""
        say(f"run {problem.run_key}{what}: {problem.text}")
    unusable: list[str] = []
    planned = {key for plan in where.plans(None, unusable.append) for key in plan.run_keys()}
    list(where.invocations(unusable.append))
    for line in unusable:
        say(line)
    say(f"{len(keys)} runs and {evaluations} evaluations in {store.root}; {len(problems) + len(unusable)} problems")
    read = set(keys) - {problem.run_key for problem in problems if problem.unread}
    bare = sum(not has_weights(store.folder(key)) for key in read)
    old = sum(not has_sums(store.folder(key)) for key in read)
    for count, what in (
        (len(planned - set(keys)), "planned runs are not stored; `wvad status` lists them"),
        (bare, "runs have no weights: imported scores, trials of a search, or from an archive without them"),
        (old, "runs have no sums: an earlier version stored them"),
    ):
        if count:
            say(f"{count} {what}")
    if any(not problem.unread for problem in problems):
        say("`wvad store gc --delete` removes what is damaged; the command that made it makes it again.")
    if problems or unusable:
        raise typer.Exit(1)


@app.command()
def gc(
    delete: Annotated[
        bool, typer.Option("--delete", help="Remove what is found; without it all is only listed.")
    ] = False,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
) -> None:
    """List what no plan asks for, what is damaged, and what dead processes left; remove it with --delete."""
    from benchmark.execution.display import counting
    from benchmark.runs.gc import find_waste, remove
    from benchmark.system.files import writing_to

    where, store = _open(results)
    with counting("looking through", err) as progress:
        found = find_waste(where, progress)
    waste, total = found.waste, 0
    for one in waste:
        total += one.size
        say(f"{', '.join(map(str, one.paths))}: {one.why}, {_megabytes(one.size)}")
    if delete:
        with writing_to(store.root, "--results"):
            remove(waste, store)
    how = "removed" if delete or not waste else "would be free; --delete removes it"
    for line in found.unread:
        warn(f"left alone: {line}")
    say(f"{len(waste)} found, {_megabytes(total)} {how}")
    if found.unread:
        raise typer.Exit(1)


@app.command("export")
def export_(
    file: Annotated[Path, typer.Argument(help="Write this archive.")],
    tables: Annotated[
        list[str] | None, typer.Argument(metavar="[TABLE]...", help="Take the runs of these tables; by default of all.")
    ] = None,
    run: Annotated[
        str | None,
        typer.Option(
            help="Take one run, by its key or method, with what it was trained on: enough for `wvad predict`."
        ),
    ] = None,
    without_weights: Annotated[
        bool, typer.Option("--without-weights", help="Leave out the weights; tables and figures can still be made.")
    ] = False,
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
) -> None:
    """Write stored runs with their plans into one archive, for another machine; or one run, to be shared."""
    from benchmark.execution.display import counting
    from benchmark.runs.archive import export_archive

    where, _ = _open(results)
    if data is not None and run is None:
        raise InputError("--data: belongs to --run, which takes along what scoring new videos needs of the dataset")
    if run is not None:
        if tables or without_weights:
            raise InputError("--run: writes one run with its weights; leave tables and --without-weights out")
        _export_run(where, file, run, data)
        return
    with counting(f"writing {file.name}", err, "bytes") as progress:
        moved = export_archive(where, file, tables or (), not without_weights, progress)
    say(
        f"{file}: {moved.runs} runs, {moved.evaluations} evaluations and {moved.plans} plans, "
        f"{_megabytes(file.stat().st_size)}"
    )


def _export_run(where: Results, file: Path, run: str, data: Path | None) -> None:
    from benchmark.datasets.catalog import data_root
    from benchmark.execution.display import counting
    from benchmark.prediction.sources import describe_training, find_stored
    from benchmark.runs.archive import export_run

    record = find_stored(where.store, run)
    described = describe_training(record, where.store, data_root(data))
    with counting(f"writing {file.name}", err, "bytes") as progress:
        moved = export_run(where, file, record.key, progress)
    recipe = "with" if (described.identity or {}).get("recipe") else "without"
    values = [value for chosen in described.thresholds.values() for value in chosen.thresholds.values()]
    thresholds = "with" if any(value is not None for value in values) else "without"
    say(
        f"{file}: run {record.key}, {record.spec.name} on {record.spec.dataset}, {moved.evaluations} evaluations, "
        f"{_megabytes(file.stat().st_size)}; feature set {described.feature_set}, {recipe} its recipe, "
        f"{thresholds} thresholds"
    )
    say(f"`wvad predict {file} VIDEO` scores videos with it; weights of the extractor are not in it.")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="Read this archive of `wvad store export`.")],
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
) -> None:
    """Take the runs of an archive into the store once all of it is checked; what is there already stays."""
    from benchmark.execution.display import counting
    from benchmark.runs.archive import import_archive

    with counting(f"reading {file.name}", err, "bytes") as progress:
        moved = import_archive(Results(results), file, progress)
    say(
        f"{file}: {moved.runs} runs, {moved.evaluations} evaluations and {moved.plans} plans are new in {results}; "
        f"{moved.kept} runs were there"
    )


def _open(folder: Path) -> tuple[Results, RunStore]:
    """Open results that are there.

    Raises
    ------
    InputError
        If there are none.
    """
    found = Results(folder)
    if not is_there(found.runs):
        raise InputError(f"{found.runs}: no run store there; name its folder with --results")
    return found, found.store


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
