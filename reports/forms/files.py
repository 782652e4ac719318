"""The files of a table and of a search: their numbers in long form, and the texts of all forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import pandas as pd

from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.differences import Difference
from benchmark.statistics.events import EventNumber
from benchmark.statistics.over_seeds import Summary, summarise
from benchmark.tables.cells import Cell, Table
from benchmark.tuning.trials import Trials
from reports.forms.csv import to_csv
from reports.forms.html import to_html
from reports.forms.latex import to_latex
from reports.forms.markdown import to_markdown
from reports.tables.diagnosis import Numbers, diagnosis_document, diagnosis_frame
from reports.tables.document import Document, make_document
from reports.tables.provenance import to_provenance
from reports.tables.trials import search_document, trials_frame

COMPARISON_COLUMNS = ("standing", "against", "gap", "gap_low", "gap_high", "gap_p_holm")

CSV_COLUMNS = (
    "table",
    "row",
    "column",
    "method",
    "add_ons",
    "train_dataset",
    "eval_dataset",
    "metric",
    "profile",
    "selection",
    "mean",
    "std",
    "n_seeds",
    "ci_low",
    "ci_high",
    "paper",
    "run_keys",
    "settings",
    *COMPARISON_COLUMNS,
)
DESCRIBED_COLUMNS = (
    "supervision",
    "fidelity",
    "parameters",
    "multiply_adds",
    "train_seconds",
    "snippets_per_second",
    "reported",
)
"""More columns of a table that says what its methods are."""
VIDEO_INTERVAL = ("video_ci_low", "video_ci_high")
"""More columns of a table that measures events: the interval of the mean if other test videos were drawn."""


def long_frame(tables: Sequence[Table]) -> pd.DataFrame:
    """Return the cells of a table under one or several selections as rows; all values are fractions.

    A relative drop is a row of its own, with the metric ``relative_drop/METRIC``; so is each measure of events, with
    false alarms per hour and seconds as they are, and each cost.
    """
    rows: list[dict[str, object]] = []
    for table in tables:
        for cell in table.cells:
            row = _csv_row(table, cell)
            rows.append(row)
            if cell.drop is not None:
                empty = dict.fromkeys(("std", "ci_low", "ci_high", "paper", *COMPARISON_COLUMNS))
                rows.append({**row, **empty, "metric": f"relative_drop/{cell.metric}", "mean": cell.drop})
            rows += [{**row, **measured} for measured in (*_measured(table, cell), *_costs(table, cell))]
    more = DESCRIBED_COLUMNS if rows and DESCRIBED_COLUMNS[0] in rows[0] else ()
    videos = VIDEO_INTERVAL if any(table.events or table.transfers for table in tables) else ()
    return pd.DataFrame(rows, columns=[*CSV_COLUMNS, *more, *videos])


def _measured(table: Table, cell: Cell) -> Iterator[dict[str, object]]:
    """Return what a row says of a cell by each measure of events, and by thresholds that were chosen elsewhere."""
    place, here = [row.label for row in table.plan.rows].index(cell.row), (cell.train, cell.test)
    numbers: dict[str, EventNumber] = {}
    gaps: Mapping[str, Difference] = {}
    for column in (column for column in table.events if (column.train, column.test) == here):
        found = column.measured.rows[place] if column.measured else None
        numbers |= found.numbers if found else {}
        gaps = column.differences.get(cell.row, {})
    for transfer in (transfer for transfer in table.transfers if (transfer.train, transfer.test) == here):
        numbers |= transfer.numbers[cell.row]
    for name, number in numbers.items():
        values = [value for value in number.values if value is not None]
        yield {
            "metric": name,
            **_summary_columns(summarise(values) if len(values) == len(number.values) else None),
            "paper": None,
            "standing": None,
            **_difference_columns(gaps.get(name)),
            **dict(zip(VIDEO_INTERVAL, (number.ci_low, number.ci_high), strict=True)),
        }


def _costs(table: Table, cell: Cell) -> Iterator[dict[str, object]]:
    """Return what a row says of a cell by each cost, where the table measures cost: in the dataset trained on."""
    empty = dict.fromkeys(("std", "ci_low", "ci_high", "paper", *COMPARISON_COLUMNS))
    for cost in table.costs if "cost" in table.plan.measures and cell.train == cell.test else ():
        if (cost.row, cost.dataset) == (cell.row, cell.train):
            for name, value in cost.numbers().items():
                yield {**empty, "metric": name, "mean": value, "n_seeds": 0 if value is None else cost.runs}


def table_texts(shown: Table, tables: Sequence[Table], store: RunStore) -> dict[str, str]:
    """Render a table in every form.

    Parameters
    ----------
    shown
        The table under the selection to show.
    tables
        It under all selections, for the long form.

    Returns
    -------
    Ending of the file's name -> its text.
    """
    texts = _in_every_form(make_document(shown), long_frame(tables))
    return texts | {"provenance.json": to_provenance(shown, store)}


def search_texts(search: Trials) -> dict[str, str]:
    """Render a search in every form: ending of the file's name -> its text."""
    return _in_every_form(search_document([search]), trials_frame(search))


def diagnosis_texts(plan: TablePlan, numbers: Numbers) -> dict[str, str]:
    """Render a diagnosis in every form: ending of the file's name -> its text."""
    return _in_every_form(diagnosis_document(plan, numbers), diagnosis_frame(plan, numbers))


def _in_every_form(document: Document, frame: pd.DataFrame) -> dict[str, str]:
    return {
        "md": to_markdown(document),
        "csv": to_csv(frame),
        "tex": to_latex(document),
        "html": to_html(document),
    }


def _description(table: Table, cell: Cell) -> dict[str, object]:
    """Return what a table says of a cell's method beside its numbers, if it does."""
    row = next(row for row in table.plan.rows if row.label == cell.row)
    if not table.plan.described or (card := row.card) is None:
        return {}
    cost = next((cost for cost in table.costs if (cost.row, cost.dataset) == (cell.row, cell.train)), None)
    return {
        "supervision": row.supervision.get(cell.train, "weak"),
        "fidelity": card.fidelity,
        "parameters": cost and cost.parameters,
        "multiply_adds": card.multiply_adds.get(cell.train),
        "train_seconds": cost and cost.seconds,
        "snippets_per_second": cost and cost.snippets_per_second,
        "reported": "; ".join(f"{f.value:g} on {f.features}" for f in card.reported if f.dataset == cell.train),
    }


def _csv_row(table: Table, cell: Cell) -> dict[str, object]:
    s, d = cell.summary, cell.difference
    return {
        **_description(table, cell),
        "table": table.plan.table,
        "row": cell.row,
        "column": f"{cell.train} → {cell.test}",
        "method": cell.method,
        "add_ons": "+".join(cell.add_ons),
        "train_dataset": cell.train,
        "eval_dataset": cell.test,
        "metric": cell.metric,
        "profile": table.plan.profile,
        "selection": table.selection,
        **_summary_columns(s),
        "paper": cell.paper / 100 if cell.paper is not None else None,
        "run_keys": " ".join(cell.run_keys),
        "settings": " ".join(cell.settings),
        "standing": cell.standing,
        **_difference_columns(d),
    }


def _summary_columns(s: Summary | None) -> dict[str, object]:
    return {
        "mean": s.mean if s else None,
        "std": s.std if s else None,
        "n_seeds": s.n if s else 0,
        "ci_low": s.ci_low if s else None,
        "ci_high": s.ci_high if s else None,
    }


def _difference_columns(d: Difference | None) -> dict[str, object]:
    return {
        "against": d.other if d else None,
        "gap": d.gap if d else None,
        "gap_low": d.ci_low if d else None,
        "gap_high": d.ci_high if d else None,
        "gap_p_holm": d.p if d else None,
    }
