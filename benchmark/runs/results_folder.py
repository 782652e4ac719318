"""The results folder: where everything that is generated lies, and which calls asked for it."""

from __future__ import annotations

import datetime
import glob
import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from benchmark.runs.table_plan import TablePlan
from benchmark.system.errors import InputError
from benchmark.system.files import (
    NotAFileError,
    entries,
    read_regular,
    remove_abandoned,
    unreadable,
    write_atomically,
    writing_to,
)
from benchmark.system.frozen import FrozenModel, first_error
from benchmark.system.names import FileName, Name
from benchmark.terms import Selection, selection_suffix

if TYPE_CHECKING:
    from benchmark.runs.store import RunStore

_Model = TypeVar("_Model", bound=BaseModel)

Say = Callable[[str], None]

_log = logging.getLogger(__name__)


class Invocation(FrozenModel):
    """One call of the command line that planned a table."""

    id: FileName
    started: Name
    plan: TablePlan


class FigureIndex(FrozenModel):
    """Which tables the figures of a report show.

    Attributes
    ----------
    shown
        Folder of figures, below that of the report's -> digests of the plans of the tables.
    """

    shown: dict[str, tuple[str, ...]]


class Results:
    """The results folder: where everything that is generated lies.

    Attributes
    ----------
    root
        The folder itself; holds ``runs/``, ``tables/``, ``reports/``, ``invocations/`` and MLflow's database.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def runs(self) -> Path:
        """Folder of the run store."""
        return self.root / "runs"

    @property
    def store(self) -> RunStore:
        """The run store."""
        from benchmark.runs.store import RunStore  # brings NumPy along, which the command line starts without

        return RunStore(self.runs)

    def table_folder(self, folder: str) -> Path:
        """Folder of the tables on one choice of datasets and profile."""
        return self.root / "tables" / folder

    def plan_path(self, plan: TablePlan) -> Path:
        """File of the latest plan of a table."""
        return self.table_folder(plan.folder) / f"{plan.table}.plan.json"

    def call_path(self, call: str) -> Path:
        """File of a call."""
        return self.root / "invocations" / f"{call}.json"

    @property
    def reports(self) -> Path:
        """Folder of reports and figures."""
        return self.root / "reports"

    def report_page(self, suffix: str) -> Path:
        """File of the report whose name ends as those of its selection do."""
        return self.reports / f"report{suffix}.html"

    def comparison_page(self, plan: TablePlan, selection: Selection) -> Path:
        """File of the page about a table that compares one method with others."""
        return self.reports / f"{plan.table}-{plan.folder}{selection_suffix(selection)}.html"

    def figure_folder(self, selection: Selection, single: bool = False) -> Path:
        """Folder of the figures of a report under a selection, or of those that were asked for one by one."""
        name = "single" if single else "figures"
        return self.reports / (name + selection_suffix(selection))

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
                remove_abandoned(folder)
            write_atomically(self.call_path(invocation.id), invocation.model_dump_json(indent=1))
            write_atomically(self.plan_path(plan), plan.model_dump_json(indent=1))
        return invocation

    def invocations(self, say: Say | None = None) -> Iterator[Invocation]:
        """Iterate over the calls, oldest first; see `plans`."""
        return _sound(self._call_files(), self._read_call, say or _name_once)

    def plans(self, table: str | None, say: Say | None = None) -> Iterator[TablePlan]:
        """Iterate over the latest plan of each table (or of the one named) on each choice of datasets and profile.

        One that cannot be used is passed over.

        Parameters
        ----------
        say
            Told which it is and why; a warning by default, once.
        """
        return _sound(self._plan_files(table), self._read_plan, say or _name_once)

    def wanted_keys(self) -> set[str]:
        """Return the keys of all runs that a plan or a call asks for.

        Raises
        ------
        InputError
            If one cannot be used: what it asks for is not known.
        """
        plans = [self._read_plan(path) for path in self._plan_files(None)]
        calls = [self._read_call(path) for path in self._call_files()]
        return {key for plan in (*plans, *(call.plan for call in calls)) for key in plan.run_keys()}

    def _plan_files(self, table: str | None) -> list[Path]:
        files = (file for folder in entries(self.root / "tables") if folder.is_dir() for file in entries(folder))
        end = ".plan.json"
        named = (file for file in files if file.name.endswith(end) and not file.name.startswith("."))
        return [file for file in named if table in (None, file.name.removesuffix(end))]

    def _call_files(self) -> list[Path]:
        return [path for path in entries(self.root / "invocations") if re.fullmatch(r"[^.].*\.json", path.name)]

    def _read_plan(self, path: Path) -> TablePlan:
        return _read_json(path, TablePlan, self.plan_path)

    def _read_call(self, path: Path) -> Invocation:
        return _read_json(path, Invocation, lambda call: self.call_path(call.id))

    def table_files(self, plan: TablePlan) -> list[Path]:
        """Return the files of a planned table, under every selection, and pages about it; none if it was replaced."""
        if plan not in self.plans(plan.table):
            return []
        names = [plan.table + selection_suffix(selection) for selection in get_args(Selection)]
        found = [path for name in names for path in self.table_folder(plan.folder).glob(f"{glob.escape(name)}.*")]
        pages = (self.comparison_page(plan, selection) for selection in get_args(Selection))
        found += [page for page in pages if plan.subject is not None and page.is_file()]
        return sorted(path for path in found if not path.name.startswith("."))

    def write_figure_index(self, index: FigureIndex, selection: Selection) -> None:
        """Keep which tables the figures of a report show."""
        self.figure_folder(selection).mkdir(parents=True, exist_ok=True)
        write_atomically(self.figure_folder(selection) / "index.json", index.model_dump_json(indent=1))

    def report_files(self, plan: TablePlan) -> list[Path]:
        """Return the files of the reports that show a table as it is planned, each followed by those of its figures."""
        found: list[Path] = []
        for path in sorted(self.reports.glob("figures*/index.json")):
            for index in _sound([path], lambda path: _read_json(path, FigureIndex), _name_once):
                folders = [folder for folder, shown in index.shown.items() if plan.digest() in shown]
                page = self.report_page(path.parent.name.removeprefix("figures"))
                found += [page] if folders and page.is_file() else []
                for folder in folders:
                    found += sorted(file for file in (path.parent / folder).glob("[!.]*") if file.is_file())
        return found

    def latest_calls(self) -> list[Invocation]:
        """Return the latest call of each table that can be rendered: by its plan, since clocks may go back."""
        latest = {call.plan.digest(): call for call in self.invocations()}
        return [call for plan in self.plans(None) if (call := latest.get(plan.digest())) is not None]


def _read_json(path: Path, model: type[_Model], place: Callable[[_Model], Path] | None = None) -> _Model:
    """Read what a results folder keeps, and compare its place with the one that belongs to it."""
    try:
        found = model.model_validate_json(read_regular(path))
        reason = "" if place is None or place(found) == path else "it belongs to another place"
    except NotAFileError as error:
        reason = str(error.strerror)
    except OSError as error:
        raise unreadable(path, error) from None
    except ValidationError as error:
        reason = first_error(error)
    if reason:
        raise InputError(
            f"{path}: damaged, or written by another version of wvad-bench ({reason}); "
            "delete it and repeat the call that it is of"
        )
    return found


@cache
def _name_once(line: str) -> None:
    _log.warning("passed over: %s", line)


def _sound(paths: Iterable[Path], read: Callable[[Path], _Model], say: Say) -> Iterator[_Model]:
    """Read what can be used, and say what cannot."""
    for path in paths:
        try:
            yield read(path)
        except InputError as error:
            say(str(error))
