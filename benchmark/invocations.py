"""What was asked for, call by call: kept on disk, so that tables and MLflow can be rebuilt without training."""

from __future__ import annotations

import datetime
import glob
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from benchmark.errors import InputError
from benchmark.files import write_atomically, writing_to
from benchmark.frozen import FrozenModel
from benchmark.plans import TablePlan

_Model = TypeVar("_Model", bound=BaseModel)


class Invocation(FrozenModel):
    """One call of the command line that planned a table."""

    id: str
    started: str
    plan: TablePlan


class Results:
    """The results folder: where everything that is generated lies.

    Attributes
    ----------
    root
        The folder itself; holds ``runs/``, ``tables/``, ``invocations/`` and MLflow's database.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def runs(self) -> Path:
        """Folder of the run store."""
        return self.root / "runs"

    def table_folder(self, folder: str) -> Path:
        """Folder of the tables on one choice of datasets and profile."""
        return self.root / "tables" / folder

    def write_invocation(self, plan: TablePlan) -> Invocation:
        """Keep a call's plan, before its first run; it is also the plan that `wvad render` uses from now on.

        Raises
        ------
        InputError
            If the results folder cannot be written.
        """
        now = datetime.datetime.now(datetime.UTC)
        invocation = Invocation(
            id=f"{now:%Y%m%dT%H%M%S.%f}-{os.getpid()}", started=now.isoformat(timespec="seconds"), plan=plan
        )
        with writing_to(self.root, "--results"):
            for folder in (self.root / "invocations", self.table_folder(plan.folder)):
                folder.mkdir(parents=True, exist_ok=True)
            write_atomically(self.root / "invocations" / f"{invocation.id}.json", invocation.model_dump_json(indent=1))
            write_atomically(self.table_folder(plan.folder) / f"{plan.table}.plan.json", plan.model_dump_json(indent=1))
        return invocation

    def invocations(self) -> Iterator[Invocation]:
        """Iterate over the calls, oldest first."""
        for path in sorted((self.root / "invocations").glob("*.json")):
            yield _read_json(path, Invocation)

    def plans(self, table: str | None) -> Iterator[TablePlan]:
        """Iterate over the latest plan of each table (or of the one named) on each choice of datasets and profile."""
        for path in sorted((self.root / "tables").glob(f"*/{'*' if table is None else glob.escape(table)}.plan.json")):
            yield _read_json(path, TablePlan)


def _read_json(path: Path, model: type[_Model]) -> _Model:
    try:
        return model.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise InputError(
            f"{path}: damaged, or written by another version of wvad-bench; delete it and repeat the call"
        ) from None
