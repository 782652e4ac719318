"""Render a table: long CSV, Markdown, terminal."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from rich.table import Table as RichTable

from benchmark.cells import Cell, Table
from reports.captions import caption, notes

METRIC_NAMES = {"auc_frame": "AUC", "ap_frame": "AP"}
EMPTY = "—"

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
)


def long_frame(tables: Sequence[Table]) -> pd.DataFrame:
    """Return the cells of a table under one or several selections as rows; all values are fractions.

    A relative drop is a row of its own, with the metric ``relative_drop/METRIC``.
    """
    rows: list[dict[str, object]] = []
    for table in tables:
        for cell in table.cells:
            row = _csv_row(table, cell)
            rows.append(row)
            if cell.drop is not None:
                empty = dict.fromkeys(("std", "ci_low", "ci_high", "paper"))
                rows.append({**row, **empty, "metric": f"relative_drop/{cell.metric}", "mean": cell.drop})
    return pd.DataFrame(rows, columns=list(CSV_COLUMNS))


def to_markdown(table: Table) -> str:
    """Render a table as Markdown, with its caption and notes."""
    body = pd.DataFrame(_text_rows(table, bold="**"), columns=_header(table)).to_markdown(
        index=False, disable_numparse=True
    )
    parts = [f"# {table.plan.table}", "\n".join(f"{line}  " for line in caption(table)).rstrip(), str(body)]
    remarks = notes(table)
    if remarks:
        parts.append("\n".join(f"- {line}" for line in remarks))
    return "\n\n".join([*parts, f"Made by `{table.plan.command}`."]) + "\n"


def to_terminal(table: Table) -> RichTable:
    """Render the grid of a table for a terminal; its caption and notes are for the caller to print below."""
    grid = RichTable(title=table.plan.table, title_justify="left")
    for name in _header(table):
        grid.add_column(name, overflow="fold")
    for row in _text_rows(table, bold=""):
        grid.add_row(*row)
    return grid


def _header(table: Table) -> list[str]:
    if table.plan.protocol == "in-domain":
        return ["method", *(f"{dataset.name} ({METRIC_NAMES[dataset.metric]})" for dataset in table.plan.datasets)]
    return ["tested on", "method", *(f"trained on {dataset.name}" for dataset in table.plan.datasets)]


def _text_rows(table: Table, bold: str) -> list[list[str]]:
    return _by_method(table, bold) if table.plan.protocol == "in-domain" else _by_target(table, bold)


def _by_target(table: Table, bold: str) -> list[list[str]]:
    rows = []
    for target in table.plan.datasets:
        for number, row in enumerate(table.plan.rows):
            cells = [table.cell(row.label, source.name, target.name) for source in table.plan.datasets]
            name = f"{target.name} ({METRIC_NAMES[target.metric]})" if number == 0 else ""
            texts = [_cell_text(cell, table.plan.seeds, bold if cell.train == cell.test else "") for cell in cells]
            rows.append([name, row.label, *texts])
    return rows


def _by_method(table: Table, bold: str) -> list[list[str]]:
    datasets = table.plan.datasets
    rows, group = [], ""
    for row in table.plan.rows:
        if row.group != group:
            group = row.group
            rows.append([f"{bold}{group}{bold}", *("" for _ in datasets)])
        cells = [table.cell(row.label, dataset.name, dataset.name) for dataset in datasets]
        rows.append([row.label, *(_cell_text(cell, table.plan.seeds, "") for cell in cells)])
    if table.reported:
        rows.append([f"{bold}reported by the paper{bold}", *("" for _ in datasets)])
        rows += [[name, *(f"{v:.1f}" if v is not None else EMPTY for v in values)] for name, values in table.reported]
    return rows


def _cell_text(cell: Cell, seeds: int, bold: str) -> str:
    if cell.summary is None:
        return EMPTY
    s = cell.summary
    text = f"{100 * s.mean:.2f}" + (f" ± {100 * s.std:.2f}" if s.std is not None else "")
    text = f"{bold}{text}{bold}"
    text += "†" if cell.below_chance else ""
    if cell.drop is not None:
        text += f" ({'↓' if cell.drop >= 0 else '↑'}{100 * abs(cell.drop):.1f} %)"
    if s.n < seeds:
        text += f" (n = {s.n})"
    if cell.paper is not None:
        text += f" [{cell.paper:.2f}]"
    return text


def _csv_row(table: Table, cell: Cell) -> dict[str, object]:
    s = cell.summary
    return {
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
        "mean": s.mean if s else None,
        "std": s.std if s else None,
        "n_seeds": s.n if s else 0,
        "ci_low": s.ci_low if s else None,
        "ci_high": s.ci_high if s else None,
        "paper": cell.paper / 100 if cell.paper is not None else None,
        "run_keys": " ".join(cell.run_keys),
        "settings": " ".join(cell.settings),
    }
