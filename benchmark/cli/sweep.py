"""The command that studies one setting after another, as the supplements of papers do."""

from __future__ import annotations

from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import command_line, do_and_show, open_datasets, say_failures
from benchmark.cli.training_options import takes_choices
from benchmark.system.errors import InputError
from benchmark.training.choices import Choices


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(sweep)


@takes_choices
def sweep(
    choices: Choices,
    method: options.MethodName,
    values: Annotated[list[str], typer.Argument(metavar="KEY=V1,V2,...", help="A setting and the values to try.")],
    dataset: Annotated[str, typer.Option(help="An imported dataset; several joined by commas.")],
) -> None:
    """Train a method with several values of a setting, and with the recipe's own; a table and a plot."""
    from benchmark.tables.declaration import declare_sweep
    from benchmark.tables.planning import plan_table

    studied = [_parse(text) for text in values]
    if len({key for key, _ in studied}) < len(studied):
        raise InputError(f"sweep: a setting is named twice in {' '.join(values)}; write its values in one list")
    opened = open_datasets(options.split(dataset), choices.data)
    planned = plan_table(declare_sweep(method, studied, opened, choices), opened, choices, command_line())
    if code := say_failures(do_and_show([planned], choices)[0]):
        raise typer.Exit(code)


def _parse(text: str) -> tuple[str, list[str]]:
    key, equals, listed = text.partition("=")
    values = [value.strip() for value in listed.split(",")]
    if not key or not equals or "" in values:
        raise InputError(f"sweep: {text}: write KEY=V1,V2,...")
    if len(set(values)) < len(values):
        raise InputError(f"sweep: {text}: a value is named twice")
    return key, values
