"""The command about MLflow."""

from __future__ import annotations

import typer

from benchmark.cli import options
from benchmark.cli.common import say
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

app = typer.Typer(help="Show the run store in MLflow.")


@app.command()
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
