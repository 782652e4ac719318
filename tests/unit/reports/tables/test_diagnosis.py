"""The tables of a diagnosis: where each number stands, and over how many seeds."""

from statistics import mean, stdev

import pandas as pd
import pytest

from benchmark.runs.table_plan import PlannedRow, TablePlan
from benchmark.statistics.diagnosis import Measure, Place, summarise_measures
from reports.forms.files import diagnosis_texts
from reports.tables.diagnosis import NO_PARTS, diagnosis_document
from tests.small_store import make_results

RATIO, AUC = Place("scores", "score", "ratio"), Place("scores", "score", "AUC of the maximum")
RUNS = [
    [Measure(RATIO, 1.5), Measure(AUC, 0.75), Measure(Place("loss", "mil", "end"), 0.4)],
    [Measure(AUC, 0.5), Measure(Place("loss", "mil", "end"), 0.6)],
]


@pytest.fixture
def plan(tmp_path) -> TablePlan:
    results = make_results(tmp_path)
    made = next(iter(results.plans(None)))
    row = PlannedRow(label="RTFM", method="rtfm", paper=None, runs={made.datasets[0].name: ()})
    changed = {"table": "diagnose-rtfm", "rows": (row,), "seeds": 2, "holdout": 0.25, "shuffled": None}
    return made.model_copy(update={**changed, "diagnosis": True, "datasets": made.datasets[:1], "subject": None})


def test_a_number_is_a_mean_over_the_seeds_in_which_it_is_defined(plan: TablePlan) -> None:
    numbers = summarise_measures(RUNS)
    assert (numbers[AUC].mean, numbers[AUC].std, numbers[AUC].n) == (mean([0.75, 0.5]), stdev([0.75, 0.5]), 2)
    scores, loss = diagnosis_document(plan, numbers).parts
    ((ratio, auc),) = [row.cells for row in scores.grid.groups[0].rows]
    assert (ratio.main, ratio.remarks) == ("1.5000", ("n = 1",))
    assert (auc.main, auc.remarks) == ("0.6250 ± 0.1768", ())
    assert loss.grid.groups[0].rows[0].cells[0].main == "0.5000 ± 0.1414"


def test_only_a_method_that_has_none_is_said_to_have_no_diagnostics(plan: TablePlan) -> None:
    assert NO_PARTS in diagnosis_document(plan, summarise_measures(RUNS)).parts[0].notes
    for place in (
        Place("scores", "S", "ratio"),
        Place("motion", "motion", "rank correlation with what it learns from"),
    ):
        more = summarise_measures([[*RUNS[0], Measure(place, 0.2)]])
        assert diagnosis_document(plan, more).parts[0].notes == ()


def test_its_files_have_all_numbers(plan: TablePlan, tmp_path) -> None:
    texts = diagnosis_texts(plan, summarise_measures(RUNS))
    assert set(texts) == {"md", "csv", "tex", "html"}
    (tmp_path / "found.csv").write_text(texts["csv"])
    frame = pd.read_csv(tmp_path / "found.csv")
    assert frame["mean"].tolist() == [1.5, 0.625, 0.5]
    assert frame["n_seeds"].tolist() == [1, 2, 2]
    assert "No test video was opened." in texts["md"]


def test_a_plan_of_a_diagnosis_tests_nothing_and_is_no_tables(plan: TablePlan) -> None:
    (row,) = plan.rows
    assert not plan.tested
    assert plan.tested_on(row, plan.datasets[0].name) == []
    table = plan.model_copy(update={"diagnosis": False})
    assert table.tested
    assert table.digest() != plan.digest()
