"""A report on a whole run store: what there is to say, put together before it is written in any form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import get_args

from benchmark.runs.records import Environment, Failure
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import PlannedDataset, TablePlan
from benchmark.system.amounts import count
from benchmark.tables.cells import Table
from benchmark.tables.line_ups import Contender, LineUp
from benchmark.tables.ranking import Ranked
from benchmark.terms import Selection, Trouble
from reports.figures.catalogue import figures_of_table
from reports.figures.figure import Absence, Figure
from reports.island.line_up import Content
from reports.tables.document import Document, make_document
from reports.tables.verdicts import verdicts

MOST_NAMED = 9
"""Methods that the summary names; more are counted, and named in the ranking."""


@dataclass(frozen=True)
class TableSection:
    """A table: its parts, what it says in sentences, and its figures."""

    plan: TablePlan
    document: Document
    verdicts: tuple[str, ...]
    figures: tuple[Figure | Absence, ...]


@dataclass(frozen=True)
class LineUpSection:
    """The methods compared on a dataset: the figures, and who is stored but not shown.

    Attributes
    ----------
    left_out
        Not in the figures; the ranking and what scripts show have them too.
    ranked
        All methods, the best first.
    content
        What the page's script shows of them; None where there are no stored scores.
    unranked
        Number of stored methods that the page of a large store does not rank.
    """

    line_up: LineUp
    figures: tuple[Figure | Absence, ...]
    left_out: tuple[Contender, ...]
    ranked: tuple[Ranked, ...] = ()
    content: Content | None = None
    unranked: int = 0


@dataclass(frozen=True)
class Report:
    """All sections, and where the numbers come from.

    Attributes
    ----------
    runs
        Number of runs that the tables need and that are stored.
    missing
        Number of runs that the tables need and that are not.
    environments
        Where the runs were trained, with the number of runs; none in an anonymous report.
    failures
        Runs that did not succeed and were not repeated with success.
    """

    selection: Selection
    tables: tuple[TableSection, ...]
    line_ups: tuple[LineUpSection, ...]
    datasets: tuple[PlannedDataset, ...]
    runs: int
    missing: int
    environments: tuple[tuple[Environment, int], ...]
    failures: tuple[Failure, ...]

    def figures(self) -> Iterator[Figure]:
        """Iterate over all figures."""
        sections: Sequence[TableSection | LineUpSection] = (*self.tables, *self.line_ups)
        yield from (figure for section in sections for figure in section.figures if isinstance(figure, Figure))

    def shown(self) -> dict[str, tuple[str, ...]]:
        """Return the folders of figures, each with the digests of the plans of the tables that they show."""
        tables = {figure.folder: (s.plan.digest(),) for s in self.tables for figure in s.figures}
        return tables | {section.line_up.name: section.line_up.plans for section in self.line_ups}

    def summary(self) -> list[str]:
        """Say what was compared, on what, and how far it is."""
        rows = [row for section in self.tables for row in section.plan.rows]
        plain: dict[str, str] = {}
        for row in rows:
            if not row.add_ons and not row.settings:
                plain.setdefault(row.method, row.label)
        variants = {(row.method, row.add_ons, row.settings) for row in rows if row.add_ons or row.settings}
        named = f" ({', '.join(plain.values())})" if 0 < len(plain) <= MOST_NAMED else ""
        simulated = [dataset.name for dataset in self.datasets if dataset.simulated]
        lines = [
            f"{count(len(plain), 'method')}{named}"
            + (f" and {count(len(variants), 'variant')} of methods" if variants else "")
            + f" on {count(len(self.datasets), 'dataset')} ({', '.join(d.name for d in self.datasets)}), "
            f"in {count(len(self.tables), 'table')}.",
            f"{count(self.runs, 'run')} stored, {self.missing or 'none'} missing.",
        ]
        if self.failures:
            statuses = Counter(failure.status for failure in self.failures)
            named = ", ".join(f"{statuses[status]} {status}" for status in get_args(Trouble) if status in statuses)
            lines.append(
                f"{count(len(self.failures), 'run')} did not succeed ({named}); the reasons are under Provenance."
            )
        if simulated:
            lines.append(f"SIMULATED: {', '.join(simulated)}. Their numbers compare with nothing published.")
        if self.selection == "oracle":
            lines.append("ORACLE selection: weights were chosen on the test labels, so our numbers are optimistic.")
        return lines


def make_report(
    tables: Sequence[Table],
    line_ups: Sequence[LineUpSection],
    selection: Selection,
    store: RunStore,
    anonymous: bool = False,
) -> Report:
    """Put a report together from the filled tables and the line-ups with their figures.

    Parameters
    ----------
    anonymous
        Whether to leave out on which machines the runs were trained.
    """
    sections = tuple(
        TableSection(table.plan, make_document(table), tuple(verdicts(table)), tuple(figures_of_table(table)))
        for table in tables
    )
    keys = dict.fromkeys(key for table in tables for key in table.plan.run_keys())
    records = [record for key in keys if (record := store.record(key)) is not None]
    datasets = {(d.name, d.test_hash): d for table in tables for d in table.plan.datasets}
    return Report(
        selection=selection,
        tables=sections,
        line_ups=tuple(line_ups),
        datasets=tuple(datasets.values()),
        runs=len(records),
        missing=len(keys) - len(records),
        environments=() if anonymous else tuple(Counter(record.environment for record in records).most_common()),
        failures=tuple(failure for failure in store.failures() if failure.key in keys),
    )
