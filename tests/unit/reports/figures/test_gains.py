"""The figure of what tuning gains."""

from pathlib import Path

import pytest

from benchmark.cli.report import FIGURES
from benchmark.statistics.differences import compare
from benchmark.tables.cells import fill_table
from reports.figures.catalogue import LINE_UP_FIGURES, TABLE_FIGURES, figures_of_table
from reports.figures.figure import Absence, Figure
from reports.figures.gains import draw_gains
from reports.figures.style import render
from tests.unit.reports.made_up import METHODS, NAMES, scores_of, store_runs, tuned_plan


def test_the_figure_has_the_gains_of_each_method_on_each_dataset(tmp_path: Path) -> None:
    plan = tuned_plan(("cameras", "films"))
    figure = draw_gains(fill_table(plan, store_runs(tmp_path, plan), "last"))
    assert isinstance(figure, Figure)
    data = figure.data.set_index(["column", "row"])
    assert len(data) == 4
    for dataset in ("cameras", "films"):
        for method in METHODS:
            tuned, own = ([scores_of(method, kind, seed, dataset) for seed in range(3)] for kind in (True, False))
            found, row = compare(tuned, own, "auc_frame"), data.loc[(f"{dataset} (AUC)", NAMES[method])]
            assert found is not None
            assert row["difference"] == pytest.approx(found.gap)
            assert (row["ci_low"], row["ci_high"]) == pytest.approx((found.ci_low, found.ci_high))
            assert (row["held_out_recipe"], row["held_out_tuned"]) == (0.75, 0.8125)
    axis = figure.draw().axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == ["RTFM", "MMIL", "RTFM", "MMIL"]
    assert axis.get_xlabel() == "gain by tuning in points"
    assert "Tuned alike: 20 random trials each, selected on held-out training videos." in figure.caption
    assert render(figure.draw, ["svg"]).contents["svg"].startswith(b"<?xml")


def test_a_table_with_tuned_rows_is_drawn_with_its_gains(tmp_path: Path) -> None:
    plan = tuned_plan()
    figures = figures_of_table(fill_table(plan, store_runs(tmp_path, plan), "last"))
    assert [figure.name for figure in figures] == ["forest", "gains"]


def test_without_runs_there_is_no_figure_and_a_reason(tmp_path: Path) -> None:
    plan = tuned_plan()
    figure = draw_gains(fill_table(plan, store_runs(tmp_path, plan, []), "last"))
    assert isinstance(figure, Absence)
    assert figure.reason == "no tuned row can be compared with itself as in the recipe."


def test_the_command_line_names_all_figures() -> None:
    assert {*FIGURES} == {*LINE_UP_FIGURES, *TABLE_FIGURES}
