"""What tuning gains, against differences that are computed from the scores themselves."""

from collections.abc import Callable
from pathlib import Path
from statistics import fmean, stdev

import pytest

from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.frame import test_metrics as metrics_of
from benchmark.statistics.differences import Difference, compare
from benchmark.tables.cells import Table, fill_table
from reports.figures.catalogue import suits
from reports.forms.markdown import to_markdown
from reports.tables.captions import caption, figure_caption
from reports.tables.contrasts import power_grid
from reports.tables.document import make_document
from reports.tables.gains import TITLE, gain_grid
from reports.tables.grid import GridCell
from reports.tables.verdicts import verdicts
from tests.unit.reports.made_up import METHODS, NAMES, TUNED, scores_of, store_runs, tuned_plan

SENTENCE = "Tuned alike: 20 random trials each, selected on held-out training videos."
THREE = ("cameras", "films", "tracks")
Fill = Callable[..., Table]


@pytest.fixture
def fill(tmp_path: Path) -> Fill:
    def filled(datasets: tuple[str, ...] = ("cameras",), seeds: int = 3, **changes: object) -> Table:
        plan = tuned_plan(datasets, seeds, **changes)
        return fill_table(plan, store_runs(tmp_path, plan), "last")

    return filled


def scored(method: str, tuned: bool, dataset: str = "cameras", seeds: int = 3) -> list[ScoredVideos]:
    return [scores_of(method, tuned, seed, dataset) for seed in range(seeds)]


def gained(method: str, dataset: str = "cameras", seeds: int = 3) -> Difference:
    """Tuned less as in the recipe, from the scores."""
    found = compare(scored(method, True, dataset, seeds), scored(method, False, dataset, seeds), "auc_frame")
    assert found is not None
    return found


def points(value: float) -> str:
    return f"{100 * value:+.2f}".replace("-", "−")


def rows(table: Table) -> dict[tuple[str, str], tuple[GridCell, ...]]:
    grid = gain_grid(table)
    assert grid is not None
    return {(group.title, row.name): row.cells for group in grid.groups for row in group.rows}


@pytest.mark.parametrize("subject", [None, "RTFM, tuned"])
def test_a_gain_is_the_tuned_row_less_the_one_as_in_the_recipe(fill: Fill, subject: str | None) -> None:
    shown = rows(fill(subject=subject))
    assert list(shown) == [("cameras (AUC)", "RTFM"), ("cameras (AUC)", "MMIL")]
    for method in METHODS:
        cells = [cell.main for cell in shown["cameras (AUC)", NAMES[method]]]
        found = gained(method)
        means = []
        for place, tuned in ((2, False), (3, True)):
            values = [float(metrics_of(one)["auc_frame"] or 0) for one in scored(method, tuned)]
            means.append(fmean(values))
            assert cells[place] == f"{100 * means[-1]:.2f} ± {100 * stdev(values):.2f}"
        assert cells[:2] == ["75.00", "81.25"]
        assert cells[4] == points(means[1] - means[0])
        assert cells[5] == f"[{points(found.ci_low)}, {points(found.ci_high)}]"
    assert shown["cameras (AUC)", "RTFM"][4].value.startswith("+")
    assert shown["cameras (AUC)", "MMIL"][4].value.startswith("−")


def test_each_dataset_has_its_own_gains(fill: Fill) -> None:
    shown = rows(fill(THREE))
    assert len(shown) == 6
    for dataset in THREE:
        for method in METHODS:
            gap = gained(method, dataset).gap
            assert shown[f"{dataset} (AUC)", NAMES[method]][4].value == points(gap)
    assert len({cells[4].value for cells in shown.values()}) == 6


def test_a_gain_is_bold_where_p_is_small_after_adjustment_for_the_whole_table(fill: Fill) -> None:
    table = fill()
    for (_, label), cells in rows(table).items():
        found = table.cell(label, "cameras", "cameras").difference
        assert found is not None
        assert cells[4].bold == (found.p <= 0.05)
        assert cells[6].rest == ("< 0.001" if found.p < 0.001 else f"{found.p:.3f}")
    assert any(cells[4].bold for cells in rows(table).values())


def test_the_gains_stand_below_the_table_with_the_settings_that_were_chosen(fill: Fill) -> None:
    table = fill(("cameras", "films"))
    document = make_document(table)
    part = document.parts[1]
    assert (part.name, part.title) == ("table1-gains", TITLE)
    chosen = "learning_rate 0.00031, loss hinge, best of 20 trials."
    assert part.notes[:4] == tuple(
        f"{label}, tuned on {dataset}: {chosen}" for dataset in ("cameras", "films") for label in ("RTFM", "MMIL")
    )
    assert "What tuning gains, tested where trained." in to_markdown(document)
    assert caption(table).count(SENTENCE) == 1
    assert figure_caption(table).count(SENTENCE) == 1
    assert suits("gains", table.plan)


def test_a_table_without_tuned_rows_says_nothing_of_tuning(fill: Fill) -> None:
    plain = tuple(row.model_copy(update={"tuned": {}}) for row in tuned_plan().rows)
    table = fill(rows=plain)
    assert gain_grid(table) is None
    assert all(part.title != TITLE for part in make_document(table).parts)
    assert not any("Tuned" in line for line in (*caption(table), *figure_caption(table)))
    assert not suits("gains", table.plan)


def test_numbers_of_trials_that_differ_are_all_said(fill: Fill) -> None:
    first, *others = tuned_plan().rows
    fewer = first.model_copy(update={"tuned": {"cameras": TUNED.model_copy(update={"trials": 1})}})
    assert SENTENCE.replace("20", "1/20") in caption(fill(rows=(fewer, *others)))


def test_what_is_missing_is_a_dash_and_no_gain(tmp_path: Path) -> None:
    plan = tuned_plan()
    unknown = plan.rows[0].model_copy(update={"tuned": {"cameras": TUNED.model_copy(update={"recipe_held_out": None})}})
    plan = plan.model_copy(update={"rows": (unknown, *plan.rows[1:])})
    shown = rows(fill_table(plan, store_runs(tmp_path, plan, ["rtfm"]), "last"))
    assert shown["cameras (AUC)", "RTFM"][0].main == "—"
    assert shown["cameras (AUC)", "RTFM"][4].main == points(gained("rtfm").gap)
    mmil = [cell.main for cell in shown["cameras (AUC)", "MMIL"]]
    assert mmil[2] == "—"
    assert mmil[3].count("±") == 1
    assert mmil[4:] == ["—", "—", "—"]


def test_one_seed_is_marked(fill: Fill) -> None:
    table = fill(seeds=1)
    assert all(cells[4].marks == "‡" for cells in rows(table).values())
    assert any(note.startswith("‡") for note in make_document(table).parts[1].notes)


def test_a_table_about_one_method_compares_with_it_what_is_compared_with_it(fill: Fill) -> None:
    table = fill(subject="RTFM, tuned", power=0.01)
    (sentence,) = verdicts(table)
    assert sentence.count("RTFM, tuned is") == 1
    assert "MMIL, tuned" in sentence
    # MMIL as in the recipe is compared with MMIL tuned: that says nothing of RTFM.
    assert "MMIL (" not in sentence
    assert "MMIL by" not in sentence
    grid = power_grid(table)
    assert grid is not None
    assert [row.name for group in grid.groups for row in group.rows] == ["MMIL, tuned", "RTFM"]
