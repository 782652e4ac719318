"""What tuning gains: rows with the settings of a search beside the same rows as in the recipes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from benchmark.runs.table_plan import PlannedDataset, Tuned
from benchmark.statistics.differences import Difference
from benchmark.system.amounts import count
from benchmark.system.yaml_text import parse_yaml
from benchmark.tables.cells import Cell, Table
from reports.tables.captions import chance_notes
from reports.tables.differences import HEADERS as DIFFERENCE_HEADERS
from reports.tables.differences import difference_cells, difference_notes
from reports.tables.grid import EMPTY, Grid, GridCell, GridGroup, GridRow, dataset_title, percent, result
from reports.tables.settings import said_settings

TITLE = "What tuning gains"
HEADERS = ("recipe, held out", "tuned, held out", "recipe", "tuned", "gain", *DIFFERENCE_HEADERS[1:])
CAPTION = (
    f"{TITLE}, tested where trained. Held out: AUC of each video's highest score on held-out training videos, in "
    "percent, of the recipe's settings and of the best trial, which was chosen by it: its value is optimistic. Then "
    "the results on the test videos, and the gain of the tuned settings over the recipe's in points, with 95 % "
    "intervals and p-values as among the differences.",
)


@dataclass(frozen=True)
class Gain:
    """What tuning gains a method on a dataset.

    Attributes
    ----------
    label
        Of the row as in the recipe.
    search
        What was found on the dataset's training videos.
    recipe, tuned
        The cells of the two rows.
    """

    label: str
    dataset: PlannedDataset
    search: Tuned
    recipe: Cell
    tuned: Cell

    @property
    def difference(self) -> Difference | None:
        """The tuned row less the one as in the recipe; None where they cannot be compared."""
        return self.recipe.difference and self.recipe.difference.reversed()


def find_gains(table: Table) -> Iterator[Gain]:
    """Iterate over the pairs of a tuned row and the same row as in the recipe, dataset by dataset."""
    tuned = {row.label: row.tuned for row in table.plan.rows if row.tuned}
    for dataset in table.plan.datasets:
        place = (dataset.name, dataset.name)
        for row in table.plan.rows:
            if not row.tuned and row.against in tuned:
                found = tuned[row.against][dataset.name]
                yield Gain(row.label, dataset, found, table.cell(row.label, *place), table.cell(row.against, *place))


def gain_grid(table: Table) -> Grid | None:
    """Return what tuning gains; None where no row is tuned."""
    groups: dict[str, list[GridRow]] = {}
    for gain in find_gains(table):
        groups.setdefault(dataset_title(gain.dataset), []).append(GridRow(gain.label, _cells(gain, table.plan.seeds)))
    filled = tuple(GridGroup(title, tuple(rows)) for title, rows in groups.items())
    return Grid("", "method", HEADERS, filled) if filled else None


def gain_notes(table: Table) -> tuple[str, ...]:
    """Return the remarks below the gains: the settings that were chosen, and what the signs mean."""
    gains = list(find_gains(table))
    return (
        *(f"{gain.tuned.row} on {gain.dataset.name}: {_said(gain.search)}." for gain in gains),
        *chance_notes(cell for gain in gains for cell in (gain.recipe, gain.tuned)),
        *difference_notes(table),
    )


def _cells(gain: Gain, seeds: int) -> tuple[GridCell, ...]:
    found = gain.difference
    return (
        percent(gain.search.recipe_held_out),
        percent(gain.search.held_out),
        result(gain.recipe, seeds),
        result(gain.tuned, seeds),
        *(difference_cells(found) if found else (GridCell(EMPTY), GridCell("", EMPTY), GridCell("", EMPTY))),
    )


def _said(search: Tuned) -> str:
    """Say the settings of a search, which are kept as `--set` takes them."""
    settings = (text.partition("=") for text in search.settings)
    listed = said_settings({name: parse_yaml(value) for name, _, value in settings})
    return f"{listed}, best of {count(search.trials, 'trial')}"
