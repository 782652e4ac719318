"""The command line `wvad`.

In it: options, messages and exit codes; here alone the engine and `reports` meet, and what is slow is imported where it
is used. Not in it: anything that a notebook needs too.
"""

from __future__ import annotations

import gc
import sys
from functools import cache
from typing import Annotated, Any

import typer

from benchmark.cli import (
    compare,
    doctor,
    evaluation,
    import_scores,
    methods_listed,
    mlflow,
    own_method,
    reference,
    rehearsal,
    report,
    store,
    tables,
    tune,
)
from benchmark.cli.datasets import data
from benchmark.cli.help import guide, usage
from benchmark.cli.videos import predict
from benchmark.system import streams
from benchmark.system.errors import InputError

MOST_NEW_OBJECTS = 50_000
"""Objects made before cycles are looked for. Importing libraries makes hundreds of thousands that stay, and looking
through them after every 700, as Python does by itself, takes an eighth of a call."""

INTERRUPTED = 130
"""What Typer returns after Ctrl-C."""

app = typer.Typer(
    name="wvad",
    help="Compare methods of weakly-supervised video anomaly detection.",
    pretty_exceptions_enable=False,
)
tables.register(app)
evaluation.register(app)
predict.register(app)
tune.register(app)
compare.register(app)
import_scores.register(app)
report.register(app)
reference.register(app)
rehearsal.register(app)
methods_listed.register(app)
doctor.register(app)
app.add_typer(data.app, name="data")
app.add_typer(store.app, name="store")
app.add_typer(own_method.app, name="method")
app.add_typer(mlflow.app, name="mlflow")


def _say_version(asked: bool) -> None:
    if asked:
        from benchmark.system.libraries import installed_version

        print(f"wvad-bench {installed_version('wvad-bench') or 'of unknown version'}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version and stop."),
    ] = False,
) -> None:
    """Compare methods of weakly-supervised video anomaly detection."""


def main() -> None:
    """Run the command line: exit code 0 done, 1 a run did not succeed, 2 bad usage or bad input, 130 interrupted."""
    gc.set_threshold(MOST_NEW_OBJECTS)
    sys.exit(run(sys.argv[1:]))


@cache
def whole_command() -> Any:
    """Return the command with all that are below it; Typer builds them anew at each call of `app`."""
    command = typer.main.get_command(app)
    guide.dress(command)
    return command


def run(arguments: list[str]) -> int:
    """Run a command and return its exit code; bad usage and bad input are one line on stderr.

    So is a path that the system refuses, wherever that shows: a name too long, a loop of links, a folder for a file.
    """
    try:
        streams.prepare()
        usage.check_arguments(arguments)
        code = whole_command()(args=arguments, prog_name="wvad", standalone_mode=False)
        sys.stdout.flush()
    except InputError as error:
        return _refuse(str(error))
    except OSError as error:
        if (reason := streams.explain(error)) is None:
            raise
        return _refuse(reason)
    except Exception as error:
        if not hasattr(error, "format_message"):  # Typer's usage errors have no public class
            raise
        return _refuse(usage.explain(error, whole_command()))
    if code == INTERRUPTED:
        print("wvad: interrupted; what is finished is kept, and the same command goes on from it", file=sys.stderr)
    return code if isinstance(code, int) else 0


def _refuse(message: str) -> int:
    print("wvad:", " ".join(str(InputError(message)).split()), file=sys.stderr)
    return 2
