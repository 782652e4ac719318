"""Commands that tell: methods and their recipes, MLflow, the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import out, say
from benchmark.errors import InputError
from benchmark.invocations import Results

mlflow_app = typer.Typer(help="MLflow as a projection of the run store.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (methods, doctor):
        app.command()(command)


def methods(
    name: Annotated[str | None, typer.Argument(help="A method; all unless given.")] = None,
    benchmark: Annotated[options.BenchmarkName, typer.Option(help="Whose recipe to show.")] = "ucf-crime",
    profile: options.Profile = "paper",
) -> None:
    """List the methods, or print one's recipe with the source of every value."""
    from rich.table import Table

    from benchmark.recipes import resolve_recipe
    from benchmark.registry import find_method, list_methods

    if name is None:
        grid = Table("method", "class", "from")
        for plugin in list_methods().values():
            grid.add_row(plugin.name, f"{plugin.module}:{plugin.attribute}", plugin.distribution)
        out.print(grid)
        return
    recipe, _ = resolve_recipe(find_method(name), benchmark, profile)
    grid = Table("setting", "value", "source", "note", title=f"{name} on {benchmark}, profile {profile}")
    for section, values in recipe.sections.items():
        for key, leaf in values.items():
            grid.add_row(f"{section}.{key}", "all" if leaf.value is None else str(leaf.value), leaf.source, leaf.note)
    out.print(grid)


def doctor() -> None:
    """Check the installation: versions, what PyTorch can use, and whether another package shadows one of ours."""
    import importlib

    import torch

    from benchmark.records import installed_version

    root = Path(__file__).parents[2]
    for package in ("benchmark", "methods", "reports"):
        found = Path(str(importlib.import_module(package).__file__)).parents[1]
        if found != root:
            raise InputError(
                f"package {package} is taken from {found}, not from {root}: rename or remove the other one"
            )
    for distribution in ("wvad-bench", "torch", "numpy", "mlflow"):
        say(f"{distribution} {installed_version(distribution) or 'is not installed'}")
    say(f"GPU: {torch.cuda.get_device_name() if torch.cuda.is_available() else 'none'}")


@mlflow_app.command()
def sync(results: options.ResultsFolder = options.DEFAULT_RESULTS) -> None:
    """Log to MLflow whatever of the run store is not there yet; nothing is logged twice."""
    from benchmark import tracking

    where = tracking.tracking_uri(Results(results))
    try:
        count = tracking.sync(Results(results))
    except InputError:
        raise
    except Exception as error:
        raise InputError(f"MLflow at {where}: {type(error).__name__}: {error}") from None
    say(f"{count} calls in MLflow at {where}")
