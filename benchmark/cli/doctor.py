"""`wvad doctor`: what is here, and what to do about what is not."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import typer

from benchmark.cli import options
from benchmark.cli.common import out, say
from benchmark.system.errors import InputError

Row = tuple[str, str, str]
"""What is looked at, what is there, and what to do about it; empty where there is nothing to do."""

DISTRIBUTION = "wvad-bench"
PACKAGES = ("benchmark", "methods", "reports")
CONTRIBUTORS = "dev"
"""The extra that is of no use to others."""
LITTLE_MEMORY, LITTLE_DISK = 4e9, 5e9
"""Bytes below which a table of all methods, or the features of a benchmark, may find no room."""


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(doctor)


def doctor(data: options.Data = None, results: options.ResultsFolder = options.DEFAULT_RESULTS) -> None:
    """Say what is installed, which machine, data and executors there are, and what to do about each lack."""
    from rich.table import Column, Table

    _check_shadows()
    grid = Table(Column("what", no_wrap=True), Column("found", overflow="fold"), Column("what to do", overflow="fold"))
    rows = [*_software(), *_machine(results), *_data(data), *_executors(), _tracking(results)]
    for what, found, todo in rows:
        grid.add_row(what, found, todo, style="yellow" if todo else None)
    out.print(grid)
    if any(todo for *_, todo in rows):
        say("What stands in the last column would help; none of it keeps the suite from running.")
    else:
        say("Nothing is missing.")


def _check_shadows() -> None:
    """Refuse an installation in which another package has the name of one of ours."""
    import importlib

    root = Path(__file__).parents[2]
    for package in PACKAGES:
        found = Path(str(importlib.import_module(package).__file__)).parents[1]
        if found != root:
            raise InputError(
                f"package {package} is taken from {found}, not from {root}: rename or remove the other one"
            )


def _software() -> Iterator[Row]:
    from benchmark.system.libraries import installed_version

    yield "Python", platform.python_version(), ""
    for name in (DISTRIBUTION, "torch", "numpy", "mlflow"):
        yield name, installed_version(name) or "not installed as a package", ""
    missing: dict[str, list[str]] = {}
    for extra, name in _extras():
        missing.setdefault(extra, [])
        if installed_version(name) is None:
            missing[extra].append(name)
    for extra, names in missing.items():
        install = f"pip install '{DISTRIBUTION}[{extra}]'"
        yield f"extra {extra}", f"without {', '.join(names)}" if names else "installed", install if names else ""


def _extras() -> Iterator[tuple[str, str]]:
    """Iterate over the extras that the installed package declares, each with a distribution that it brings."""
    try:
        declared = requires(DISTRIBUTION) or []
    except PackageNotFoundError:
        declared = []
    for requirement in declared:
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", requirement)
        name = re.match(r"[\w.-]+", requirement)
        if extra and name and extra[1] != CONTRIBUTORS:
            yield extra[1], name[0]


def _machine(results: Path) -> Iterator[Row]:
    import torch

    from benchmark.execution.executors import Resources
    from benchmark.execution.executors.places import count_places

    yield "cores", str(count_places(Resources(device="cpu"))), ""
    if "SC_PHYS_PAGES" in os.sysconf_names:
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        yield "memory", _gigabytes(memory), "" if memory >= LITTLE_MEMORY else "fewer runs side by side: --workers 1"
    place = next(path for path in (results.absolute(), *results.absolute().parents) if path.is_dir())
    free = shutil.disk_usage(place).free
    elsewhere = "" if free >= LITTLE_DISK else "make room, or name folders elsewhere: --results, --data"
    yield "disk", f"{_gigabytes(free)} free at {place}", elsewhere
    if torch.cuda.is_available():
        yield "GPU", ", ".join(torch.cuda.get_device_name(place) for place in range(torch.cuda.device_count())), ""
    else:
        yield "GPU", "none that PyTorch can use; runs go on the CPU, for which the profile quick is made", ""


def _data(data: Path | None) -> Iterator[Row]:
    from benchmark.datasets.catalog import data_root, list_datasets

    root = data_root(data)
    stated = "" if root.is_dir() else "WVAD_DATA or --data names another folder; an import makes this one"
    yield "data root", f"{root.absolute()}{'' if root.is_dir() else ', which is not there yet'}", stated
    entries = list_datasets(root)
    names = [entry.name for entry in entries if entry.manifest is not None]
    bring = "wvad data import brings yours; simulated ones are made when a command names them (scenes-avenue)"
    yield "datasets", ", ".join(names) or "none", "" if names else bring
    for entry in entries:
        if entry.manifest is None:
            yield f"dataset {entry.name}", f"unusable: {entry.problem}", "import it again with --replace"


def _executors() -> Iterator[Row]:
    from benchmark.execution.executors.choice import ExecutorPlugin
    from benchmark.system.entry_points import list_plugins

    known = list_plugins(ExecutorPlugin)
    yield "executors", ", ".join(known), ""
    if shutil.which("sbatch") is None and "slurm" in known:
        yield "Slurm", "no sbatch here, so slurm is for trying out (--address debug)", ""


def _tracking(results: Path) -> Row:
    from benchmark.runs.results_folder import Results
    from benchmark.tracking import shown_uri

    return "MLflow", f"logs to {shown_uri(Results(results))}; MLFLOW_TRACKING_URI names a server", ""


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:,.1f} GB"
