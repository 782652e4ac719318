"""The ranking of a line-up: in the order of the means, with intervals, and standings as in a table of the same rows."""

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.runs.store import RunStore
from benchmark.statistics import differences
from benchmark.statistics.differences import best_and_indistinguishable, resample_methods
from benchmark.tables import compared
from benchmark.tables.compared import read_scores
from benchmark.tables.line_ups import find_line_ups
from benchmark.tables.ranking import leading, rank
from tests.small_store import make_results


def test_methods_are_ranked_by_their_means_and_stand_where_a_table_puts_them(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    ranked = rank(line_up, store)
    scores = [read_scores(contender.seeds, store) for contender in line_up.contenders]
    methods = resample_methods(scores, "auc_frame")
    standings = dict(zip(line_up.contenders, best_and_indistinguishable(methods), strict=True))
    assert [place.mean for place in ranked] == sorted((place.mean for place in ranked), reverse=True)
    assert {place.contender: place.standing for place in ranked} == standings
    for place in ranked:
        found = [e.metrics["auc_frame"] for run, key in place.contender.seeds if (e := store.evaluation(run, key))]
        assert place.mean == pytest.approx(sum(map(float, filter(None, found))) / 3)
        assert 0 <= place.ci_low <= place.mean <= place.ci_high <= 1
        assert place.covers_seeds


def test_a_ranking_is_kept_until_an_evaluation_is_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = make_results(tmp_path)
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    first = rank(line_up, store)
    (kept,) = (store.root / "rankings").glob("*.json")
    monkeypatch.setattr(differences, "resample_methods", None)
    assert rank(line_up, store) == first
    monkeypatch.setitem(compared.VERSIONS, "rankings", 99)
    with pytest.raises(TypeError):
        rank(line_up, store)
    assert kept.is_file()


def test_the_best_lead_as_many_as_there_is_room_for(tmp_path: Path) -> None:
    results = make_results(tmp_path)
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    best, worst = (place.contender for place in rank(line_up, store))
    without = replace(worst, label="no number", seeds=(("0" * 16, "0" * 16),))
    wide = replace(line_up, contenders=(without, worst, best))
    assert leading(wide, 7, (), store) == wide
    assert leading(wide, 6, (), store).contenders == (worst, best)
    assert leading(wide, 5, (), store).contenders == (best,)
    assert leading(wide, 5, (without,), store).contenders == (without, best)
    assert leading(wide, 0, (), store).contenders == ()


def test_without_runs_nobody_is_ranked(tmp_path: Path) -> None:
    results = make_results(tmp_path, stored=False)
    store = RunStore(results.runs)
    (line_up,) = find_line_ups(results.plans(None), store, "last")
    assert rank(line_up, store) == ()
