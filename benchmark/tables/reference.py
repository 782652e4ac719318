"""Reference results: tables of the simulated datasets as they were measured for a version, shipped with it as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from benchmark.runs.records import Environment, evaluation_key
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import Keys, TablePlan
from benchmark.statistics.over_seeds import Summary, summarise
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel, first_error
from benchmark.system.names import FileName, Name, Title
from benchmark.tables.shipped import shipped
from benchmark.terms import Metric

Place = tuple[str, str, str]
"""Where a cell stands: its row, the dataset trained on and the dataset tested on."""
ENVIRONMENT = tuple(Environment.model_fields)


class ReferenceCell(FrozenModel):
    """A cell of a reference table: a line of its file.

    Attributes
    ----------
    mean, std, n_seeds
        Of the values, for people; a file in which they do not fit them is damaged.
    values
        The metric as a fraction, in the order of the seeds, each digit of it.
    run_keys
        Of the runs that gave them.
    """

    row: Title
    trained_on: FileName
    tested_on: FileName
    metric: Metric
    mean: float
    std: float | None
    n_seeds: int
    values: tuple[Annotated[float, Field(ge=0, le=1)], ...] = Field(min_length=1)
    run_keys: Keys
    test_hash: Name

    @field_validator("values", "run_keys", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return tuple(value.split()) if isinstance(value, str) else value

    @field_validator("std", mode="before")
    @classmethod
    def _none_if_empty(cls, value: Any) -> Any:
        return None if value == "" else value

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        found = self.summary
        near = abs(found.mean - self.mean) < 1e-9 and abs((found.std or 0.0) - (self.std or 0.0)) < 1e-9
        if not near or not len(self.values) == len(self.run_keys) == self.n_seeds:
            raise ValueError(f"mean, std and n_seeds of {self.row} are not those of its values and run_keys")
        return self

    @property
    def place(self) -> Place:
        """Where it stands."""
        return self.row, self.trained_on, self.tested_on

    @property
    def summary(self) -> Summary:
        """Mean and deviation of the values."""
        return summarise(self.values)


@dataclass(frozen=True)
class Reference:
    """A table as it was measured for a version, in one environment."""

    table: str
    environment: Environment
    cells: tuple[ReferenceCell, ...]


@dataclass(frozen=True)
class StoredCell:
    """A cell of a planned table as the run store has it: a value per planned run, None where there is none."""

    metric: Metric
    test_hash: str
    run_keys: tuple[str, ...]
    values: tuple[float | None, ...]


def has_reference_settings(plan: TablePlan) -> bool:
    """Return whether a table is of the kind that reference results are of: scenes, profile quick, recipes as they are.

    How many seeds it has does not matter here.
    """
    changed = plan.overrides or plan.holdout or any(row.tuned for row in plan.rows)
    simulated = all(dataset.simulated for dataset in plan.datasets)
    return plan.tested and plan.profile == "quick" and simulated and not changed


def stored_cells(plan: TablePlan, store: RunStore) -> dict[Place, StoredCell]:
    """Return the cells of a planned table under the selection `last`; those of rows without runs are left out."""
    found = {}
    for row in plan.rows:
        for source, keys in row.runs.items():
            for target in plan.tested_on(row, source) if keys else ():
                names = [(key, evaluation_key(key, "last", target.test_hash)) for key in keys]
                evaluations = [store.evaluation(*name) if store.record(name[0]) else None for name in names]
                values = tuple(e.metrics[target.metric] if e else None for e in evaluations)
                found[row.label, source, target.name] = StoredCell(target.metric, target.test_hash, keys, values)
    return found


def list_references() -> list[str]:
    """Return the names of the tables that there are reference results of."""
    return sorted(path.stem for path in shipped("reference").glob("*.csv"))


def read_reference(table: str) -> Reference:
    """Read the reference results of a table.

    Raises
    ------
    InputError
        If there are none, or their file is damaged.
    """
    if table not in list_references():
        raise InputError(f"no reference results of {table}; there are {', '.join(list_references()) or 'none'}")
    path = shipped("reference") / f"{table}.csv"
    return parse_reference(table, path.read_text(encoding="utf-8"), path)


def parse_reference(table: str, text: str, path: Path) -> Reference:
    """Read the content of a file of reference results; see `read_reference`."""
    try:
        lines = list(csv.DictReader(io.StringIO(text), strict=True))
        environments = {tuple(line.pop(name) or None for name in ENVIRONMENT) for line in lines}
        cells = tuple(map(ReferenceCell.model_validate, lines))
        if len(environments) != 1 or len({cell.place for cell in cells}) < len(cells):
            raise ValueError("its lines are not the cells of one table in one environment")
        environment = Environment.model_validate(dict(zip(ENVIRONMENT, environments.pop(), strict=True)))
    except KeyError as error:
        raise _damaged(path, f"no column {error}") from None
    except ValidationError as error:
        raise _damaged(path, first_error(error)) from None
    except (csv.Error, ValueError) as error:
        raise _damaged(path, str(error)) from None
    return Reference(table, environment, cells)


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: damaged reference results ({reason}); take the file of the release")


def make_reference(plan: TablePlan, declared: Sequence[str], store: RunStore) -> Reference:
    """Make reference results of a planned table of which every run is stored.

    Parameters
    ----------
    declared
        Labels of the rows that the table has as it is declared.

    Raises
    ------
    InputError
        If it is not of the kind that reference results are of, or lacks rows or runs, or was made in several places.
    """
    name = plan.table
    if not has_reference_settings(plan):
        raise InputError(
            f"{name} in {plan.folder}: reference results are of the scenes, profile quick, nothing changed"
        )
    planned = {row.label for row in plan.rows}
    if lacking := [label for label in declared if label not in planned]:
        raise InputError(f"{name} in {plan.folder}: lacks rows ({', '.join(lacking)}); reproduce all of it first")
    found = stored_cells(plan, store)
    cells = []
    for (row, source, target), cell in found.items():
        values = [value for value in cell.values if value is not None]
        if len(values) < len(cell.values):
            raise InputError(f"{name} in {plan.folder}: {row} {source} → {target} lacks runs; reproduce it first")
        summary = summarise(values)
        cells.append(
            ReferenceCell(
                row=row,
                trained_on=source,
                tested_on=target,
                metric=cell.metric,
                mean=summary.mean,
                std=summary.std,
                n_seeds=summary.n,
                values=tuple(values),
                run_keys=cell.run_keys,
                test_hash=cell.test_hash,
            )
        )
    places = environments_of(plan, store)
    if len(places) != 1:
        raise InputError(f"{name} in {plan.folder}: its runs are of {len(places)} environments; make them in one")
    return Reference(name, places[0], tuple(cells))


def environments_of(plan: TablePlan, store: RunStore) -> Sequence[Environment]:
    """Return the environments that the runs of a table's rows were made in, each once."""
    keys = (key for row in plan.rows for keys in row.runs.values() for key in keys)
    return list(dict.fromkeys(record.environment for key in keys if (record := store.record(key)) is not None))


def reference_text(reference: Reference) -> str:
    """Return the content of the file of reference results."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*ReferenceCell.model_fields, *ENVIRONMENT])
    where = ["" if value is None else value for value in reference.environment.model_dump().values()]
    writer.writerows([*_fields(cell), *where] for cell in reference.cells)
    return file.getvalue()


def _fields(cell: ReferenceCell) -> Iterator[str]:
    for value in cell.model_dump().values():
        if isinstance(value, tuple):
            yield " ".join(map(str, value))
        else:
            yield "" if value is None else str(value)
