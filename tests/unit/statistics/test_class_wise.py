"""Class-wise AUC: the metric itself, and intervals that few videos make wide."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from benchmark.metrics.frame import ScoredVideos, frame_metrics
from benchmark.statistics.class_wise import ClassAuc, class_aucs
from tests.small_store import COUNTS, draw_scores

SEEDS = [draw_scores(seed, 0.4) for seed in range(3)]


def by_name(found: list[ClassAuc]) -> dict[tuple[str, str], ClassAuc]:
    return {(auc.definition, auc.name): auc for auc in found}


def frames(scored: ScoredVideos, videos: list[int]) -> tuple[list[int], list[float]]:
    """Labels and scores of the frames of videos; a video that is named twice counts twice."""
    labels: list[int] = []
    scores: list[float] = []
    for video in videos:
        for row in np.flatnonzero(scored.video == video):
            labels += [1] * int(scored.positive[row]) + [0] * int(scored.negative[row])
            scores += [float(scored.scores[row])] * int(scored.positive[row] + scored.negative[row])
    return labels, scores


def test_values_are_those_of_the_metrics() -> None:
    found = by_name(class_aucs(SEEDS))
    assert len(found) == 2 * len(COUNTS)
    for (definition, name), auc in found.items():
        expected = [frame_metrics(scored)[f"{definition}/{name}"] for scored in SEEDS]
        assert auc.values == pytest.approx(expected, abs=1e-12)
        assert auc.videos == COUNTS[name]


@pytest.mark.parametrize("definition", ["auc_class", "auc_class_vs_normal"])
def test_interval_is_what_resampling_frames_by_hand_gives(definition: str) -> None:
    auc = by_name(class_aucs(SEEDS))[definition, "Arson"]
    members = [i for i, names in enumerate(SEEDS[0].classes) if "Arson" in names]
    normal = [i for i, names in enumerate(SEEDS[0].classes) if not names]
    strata = [members] if definition == "auc_class" else [members, normal]
    rng = np.random.default_rng(3)
    parts = []
    for place, stratum in enumerate(strata):
        means = []
        for _ in range(400):
            drawn = [list(rng.choice(s, len(s))) if i == place else list(s) for i, s in enumerate(strata)]
            videos = [int(video) for part in drawn for video in part]
            means.append(np.mean([roc_auc_score(*frames(scored, videos)) for scored in SEEDS]))
        n = len(stratum)
        parts.append(np.var(means, ddof=1) * n / (n - 1))
    half = stats.t.ppf(0.975, len(members) - 1) * sum(parts) ** 0.5
    assert auc.ci_low == pytest.approx(max(auc.mean - half, 0), abs=0.15 * half)
    assert auc.ci_high == pytest.approx(min(auc.mean + half, 1), abs=0.15 * half)


def test_a_class_with_one_video_has_no_interval() -> None:
    for definition in ("auc_class", "auc_class_vs_normal"):
        auc = by_name(class_aucs(SEEDS))[definition, "Abuse"]
        assert (auc.videos, auc.ci_low, auc.ci_high) == (1, None, None)


@pytest.mark.parametrize(("normal", "definitions"), [(0, ["auc_class"]), (1, ["auc_class", "auc_class_vs_normal"])])
def test_few_normal_videos_give_no_interval_against_them(normal: int, definitions: list[str]) -> None:
    found = class_aucs([draw_scores(seed, 0.3, {"Assault": 4}, normal) for seed in range(2)])
    assert [auc.definition for auc in found] == definitions
    assert found[0].ci_low is not None
    assert all(auc.ci_low is None for auc in found[1:])


def test_fewer_videos_make_a_wider_interval() -> None:
    widths = []
    for count in (3, 12, 48):
        seeds = [draw_scores(seed, 0.3, {"Assault": count}) for seed in range(3)]
        auc = by_name(class_aucs(seeds))["auc_class", "Assault"]
        assert auc.ci_low is not None
        assert auc.ci_high is not None
        widths.append(auc.ci_high - auc.ci_low)
    assert widths[0] > 2 * widths[1] > 2 * widths[2]


def test_an_interval_stays_within_0_and_1_and_one_without_width_is_none() -> None:
    alike = [replace(scored, scores=(scored.positive > 0).astype(float)) for scored in SEEDS]
    auc = by_name(class_aucs(alike))["auc_class", "Arson"]
    assert auc.mean > 0.9
    assert (auc.ci_low, auc.ci_high) == (None, None)
    for auc in class_aucs(SEEDS):
        assert auc.ci_low is None or 0 <= auc.ci_low <= auc.mean <= (auc.ci_high or 0) <= 1


def test_a_class_without_normal_frames_has_one_definition() -> None:
    inside = np.array([bool(names) and "Assault" in names for names in SEEDS[0].classes])[SEEDS[0].video]
    seeds = [
        replace(s, positive=np.where(inside, 16, s.positive), negative=np.where(inside, 0, s.negative)) for s in SEEDS
    ]
    found = by_name(class_aucs(seeds))
    assert ("auc_class", "Assault") not in found
    assert ("auc_class_vs_normal", "Assault") in found


def test_a_video_of_two_classes_counts_in_both() -> None:
    both = tuple(("Arson", "Assault") if "Arson" in names else names for names in SEEDS[0].classes)
    found = by_name(class_aucs([replace(scored, classes=both) for scored in SEEDS]))
    assert found["auc_class", "Arson"].videos == 4
    assert found["auc_class", "Assault"].videos == 7
