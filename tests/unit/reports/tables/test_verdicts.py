"""What a table says where its rows have numbers and cannot be compared."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.tables.cells import fill_table
from reports.tables.verdicts import NOT_COMPARED, verdicts
from tests.small_store import dataset_of, draw_scores, make_results, plan_of, spec_of, store_run

SKILLS = {"rtfm": 0.3, "clav": 0.8}


def one_video_of_a_label(root: Path, methods: Sequence[str]) -> tuple[TablePlan, RunStore]:
    store = RunStore(root)
    store.prepare()

    def scores_of(seed: int, skill: float) -> ScoredVideos:
        return draw_scores(seed, skill, {"Arson": 1}, normal=1)

    for method in methods:
        for seed in range(2):
            store_run(store, spec_of(method, seed), scores_of(10 * len(method) + seed, SKILLS[method]))
    return plan_of(dataset_of(scores_of(0, 0)), methods, seeds=2), store


@pytest.mark.parametrize("subject", [None, "RTFM"])
def test_why_nothing_is_compared_is_said(tmp_path: Path, subject: str | None) -> None:
    plan, store = one_video_of_a_label(tmp_path, ["rtfm", "clav"])
    (line,) = verdicts(fill_table(plan.model_copy(update={"subject": subject}), store, "last"))
    assert line.startswith("cameras (AUC): RTFM (")
    assert line.endswith(f"{NOT_COMPARED}.")


def test_a_row_by_itself_lacks_no_comparison(tmp_path: Path) -> None:
    plan, store = one_video_of_a_label(tmp_path, ["rtfm"])
    (line,) = verdicts(fill_table(plan, store, "last"))
    assert NOT_COMPARED not in line


def test_rows_of_the_same_runs_have_nothing_to_compare(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    (plan,) = results.plans(None)
    rtfm, _ = plan.rows
    twice = (rtfm, rtfm.model_copy(update={"label": "RTFM again"}))
    (line,) = verdicts(fill_table(plan.model_copy(update={"rows": twice, "subject": "RTFM"}), results.store, "last"))
    assert line.endswith("; nothing to compare.")
