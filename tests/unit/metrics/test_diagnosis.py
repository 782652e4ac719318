"""The numbers of a diagnosis against plain loops, scipy and cases by hand."""

import math
from statistics import fmean, pstdev

import numpy as np
import pytest
from scipy.stats import entropy, spearmanr

from benchmark.metrics.diagnosis import entropy_share, loss_shares, rank_correlation, spread_within, swapped_means

RANDOM = np.random.default_rng(3)


def test_spread_is_the_deviation_within_each_video() -> None:
    scores = RANDOM.random((5, 7))
    assert spread_within(scores) == pytest.approx(fmean(pstdev(video) for video in scores.tolist()))
    assert spread_within(np.array([[0.2, 0.2], [0.9, 0.9]])) == 0  # videos that differ from each other
    assert math.isnan(spread_within(np.zeros((0, 7))))


def test_rank_correlation_is_spearmans_in_each_video_and_skips_constant_ones() -> None:
    first, second = RANDOM.random((4, 9)), RANDOM.random((4, 9)).round(1)  # the second has ties
    expected = [spearmanr(one, other).statistic for one, other in zip(first, second, strict=True)]
    assert rank_correlation(first, second) == pytest.approx(fmean(expected))
    second[1] = 0.5
    assert rank_correlation(first, second) == pytest.approx(fmean([expected[0], *expected[2:]]))
    assert math.isnan(rank_correlation(first, np.ones_like(first)))


def test_entropy_is_a_share_of_the_uniform_one() -> None:
    scores = RANDOM.random((3, 4, 6))
    expected = fmean(entropy(row / row.sum()) / math.log(6) for video in scores for row in video)
    assert entropy_share(scores) == pytest.approx(expected)
    assert entropy_share(np.full((2, 5), 0.3)) == pytest.approx(1)
    assert entropy_share(np.array([[0.0, 0.7, 0.0], [0.0, 0.0, 0.0]])) == 0
    assert math.isnan(entropy_share(np.zeros((2, 5))))
    assert math.isnan(entropy_share(np.ones((2, 1))))


def test_swapped_means_are_those_of_pairs_of_two_videos() -> None:
    labels = np.array([0, 1, 1, 0, 1])
    crossed = RANDOM.random((5, 5))
    crossed[1, 3] = math.nan
    expected = [
        [
            fmean(
                crossed[i, j]
                for i in range(5)
                for j in range(5)
                if i != j and (labels[i], labels[j]) == (of, given) and (i, j) != (1, 3)
            )
            for given in (0, 1)
        ]
        for of in (0, 1)
    ]
    np.testing.assert_allclose(swapped_means(crossed, labels), expected)
    assert np.isnan(swapped_means(crossed[:2, :2], labels[:2])).tolist() == [[True, False], [False, True]]


def test_loss_shares_are_of_a_fiftieth_of_the_steps() -> None:
    curves = {"mil": RANDOM.random(200), "smooth": RANDOM.random(200)}
    shares = loss_shares({"loss": curves["mil"] + curves["smooth"], **curves})
    assert list(shares) == ["mil", "smooth"]
    for place, start in enumerate((0, 98, 196)):
        mil, smooth = (sum(curve[start : start + 4].tolist()) for curve in curves.values())
        assert shares["mil"][place] == pytest.approx(mil / (mil + smooth))
        assert shares["smooth"][place] == pytest.approx(smooth / (mil + smooth))


def test_the_loss_of_a_single_step_and_one_of_nothing_have_shares_too() -> None:
    assert loss_shares({"loss": np.array([4.0]), "mil": np.array([1.0])})["mil"].tolist() == [0.25] * 3
    assert np.isnan(loss_shares({"loss": np.zeros(3), "mil": np.zeros(3)})["mil"]).all()
    assert loss_shares({"loss": np.ones(3)}) == {}
