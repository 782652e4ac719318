"""How two methods differ by class and by video, and what it would take to see a difference."""

import re
from pathlib import Path

import numpy as np
import pytest

from benchmark.metrics.frame import ScoredVideos
from benchmark.runs.store import RunStore
from benchmark.runs.table_plan import TablePlan
from benchmark.statistics.bootstrap import FramePairs
from benchmark.statistics.class_wise import class_aucs, class_gaps
from benchmark.statistics.differences import compare
from benchmark.statistics.power import Precision
from benchmark.statistics.video_wise import MOST_VIDEOS, contrast
from benchmark.tables.cells import fill_table
from reports.tables.document import make_document
from reports.tables.verdicts import verdicts
from tests.small_store import draw_scores, make_results

ONE = [draw_scores(seed, 0.9) for seed in range(3)]
OTHER = [draw_scores(seed, 0.1) for seed in range(3, 5)]


def pairs_won(scored: ScoredVideos, video: int) -> float:
    """Share of the pairs of frames that a video is part of which are ordered rightly, frame by frame."""
    frames = []
    for row in range(len(scored.scores)):
        frames += [(scored.video[row], 1, scored.scores[row])] * int(scored.positive[row])
        frames += [(scored.video[row], 0, scored.scores[row])] * int(scored.negative[row])
    abnormal = any(v == video and label for v, label, _ in frames)
    positive = [s for v, label, s in frames if label and (v == video or not abnormal)]
    negative = [s for v, label, s in frames if not label and (v == video or abnormal)]
    won = [float(p > n) + 0.5 * float(p == n) for p in positive for n in negative]
    return float(np.mean(won))


@pytest.mark.parametrize("video", [0, 3, 7, 8, 13])
def test_the_share_of_pairs_is_that_of_the_frames(video: int) -> None:
    small = draw_scores(0, 0.5)
    share = FramePairs.count(small).ranked_rightly()[video]
    assert share == pytest.approx(pairs_won(small, video))


def test_abnormal_videos_shares_add_up_to_the_auc() -> None:
    pairs = FramePairs.count(ONE[0])
    shares, weights = pairs.ranked_rightly(), pairs.positive
    everything = pairs.roc_auc(np.ones((1, len(weights))))[0]
    assert np.average(shares[weights > 0], weights=weights[weights > 0]) == pytest.approx(everything)


def test_gaps_by_class_are_differences_of_class_wise_aucs() -> None:
    first = {(c.definition, c.name): c for c in class_aucs(ONE)}
    second = {(c.definition, c.name): c for c in class_aucs(OTHER)}
    gaps = class_gaps(ONE, OTHER)
    assert len(gaps) == len(first)
    for gap in gaps:
        key = gap.definition, gap.name
        assert gap.gap == pytest.approx(first[key].mean - second[key].mean)
        assert gap.videos == first[key].videos
        if gap.videos > 1:
            assert gap.ci_low is not None
            assert gap.ci_high is not None
            assert gap.ci_low < gap.gap < gap.ci_high


def test_a_method_does_not_differ_from_itself() -> None:
    found = contrast("cameras", "itself", ONE, ONE)
    assert all((gap.gap, gap.ci_low, gap.ci_high) == (0, None, None) for gap in found.classes)
    assert (found.better, found.worse) == ((), ())


def test_the_videos_that_differ_most_come_first() -> None:
    found = contrast("cameras", "other", ONE, OTHER)
    gaps = {
        name: float(np.mean([pairs_won(s, i) for s in ONE]) - np.mean([pairs_won(s, i) for s in OTHER]))
        for i, name in enumerate(ONE[0].names)
    }
    ordered = sorted(gaps, key=lambda name: -gaps[name])
    better = [name for name in ordered if gaps[name] > 0][:MOST_VIDEOS]
    worse = [name for name in reversed(ordered) if gaps[name] < 0][:MOST_VIDEOS]
    assert [video.name for video in found.better] == better
    assert [video.name for video in found.worse] == worse
    for video in (*found.better, *found.worse):
        assert video.gap == pytest.approx(gaps[video.name])


def test_more_seeds_and_videos_show_smaller_differences() -> None:
    known = Precision(video_variance=1e-4, seed_variance=4e-4, seeds=3, videos=100)
    sizes = [known.detectable(n, 100) for n in (2, 3, 5, 20, 100)]
    assert sizes == sorted(sizes, reverse=True)
    assert known.detectable(3, 400) < known.detectable(3, 100)


def test_what_is_foretold_is_about_what_simulated_comparisons_find() -> None:
    """Of methods that differ by what is called detectable, about four fifths of comparisons say so."""
    rng = np.random.default_rng(0)
    n, seed_deviation = 5, 0.02
    known = Precision(video_variance=0.0, seed_variance=2 * seed_deviation**2 / n, seeds=n, videos=1000)
    size = known.detectable(n, 1000)
    one = rng.normal(size, seed_deviation, (4000, n))
    other = rng.normal(0, seed_deviation, (4000, n))
    error = np.sqrt(one.var(axis=1, ddof=1) / n + other.var(axis=1, ddof=1) / n)
    found = np.abs(one.mean(axis=1) - other.mean(axis=1)) / error > 2.306  # Student's t with 8 degrees of freedom
    assert found.mean() == pytest.approx(0.8, abs=0.03)


def test_seeds_and_videos_that_are_needed_are_the_fewest() -> None:
    known = Precision(video_variance=1e-4, seed_variance=4e-4, seeds=3, videos=100)
    for size in (0.04, 0.05):
        seeds = known.seeds_for(size)
        assert seeds is not None
        assert known.detectable(seeds, 100) <= size < known.detectable(seeds - 1, 100)
    size = known.detectable(3, 250)
    videos = known.videos_for(size)
    assert videos is not None
    assert known.detectable(3, videos) <= size
    assert videos <= 252
    assert known.seeds_for(0.001) is None
    assert known.videos_for(0.001) is None


@pytest.fixture
def plan_and_store(tmp_path: Path) -> tuple[TablePlan, RunStore]:
    results = make_results(tmp_path)
    (plan,) = results.plans(None)
    changes = {"subject": "RTFM", "power": 0.02, "table": "compare-rtfm"}
    return plan.model_copy(update=changes), RunStore(results.runs)


def test_differences_are_of_the_subject_less_the_others(plan_and_store: tuple[TablePlan, RunStore]) -> None:
    plan, store = plan_and_store
    table = fill_table(plan, store, "last")
    (shown,) = table.differences("cameras", "cameras")
    scores = {
        cell.row: [
            scored
            for run, key in zip(cell.run_keys, cell.evaluation_keys, strict=True)
            if (scored := store.read_scores(run, str(key))) is not None
        ]
        for cell in table.cells
    }
    expected = compare(scores["RTFM"], scores["CLAV+CoMo"], "auc_frame")
    assert expected is not None
    assert (shown.one, shown.other) == ("RTFM", "CLAV+CoMo")
    assert (shown.gap, shown.ci_low, shown.ci_high) == pytest.approx((expected.gap, expected.ci_low, expected.ci_high))
    (sentence,) = verdicts(table)
    assert sentence.startswith("cameras (AUC): RTFM is ")
    assert ("worse than CLAV+CoMo by" in sentence) == shown.significant


def test_of_a_test_set_that_cannot_be_resampled_it_is_said_why_nothing_is_compared(
    plan_and_store: tuple[TablePlan, RunStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, store = plan_and_store
    monkeypatch.setattr("benchmark.statistics.differences.resample_methods", lambda methods, *_: [None] * len(methods))
    (sentence,) = verdicts(fill_table(plan, store, "last"))
    assert re.fullmatch(r"cameras \(AUC\): RTFM \(.*\), CLAV\+CoMo \(.*\); not compared, which takes .*", sentence)


def test_a_table_about_a_method_says_where_it_differs(plan_and_store: tuple[TablePlan, RunStore]) -> None:
    plan, store = plan_and_store
    parts = {part.name: part for part in make_document(fill_table(plan, store, "last")).parts}
    assert {"compare-rtfm-classes", "compare-rtfm-videos", "compare-rtfm-power"} <= set(parts)
    classes = parts["compare-rtfm-classes"].grid
    assert classes.groups[0].title == "cameras: RTFM − CLAV+CoMo"
    assert [row.name for row in classes.groups[0].rows] == ["Abuse", "Arson", "Assault"]
    power = parts["compare-rtfm-power"].grid
    assert power.headers == ("3 seeds", "5 seeds", "10 seeds", "20 seeds", "seeds for 2", "videos for 2")


def test_with_one_seed_nothing_is_foretold(tmp_path: Path) -> None:
    results = make_results(tmp_path, seeds=1)
    (plan,) = results.plans(None)
    table = fill_table(plan.model_copy(update={"subject": "RTFM", "power": 0.02}), RunStore(results.runs), "last")
    parts = {part.name: part for part in make_document(table).parts}
    (row,) = parts["table1-power"].grid.groups[0].rows
    assert row.cells[0].rest == "one seed: unknown"
    (sentence,) = verdicts(table)
    assert sentence.endswith("; with one seed, which is taken as given.")
