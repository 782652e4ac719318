"""What a table is declared as, and the tables that are, in `benchmark/tables/NAME.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

from pydantic import Field, ValidationError, model_validator

from benchmark.plugins.about import PublishedFigure
from benchmark.plugins.recipes import first_error
from benchmark.runs.table_plan import Tuned
from benchmark.system.errors import InputError
from benchmark.system.frozen import FrozenModel
from benchmark.system.names import FileName, Heading, Name, Title
from benchmark.system.near_names import did_you_mean, find_alike
from benchmark.system.yaml_text import YamlTextError, parse_yaml
from benchmark.terms import MOST_JOIN, Measure, Protocol


class RowDeclaration(FrozenModel):
    """A row of a table.

    Attributes
    ----------
    label
        What to call it; unique in the table.
    method
        ``NAME[@PRESET][+ADD-ON...]``, as on the command line.
    settings
        ``KEY=VALUE`` settings that make the row what it is; they win over those of the command line.
    tuned
        Dataset -> the settings that a search has found on its training videos; empty where nothing was searched.
    against
        Label of the row that this one is compared with; by default the table's `reference`.
    group
        Heading of the part of the table that the row belongs to; rows of a group follow one another.
    paper
        What the row is called in the paper's own table, see `benchmark.tables.paper`.
    reason, published
        Of a row that only reports: why there is no method for it, and what was published.
    """

    label: Title
    method: str = ""
    settings: tuple[str, ...] = ()
    tuned: dict[str, Tuned] = Field(default_factory=dict)
    group: Heading = ""
    against: str | None = None
    paper: Name | None = None
    reason: Heading = ""
    published: tuple[PublishedFigure, ...] = ()

    @model_validator(mode="after")
    def _trains_or_reports(self) -> Self:
        if bool(self.method) == bool(self.reason):
            raise ValueError(f"row {self.label} has a method, or a reason why it has none")
        return self


class TableDeclaration(FrozenModel):
    """A table as declared in ``benchmark/tables/NAME.yaml``.

    Attributes
    ----------
    protocol
        ``cross``: every row trained on each dataset is tested on each. ``in-domain``: tested where it was trained.
    datasets
        The benchmarks that the paper's table is about.
    reported
        Whether the other rows of the paper's table are listed, where features and benchmark are the paper's.
    controls
        Whether controls stand under the table.
    described
        Whether a part of the table says of each method what it costs, what it is told, how near it is to the published
        one, and what was published.
    study
        Whether the rows are values of settings, to be drawn as well.
    reference
        Label of the row that the others are compared with; by default the first.
    subject
        Label of the row that is compared with each of the others, where the table is about one method.
    power
        A difference, as a fraction, for which to say how many seeds and test videos would show it.
    measures
        What to say of the rows beside the primary metric.
    join
        Seconds between two alarms that measures of events take as one.
    """

    name: FileName
    title: Title
    protocol: Protocol
    datasets: tuple[str, ...]
    rows: tuple[RowDeclaration, ...]
    reported: bool = False
    controls: bool = True
    described: bool = False
    study: bool = False
    reference: str | None = None
    subject: str | None = None
    power: float | None = None
    measures: tuple[Measure, ...] = ()
    join: float = Field(default=0.0, ge=0, le=MOST_JOIN)

    @model_validator(mode="after")
    def _labels_are_clear(self) -> Self:
        labels = [row.label for row in self.rows]
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            raise ValueError(f"two rows are called {twice}")
        for named in (self.reference, self.subject, *(row.against for row in self.rows)):
            if named is not None and named not in labels:
                raise ValueError(f"no row is called {named}, which others are compared with")
        return self


def list_tables() -> list[str]:
    """Return the names of the declared tables."""
    folder = files("benchmark") / "tables"
    return sorted(Path(str(entry)).stem for entry in folder.iterdir() if entry.name.endswith(".yaml"))


def list_paper_tables() -> list[str]:
    """Return the names of the declared tables that are the paper's: ``table1`` and so on."""
    return [name for name in list_tables() if name.startswith("table")]


def read_table(name: str) -> TableDeclaration:
    """Read a table's declaration.

    Raises
    ------
    InputError
        If there is no such table or its declaration is wrong.
    """
    if name not in list_tables():
        raise InputError(f"unknown table {name}; known: {', '.join(list_tables())}")
    path = files("benchmark") / "tables" / f"{name}.yaml"
    try:
        table = TableDeclaration.model_validate(_with_rows_of_another(parse_yaml(path.read_text(encoding="utf-8"))))
    except (YamlTextError, ValidationError) as error:
        raise InputError(f"{path}: not a table declaration: {first_error(error)}") from None
    if table.name != name:
        raise InputError(f"{path}: says that it is {table.name}, not {name}")
    return table


def _with_rows_of_another(content: Any) -> Any:
    """Give a declaration that names another table under ``rows_of`` the rows of that one."""
    if not isinstance(content, dict) or "rows_of" not in content or "rows" in content:
        return content
    rest = {key: value for key, value in content.items() if key != "rows_of"}
    return {**rest, "rows": read_table(content["rows_of"]).rows}


def choose_rows(tables: Sequence[TableDeclaration], methods: Sequence[str]) -> list[TableDeclaration]:
    """Return tables with some of their rows, in their order; one that has none of them is left out.

    Parameters
    ----------
    methods
        Labels of the rows, or what their methods are called on the command line, in any capitals.

    Raises
    ------
    InputError
        If no row of any table is called so.
    """
    labels = {row.label: row.label for table in tables for row in table.rows}
    names = {row.method: row.method for table in tables for row in table.rows if row.method}
    chosen = set()
    for method in methods:
        found = find_alike(method, labels) or find_alike(method, names)
        if found is None:
            where, near = ", ".join(table.name for table in tables), did_you_mean(method, names)
            raise InputError(f"{where}: no row is called {method!r}; its methods are {', '.join(sorted(names))}{near}")
        chosen.add(found)
    kept = [(table, [row for row in table.rows if chosen & {row.label, row.method}]) for table in tables]
    return [_with_rows(table, rows) for table, rows in kept if rows]


def _with_rows(table: TableDeclaration, rows: Sequence[RowDeclaration]) -> TableDeclaration:
    there = {row.label for row in rows}
    return table.model_copy(
        update={
            "rows": tuple(r if r.against in there else r.model_copy(update={"against": None}) for r in rows),
            "reference": table.reference if table.reference in there else None,
        }
    )
