"""Commands for whoever writes a method: a first file, and whether it keeps the contract."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli import options
from benchmark.cli.common import say

app = typer.Typer(help="Write a method of your own, and check it.")


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Name the file; the class is named after it, as MyMethod for my_method.")],
    folder: Annotated[Path, typer.Option(help="Write to this folder.")] = Path(),
) -> None:
    """Write NAME.py, a small method that runs as it is, and test_NAME.py beside it."""
    from benchmark.plugins.scaffold import class_name, write_method

    method, test = write_method(name, folder)
    path = str(method) if method.is_absolute() else f"./{method}"
    reference = shlex.quote(f"{path}:{class_name(name)}")
    say(f"Written: {method}, {test}")
    say("What to do next:")
    say(f"  wvad method check {reference}")
    say(f"  wvad train {reference} scenes-avenue")
    say(f"  wvad compare --method {reference} --against rtfm,clav --dataset scenes-ucf-crime")


@app.command()
def check(method: options.MethodName) -> None:
    """Check that a method keeps the contract; exit code 1 if it does not."""
    from benchmark.plugins.contract import examine, find_subject

    subject = find_subject(method)
    findings = []
    for finding in examine(subject):
        findings.append(finding)
        say(": ".join(part for part in (f"{finding.verdict:<11} {finding.check}", finding.message) if part))
    broken, waiting = (sum(finding.verdict == verdict for finding in findings) for verdict in ("broken", "not checked"))
    if not broken + waiting:
        say(f"{subject.name} keeps the contract: all {len(findings)} checks are ok.")
        return
    say(
        f"{subject.name} breaks the contract: of {len(findings)} checks {broken} failed"
        + (f", and {waiting} wait for them." if waiting else ".")
    )
    raise typer.Exit(1)
