"""The command that searches settings of methods, and what the commands that tune tables share with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import command_line, err, open_datasets, out, say, say_plan, show_parts, write_files
from benchmark.cli.training_options import takes_choices
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices

if TYPE_CHECKING:
    from benchmark.datasets.dataset import Dataset
    from benchmark.plugins.pipelines import Pipeline
    from benchmark.tables.declaration import TableDeclaration
    from benchmark.tuning.trials import Trials


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(tune)


@takes_choices
def tune(
    choices: Choices,
    methods: Annotated[
        str, typer.Argument(metavar="METHOD,...", help="Name the methods, joined by commas, each as for `wvad train`.")
    ],
    dataset: Annotated[str, typer.Option(help="Tune on this dataset; several, joined by commas, share one setting.")],
    trials: Annotated[
        int,
        typer.Option(min=1, max=terms.MOST_TRIALS, help="Try this many settings, beside the recipe's own."),
    ] = terms.TRIALS,
    sampler: Annotated[
        terms.Sampler, typer.Option(help="Draw settings at random, or near those that did well (tpe).")
    ] = "random",
    search: Annotated[
        str | None, typer.Option(metavar="KEY,...", help="Search these settings; by default the whole search space.")
    ] = None,
    folds: Annotated[
        int | None,
        typer.Option(min=2, max=terms.MOST_FOLDS, help="Judge by this many folds, in place of seeds and --holdout."),
    ] = None,
    write: Annotated[
        Path | None, typer.Option(metavar="FILE.yaml", help="Write what was found as a recipe of its own.")
    ] = None,
) -> None:
    """Search settings by held-out training videos alone; every method gets as many trials. No test video is opened.

    Each setting is tried with 2 seeds and a quarter of the training videos held out, unless --seeds and --holdout, or
    --folds, say otherwise.
    """
    from benchmark.tuning.fragment import has_recipe, to_options, to_recipe
    from benchmark.tuning.planning import SearchChoices, check_searches, plan_search
    from benchmark.tuning.tune import do_searches

    names = () if search is None else tuple(options.split(search))
    wanted = SearchChoices(trials=trials, sampler=sampler, folds=folds, names=names)
    if choices.looks is not None:
        raise InputError("--looks: a search judges the weights of the last step; leave it away")
    opened = open_datasets(options.split(dataset), choices.data)
    searches = [plan_search(name, opened, choices, wanted, command_line()) for name in options.split(methods)]
    check_searches(wanted, choices, searches)
    _check_recipe_file(write, [one.pipeline for one in searches])
    results = Results(choices.results)
    found = do_searches(searches, err, lambda planned: say_plan(planned, choices), writes_search(results))
    show_searches(found, results)
    for one, result in zip(searches, found, strict=True):
        if result.best is None:
            continue
        say(f"To paste into the recipe of {one.pipeline.name}:" if has_recipe(one) else f"For {one.pipeline.name}:")
        out.print(to_recipe(one, result) if has_recipe(one) else to_options(result), soft_wrap=True)
        if write is not None:
            _write_recipe(write, to_recipe(one, result, write.stem))
    if any(result.best is None for result in found):
        raise typer.Exit(1)


def tune_rows(
    tables: Sequence[tuple[TableDeclaration, Sequence[Dataset]]], choices: Choices, trials: int | None
) -> list[TableDeclaration]:
    """Tune the rows of tables alike, where trials are asked for."""
    from benchmark.tuning.tune import tune_tables

    if trials is None:
        return [table for table, _ in tables]
    return tune_tables(
        tables,
        choices,
        trials,
        command_line(),
        err,
        lambda planned: say_plan(planned, choices),
        writes_search(Results(choices.results)),
    )


def writes_search(results: Results) -> Callable[[Trials], None]:
    """Return what writes the files of a search into the results folder."""
    return lambda search: _write_search(search, results)


def show_searches(searches: Sequence[Trials], results: Results) -> None:
    """Print what searches found, and where their files are."""
    from reports.tables.trials import search_document

    show_parts(search_document(searches).parts[:1])
    folders = dict.fromkeys(str(results.table_folder(search.plan.folder)) for search in searches)
    names = ", ".join(f"{search.plan.table}.*" for search in searches)
    say(f"Written: {names} in {', '.join(folders)}, with all trials and a figure")


def _write_search(search: Trials, results: Results) -> None:
    from benchmark.system.files import writing_to
    from benchmark.tuning.drawing import to_optuna
    from reports.figures.trials import trials_picture
    from reports.forms.files import search_texts

    folder, name = results.table_folder(search.plan.folder), search.plan.table
    files = {f"{name}.optuna.log": to_optuna(search)}
    files |= {f"{name}.{end}": text.encode() for end, text in search_texts(search).items()}
    for picture in trials_picture(search):
        files[f"{name}.png"] = picture
    write_files(folder, files)
    if f"{name}.png" not in files:  # no trial has a value: that of an earlier search shows others
        with writing_to(folder, "--results"):
            (folder / f"{name}.png").unlink(missing_ok=True)


def _check_recipe_file(path: Path | None, pipelines: Sequence[Pipeline]) -> None:
    """Refuse a recipe's file that could not be written, before anything is tried."""
    if path is None:
        return
    if len(pipelines) > 1:
        raise InputError("--write: a recipe is of one method; search one at a time, or paste what is printed")
    if pipelines[0].preset or pipelines[0].add_ons:
        raise InputError(f"--write: {pipelines[0].name} has no recipe of its own; leave it away, and use --set")
    if path.suffix != ".yaml":
        raise InputError(f"--write {path}: a recipe's name ends with .yaml")
    if path.exists():
        raise InputError(f"--write {path}: it is there already; name another file, or paste what is printed")
    if not path.parent.is_dir():
        raise InputError(f"--write {path}: there is no folder {path.parent}")


def _write_recipe(path: Path, text: str) -> None:
    from benchmark.system.files import write_atomically, writing_to

    with writing_to(path.parent, "--write"):
        write_atomically(path, text)
    say(f"Written: {path}, to lie beside the method's file of the same name")
