"""Commands about the installation and about MLflow."""

from __future__ import annotations

from pathlib import Path

import typer

from benchmark.cli import options
from benchmark.cli.common import say
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

mlflow_app = typer.Typer(help="MLflow as a projection of the run store.")


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(doctor)


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
        question = "; is the server there, and is MLFLOW_TRACKING_URI right?" if tracking.is_server(kept) else ""
        raise InputError(tracking.trouble(error, kept) + question) from None
    say(f"{count} calls in MLflow at {tracking.shown_uri(kept)}")
