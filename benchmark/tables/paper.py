"""The numbers that the paper prints, for results on the same benchmark and the same features."""

from __future__ import annotations

import csv
from functools import cache

from benchmark.runs.table_plan import PlannedDataset, PlannedRow, TablePlan
from benchmark.tables.shipped import shipped

PAPER_FEATURE_SETS = frozenset({"rtfm-i3d-r50-10crop", "rocng-i3d-inception"})
"""Ids of the feature sets that the paper's tables rest on: I3D ResNet-50 (2048) and I3D Inception (1024), RGB."""

NAMES = {
    "ucf-crime": "UCF-Crimes",
    "xd-violence": "XD-Violence",
    "shanghaitech": "ShanghaiTech",
    "avenue": "Avenue",
}
"""What the paper's tables call the benchmarks."""


COLUMNS = {"ucf-crime": "ucf_auc", "xd-violence": "xd_ap", "shanghaitech": "st_auc", "avenue": "av_auc"}
"""Columns of the paper's Table 1, and of its Table 2, which has the first alone."""


def cross_dataset_value(row: str, source: str, target: str) -> float | None:
    """Return a number of the paper's Table 4, in percent; None where it has none.

    Parameters
    ----------
    row
        The row's name in the paper's table.
    source, target
        Benchmarks that the method is trained and tested on.
    """
    for line in _read("table4.csv"):
        if (line["method"], line["source"], line["target"]) == (row, NAMES.get(source), NAMES.get(target)):
            return float(line["value"])
    return None


def in_domain_value(table: str, row: str, benchmark: str) -> float | None:
    """Return a number of one of the paper's other tables, in percent; None where it has none.

    Parameters
    ----------
    table
        ``table1``, ``table2``, ``table3`` or ``table5``.
    row
        The row's name in the paper's table: the method in Table 1, part and number such as ``a2`` in Table 2, the
        column of `results/paper` in Tables 3 and 5, which are printed the other way round.
    """
    if table in ("table3", "table5"):
        lines = [line for line in _read(f"{table}.csv") if line["dataset"] == NAMES.get(benchmark)]
        text = lines[0].get(row, "-") if lines and row != "dataset" else "-"
    elif table == "table1":
        text = _of(benchmark, [line for line in _read("table1.csv") if line["method"] == row])
    elif table == "table2":
        part = [line for line in _read("table2.csv") if line["part"] == row[:1]]
        text = _of(benchmark, [line for number, line in enumerate(part, start=1) if row[1:] == str(number)])
    else:
        text = "-"
    return None if text == "-" else float(text)


def reported_rows(table: str) -> list[str]:
    """Return the names of all rows that the paper lists in a table of methods: Table 1."""
    return [line["method"] for line in _read("table1.csv")] if table == "table1" else []


def printed_value(plan: TablePlan, row: PlannedRow, source: PlannedDataset, target: PlannedDataset) -> float | None:
    """Return what the paper prints for a row of a plan, in percent; None where features or benchmark are others."""
    if row.paper is None or target.feature_set not in PAPER_FEATURE_SETS:
        return None
    if plan.protocol == "cross":
        return cross_dataset_value(row.paper, source.benchmark, target.benchmark)
    return in_domain_value(plan.table, row.paper, target.benchmark)


def other_rows(plan: TablePlan) -> tuple[tuple[str, tuple[float | None, ...]], ...]:
    """Return the rows of the paper's table that are none of a plan's, where features and benchmark are the paper's.

    Each has its numbers in percent, one per dataset.
    """
    ours = {row.paper for row in plan.rows}
    rows = []
    for name in reported_rows(plan.table):
        values = tuple(
            in_domain_value(plan.table, name, d.benchmark) if d.feature_set in PAPER_FEATURE_SETS else None
            for d in plan.datasets
        )
        if name not in ours and any(value is not None for value in values):
            rows.append((name, values))
    return tuple(rows)


def decimals(table: str) -> int:
    """Return how many decimals the paper prints in a table."""
    return 1 if table == "table1" else 2


def footnotes(table: str, row: str, benchmark: str) -> list[str]:
    """Return what is odd about a number of the paper, such as that another of its tables has a different one.

    Parameters
    ----------
    table, row
        As for `in_domain_value`; Table 4's rows by their name there.
    benchmark
        Where the number was measured; ``SOURCE → TARGET`` in Table 4.
    """
    wanted = {"table": table, "row": row, "benchmark": benchmark}
    # An empty field of a footnote stands for all.
    return [line["note"] for line in _read("footnotes.csv") if all(line[k] in ("", v) for k, v in wanted.items())]


def _of(benchmark: str, lines: list[dict[str, str]]) -> str:
    return lines[0].get(COLUMNS.get(benchmark, ""), "-") if lines else "-"


@cache
def _read(name: str) -> list[dict[str, str]]:
    with (shipped("paper") / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
