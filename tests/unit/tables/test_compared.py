"""Contrasts are derived once from the same evaluations and kept, and made again for others."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.records import RunRecord
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics import class_wise
from benchmark.statistics.class_wise import class_aucs
from benchmark.statistics.video_wise import contrast
from benchmark.tables import compared as derived
from benchmark.tables.cells import fill_table
from tests.small_store import make_results


@pytest.fixture
def plan_and_store(tmp_path: Path) -> tuple[TablePlan, RunStore]:
    results = make_results(tmp_path)
    (plan,) = results.plans(None)
    return plan.model_copy(update={"subject": "RTFM", "table": "compare-rtfm"}), RunStore(results.runs)


def forbid(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError("derived again")

    monkeypatch.setattr(derived, "contrast", refuse)


def test_a_stored_contrast_is_read_and_not_made_again(
    plan_and_store: tuple[TablePlan, RunStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, store = plan_and_store
    (made,) = fill_table(plan, store, "last").contrasts
    forbid(monkeypatch)
    assert fill_table(plan, store, "last").contrasts == (made,)
    with pytest.raises(AssertionError, match="derived again"):
        fill_table(plan, store, "oracle")  # other evaluations


def test_new_evaluations_are_contrasted_anew(plan_and_store: tuple[TablePlan, RunStore]) -> None:
    plan, store = plan_and_store
    table = fill_table(plan, store, "last")
    cell = next(cell for cell in table.cells if cell.row == "RTFM")
    for run, key in zip(cell.run_keys, cell.evaluation_keys, strict=True):
        scored, evaluation = store.read_scores(run, str(key)), store.evaluation(run, str(key))
        assert scored is not None
        assert evaluation is not None
        store.write_scores(run, str(key), replace(scored, scores=1 - scored.scores))
        store.write_evaluation(evaluation.model_copy(update={"finished": "2027-01-01T00:00:00+00:00"}))
    (anew,) = fill_table(plan, store, "last").contrasts
    scores = {c.row: [scored_of(store, *keys) for keys in pairs(c)] for c in table.cells}
    assert anew == contrast("cameras", "CLAV+CoMo", scores["RTFM"], scores["CLAV+CoMo"])
    assert anew != table.contrasts[0]


def test_class_wise_aucs_are_made_once_and_anew_for_other_evaluations(
    plan_and_store: tuple[TablePlan, RunStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, store = plan_and_store
    cell = fill_table(plan, store, "last").cells[0]
    seeds = tuple(pairs(cell))
    found = derived.class_wise_aucs(seeds, store)
    assert list(found) == class_aucs([scored_of(store, *keys) for keys in seeds])
    with monkeypatch.context() as patch:
        patch.setattr(class_wise, "class_aucs", lambda scored: [])
        assert derived.class_wise_aucs(seeds, store) == found
        evaluation = store.evaluation(*seeds[0])
        assert evaluation is not None
        store.write_evaluation(evaluation.model_copy(update={"finished": "2027-01-01T00:00:00+00:00"}))
        assert derived.class_wise_aucs(seeds, store) == ()
    assert derived.class_wise_aucs((*seeds, ("0" * 16, "0" * 16)), store) == ()


def test_missing_scores_are_not_kept_as_an_answer(plan_and_store: tuple[TablePlan, RunStore]) -> None:
    plan, store = plan_and_store
    records: list[RunRecord] = list(store.records())
    for record in records:
        for path in (store.folder(record.key) / "evaluations").glob("*.npz"):
            path.rename(path.with_suffix(".away"))
    assert fill_table(plan, store, "last").contrasts == ()
    for record in records:
        for path in (store.folder(record.key) / "evaluations").glob("*.away"):
            path.rename(path.with_suffix(".npz"))
    assert len(fill_table(plan, store, "last").contrasts) == 1


def pairs(cell: object) -> list[tuple[str, str]]:
    return list(zip(cell.run_keys, map(str, cell.evaluation_keys), strict=True))  # type: ignore[attr-defined]


def scored_of(store: RunStore, run: str, key: str) -> ScoredVideos:
    scored = store.read_scores(run, key)
    assert scored is not None
    return scored
