"""Commands that tell: methods and their recipes, MLflow, the installation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import out, say
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

mlflow_app = typer.Typer(help="MLflow as a projection of the run store.", rich_markup_mode=None)


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (methods, doctor):
        app.command()(command)


def methods(
    name: Annotated[
        str | None, typer.Argument(help="METHOD[@PRESET][+ADD-ON...]; all methods and add-ons unless given.")
    ] = None,
    benchmark: Annotated[terms.Benchmark, typer.Option(help="Whose recipe to show.")] = "ucf-crime",
    profile: options.Profile = "paper",
    dim: Annotated[int, typer.Option(min=1, help="Feature size that parameters and multiply-adds are for.")] = 2048,
) -> None:
    """List methods and add-ons with their sizes, or print one's recipe with the source of every value."""
    if name is None:
        _list_plugins(benchmark, profile, dim)
    else:
        _show_recipe(name, benchmark, profile, dim)


def _list_plugins(benchmark: terms.Benchmark, profile: terms.Profile, dim: int) -> None:
    from rich.table import Table

    from benchmark.plugins.listing import Listed, list_sizes
    from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
    from benchmark.system.entry_points import list_plugins

    methods, add_ons = list(list_plugins(MethodPlugin).values()), list(list_plugins(AddOnPlugin).values())
    plugins: list[MethodPlugin | AddOnPlugin] = [*methods, *add_ons]
    grids = {
        kind: Table(kind, "title", "class", "parameters", "multiply-adds", "from") for kind in ("method", "add-on")
    }
    for plugin, listed in zip(plugins, list_sizes(plugins, benchmark, profile, dim), strict=True):
        if isinstance(listed, Listed):
            title, sizes = listed.title, (f"{listed.parameters:,}", f"{listed.multiply_adds:,}")
        else:
            title = str(listed) if isinstance(listed, InputError) else f"unavailable: {listed}"
            sizes = ("", "")
        grids[plugin.kind].add_row(
            plugin.name, title, f"{plugin.module}:{plugin.attribute}", *sizes, plugin.distribution
        )
    for grid in grids.values():
        out.print(grid)
    say(
        f"Parameters at dimension {dim}; multiply-adds per snippet and crop, when a video of 32 snippets is scored. "
        "A method is named METHOD[@PRESET][+ADD-ON...]; `wvad methods NAME` prints its recipe and its presets."
    )


def _show_recipe(name: str, benchmark: terms.Benchmark, profile: terms.Profile, dim: int) -> None:
    from rich.table import Table

    from benchmark.plugins.pipelines import find_pipeline
    from benchmark.plugins.recipes import read_recipe, resolve_recipe
    from benchmark.plugins.sizes import measure_pipeline

    pipeline = find_pipeline(name)
    recipe, _ = resolve_recipe(pipeline, benchmark, profile)
    grid = Table("setting", "value", "source", "note", title=f"{name} on {benchmark}, profile {profile}")
    for section, values in recipe.sections.items():
        for key, leaf in values.items():
            grid.add_row(f"{section}.{key}", _value(leaf.value), leaf.source, leaf.note)
    out.print(grid)
    method, _ = pipeline.load()
    title = pipeline.title(method.Config.model_validate(recipe.values("config")))
    try:
        size = measure_pipeline(pipeline, recipe, dim)
        say(
            f"{title} has {size.parameters:,} parameters at dimension {dim}, and takes "
            f"{size.multiply_adds:,} multiply-adds per snippet and crop."
        )
    except Exception as error:  # somebody else's method need not run without values
        say(f"The size of {title} cannot be counted: {type(error).__name__}: {error}")
    for preset, block in read_recipe(pipeline.method).presets.items():
        say(f"Preset {pipeline.method.name}@{preset}: {block.description}")


def _value(value: object) -> str:
    return "null" if value is None else str(value)


def doctor() -> None:
    """Check the installation: versions, what PyTorch can use, and whether another package shadows one of ours."""
    import importlib

    import torch

    from benchmark.system.libraries import installed_version

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

    kept = Results(results)
    try:
        count = tracking.sync(kept)
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"{tracking.trouble(error, kept)}; is the server there, and is MLFLOW_TRACKING_URI right?"
        ) from None
    say(f"{count} calls in MLflow at {tracking.shown_uri(kept)}")
