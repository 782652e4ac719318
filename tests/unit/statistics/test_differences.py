import dataclasses
import math
import statistics

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmark.metrics.frame import ScoredVideos, average_precision, roc_auc
from benchmark.statistics.bootstrap import draw_videos
from benchmark.statistics.differences import (
    Resampled,
    best_and_indistinguishable,
    compare,
    degrees_of_freedom,
    difference,
    from_constant,
    holm,
    resample_methods,
)
from benchmark.system.errors import InputError
from tests.coverage.simulate import Setting, measure, simulate

METRICS = {"auc_frame": roc_auc, "ap_frame": average_precision}
SETTING = Setting("both", of_video=0.6, of_network=0.2, of_network_on_video=0.3, videos=20)


@pytest.fixture
def methods():
    """Two methods with three networks each."""
    return simulate(SETTING, np.random.default_rng(0))


def scaled(method, scores):
    return [dataclasses.replace(scored, scores=scores(scored.scores)) for scored in method]


def resampled(observed, shifts, videos=20, strata=2):
    return Resampled(np.array(observed), np.array(observed)[:, None] + np.array(shifts), videos, strata)


def standard_error(found):
    return math.sqrt(found.video_variance + found.seed_variance)


def plain_comparison(a, b, metric, resamples, seed):
    """Standard error, degrees of freedom, interval and p-value, by loops over the textbook's definitions."""
    counts = draw_videos(a[0].labels, resamples, seed)
    videos, values = len(a[0].names), []
    for method in (a, b):
        of_method = []
        for scored in method:
            weights = [row[scored.video] for row in counts]
            of_method.append(
                [METRICS[metric](scored.scores, scored.positive * w, scored.negative * w) for w in weights]
            )
        values.append(of_method)
    means = [[statistics.mean(column) for column in zip(*of_method, strict=True)] for of_method in values]
    from_videos = statistics.variance([x - y for x, y in zip(*means, strict=True)]) * videos / (videos - 2)
    observed = [[METRICS[metric](s.scores, s.positive, s.negative) for s in method] for method in (a, b)]
    seed_parts = [statistics.variance(own) / len(own) if len(own) > 1 else 0.0 for own in observed]
    for seed_part, of_method in zip(seed_parts, values, strict=True):
        if len(of_method) > 1:
            shifts = [[value - statistics.mean(row) for value in row] for row in of_method]
            spread = statistics.mean(statistics.variance(column) for column in zip(*shifts, strict=True))
            from_videos -= min(spread / len(of_method) * videos / (videos - 2), seed_part)
    video = max(from_videos, 0.0)
    total = video + sum(seed_parts)
    terms = [video**2 / (videos - 2)]
    terms += [part**2 / (len(own) - 1) for part, own in zip(seed_parts, observed, strict=True) if len(own) > 1]
    degrees = total**2 / sum(terms)
    gap = statistics.mean(observed[0]) - statistics.mean(observed[1])
    low, high = stats.t.interval(0.95, degrees, loc=gap, scale=total**0.5)
    p = 2 * stats.t.sf(abs(gap) / total**0.5, degrees)
    return gap, total**0.5, degrees, low, high, p, video, sum(seed_parts)


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize(("n_a", "n_b"), [(3, 3), (3, 2), (1, 3), (1, 1)])
def test_comparison_equals_plain_loops(methods, metric, n_a, n_b):
    a, b = methods[0][:n_a], methods[1][:n_b]
    found = compare(a, b, metric, resamples=50, seed=7)
    degrees = degrees_of_freedom(*resample_methods([a, b], metric, 50, 7), found.video_variance)
    interval = found.ci_low, found.ci_high, found.p
    assert (found.gap, standard_error(found), degrees, *interval, found.video_variance, found.seed_variance) == (
        pytest.approx(plain_comparison(a, b, metric, 50, 7), abs=1e-12, rel=1e-9)
    )
    assert found.covers_seeds == (min(n_a, n_b) > 1)


def test_one_seed_each_leaves_the_videos_alone(methods):
    a, b = resample_methods([methods[0][:1], methods[1][:1]], "auc_frame", resamples=200)
    found = difference(a, b)
    assert found.seed_variance == 0
    assert degrees_of_freedom(a, b, found.video_variance) == pytest.approx(18)
    assert not found.covers_seeds


@pytest.mark.parametrize("metric", METRICS)
def test_swapping_the_methods_negates(methods, metric):
    there, back = (compare(*pair, metric, resamples=50) for pair in (methods, methods[::-1]))
    assert there.reversed().model_dump() == pytest.approx(back.model_dump(), abs=1e-15)
    assert back.gap == -there.gap
    assert (back.ci_low, back.ci_high) == pytest.approx((-there.ci_high, -there.ci_low), abs=1e-15)
    assert (back.p, standard_error(back)) == pytest.approx((there.p, standard_error(there)), abs=1e-15)


def test_a_copy_of_a_method_does_not_differ_from_it(methods):
    # Increasing maps keep all ranks: the copy has other scores and the same metrics.
    a, copy = methods[0], scaled(methods[0], np.arctan)
    for seeds in (1, 3):
        found = compare(a[:seeds], copy[:seeds], "auc_frame", resamples=50)
        assert (found.gap, found.p) == (0, 1)
        assert found.ci_low == -found.ci_high
    single = compare(a[:1], copy[:1], "auc_frame", resamples=50)
    assert (standard_error(single), single.ci_low, single.ci_high) == (0, 0, 0)


def test_adding_a_method_changes_no_other_comparison(methods):
    two = resample_methods(methods, "ap_frame", 50)
    three = resample_methods([methods[0], methods[1], methods[0]], "ap_frame", 50)
    assert difference(*two) == difference(*three[:2])
    assert difference(three[0], three[2]).gap == 0


def test_nothing_varies_without_a_nan():
    same = resampled([0.7, 0.7], np.zeros((2, 5)))
    other = resampled([0.8, 0.8], np.zeros((2, 5)))
    for b, p in ((same, 1.0), (other, 0.0)):
        found = difference(same, b)
        assert found.p == p
        assert found.ci_low == found.ci_high == found.gap
        assert all(math.isfinite(value) for value in found.model_dump().values())


def test_one_video_of_each_label_cannot_be_resampled():
    one = ScoredVideos(
        scores=np.array([0.1, 0.9]),
        positive=np.array([0, 16]),
        negative=np.array([16, 0]),
        video=np.array([0, 1]),
        labels=np.array([0, 1]),
        classes=((), ()),
        names=("a", "b"),
    )
    assert compare([one], [one], "auc_frame") is None
    assert resample_methods([[one], [one, one]], "auc_frame") == [None, None]


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 1000))
@settings(deadline=None)
def test_each_part_alone_is_a_lower_bound_of_the_total(n_a, n_b, seed):
    rng = np.random.default_rng(seed)
    scale = 10.0 ** rng.integers(-4, 1)
    a, b = (resampled(rng.random(n), scale * rng.standard_normal((n, 30))) for n in (n_a, n_b))
    found = difference(a, b)
    from_videos = np.var(a.resampled.mean(axis=0) - b.resampled.mean(axis=0), ddof=1) * 20 / 18
    seeds = a.seed_variance + b.seed_variance
    assert max(from_videos, seeds) <= standard_error(found) ** 2 * (1 + 1e-9) <= (from_videos + seeds) * (1 + 1e-9) ** 2
    assert 0 <= found.p <= 1
    degrees = degrees_of_freedom(a, b, found.video_variance)
    assert min(n for n in (n_a - 1, n_b - 1, 18) if n > 0) - 1e-9 <= degrees <= n_a + n_b - 2 + 18 + 1e-9


def test_methods_that_were_not_evaluated_have_no_difference(methods):
    assert compare(methods[0], [], "auc_frame", 10) is None
    assert compare([], [], "auc_frame", 10) is None
    assert [row is None for row in resample_methods([[], methods[0]], "auc_frame", 10)] == [True, False]


def test_an_undefined_metric_has_no_difference(methods):
    normal = [[scored.subset(scored.labels == 0) for scored in method] for method in methods]
    assert compare(*normal, "auc_frame", resamples=10) is None


def test_undefined_resamples_are_left_out(methods):
    # Only two of the ten abnormal videos keep their positive frames: one resample in ten holds neither.
    def sparse(scored):
        kept = np.isin(scored.video, np.flatnonzero(scored.labels)[:2])
        positive = np.where(kept, scored.positive, 0)
        return dataclasses.replace(scored, positive=positive, negative=16 - positive)

    a, b = ([sparse(scored) for scored in method] for method in methods)
    (row, _) = resample_methods([a, b], "ap_frame", 300)
    assert 240 < row.resampled.shape[1] < 300
    assert not np.isnan(row.resampled).any()
    assert math.isfinite(compare(a, b, "ap_frame", 300).p)


def test_evaluations_of_other_videos_are_refused(methods):
    a, b = methods
    fewer = [scored.subset(np.arange(20) < 19) for scored in b]
    renamed = [dataclasses.replace(scored, names=("other", *scored.names[1:])) for scored in b]
    relabelled = [dataclasses.replace(scored, negative=scored.negative + (scored.video == 4)) for scored in b]
    for changed, match in ((fewer, "19: not in the same"), (renamed, "0: not in"), (relabelled, "4: has other frame")):
        with pytest.raises(InputError, match=match):
            compare(a, changed, "auc_frame", 10)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_equals_the_plain_procedure(p_values):
    adjusted = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        # Step down: from the smallest, reject while p <= level / (hypotheses that are left).
        rejected, order = set(), sorted(range(len(p_values)), key=lambda i: p_values[i])
        for step, index in enumerate(order):
            if p_values[index] * (len(p_values) - step) > level:
                break
            rejected.add(index)
        assert {i for i, p in enumerate(adjusted) if p <= level} == rejected
    assert all(raw <= p <= 1 for raw, p in zip(p_values, adjusted, strict=True))


def test_holm_on_numbers_by_hand():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


def test_the_best_and_those_near_it_are_told_from_the_rest():
    rng = np.random.default_rng(0)
    rows = [resampled([m, m + 0.002, m - 0.002], 0.005 * rng.standard_normal((3, 100))) for m in (0.7, 0.85, 0.851)]
    assert best_and_indistinguishable([rows[0], None, rows[1], rows[2]]) == ["worse", None, "indistinguishable", "best"]
    assert best_and_indistinguishable([rows[1], rows[1]]) == ["best", "indistinguishable"]
    assert best_and_indistinguishable([None, rows[0]]) == [None, "best"]
    assert best_and_indistinguishable([None]) == [None]
    assert best_and_indistinguishable([]) == []


@pytest.mark.parametrize("networks", [3, 5])
def test_the_interval_covers_about_as_often_as_it_says(networks):
    coverage = measure(dataclasses.replace(SETTING, networks=networks, videos=24), tables=150, seed=1)
    for metric in METRICS:
        assert 0.90 <= coverage[metric]["ours"] <= 0.99


def test_a_mean_by_itself_has_the_interval_of_its_videos_and_seeds(methods):
    (method, _) = methods
    (found,) = resample_methods([method], "auc_frame", resamples=300)
    mean = from_constant(found)
    counts = draw_videos(method[0].labels, 300, 0)
    values = [
        [roc_auc(s.scores, s.positive * row[s.video], s.negative * row[s.video]) for row in counts] for s in method
    ]
    observed = [roc_auc(s.scores, s.positive, s.negative) for s in method]
    seeds, correction = statistics.variance(observed) / 3, 20 / 18
    over_resamples = [statistics.mean(column) for column in zip(*values, strict=True)]
    shifts = [[value - statistics.mean(row) for value in row] for row in values]
    interaction = statistics.mean([statistics.variance(column) for column in zip(*shifts, strict=True)]) / 3
    videos = statistics.variance(over_resamples) * correction - min(interaction * correction, seeds)
    assert mean.gap == pytest.approx(statistics.mean(observed))
    assert mean.seed_variance == pytest.approx(seeds)
    assert mean.video_variance == pytest.approx(max(videos, 0))
    degrees = (seeds + videos) ** 2 / (seeds**2 / 2 + videos**2 / 18)
    half = stats.t.ppf(0.975, degrees) * math.sqrt(seeds + videos)
    assert mean.ci_high - mean.gap == pytest.approx(half)
    assert mean.gap - mean.ci_low == pytest.approx(half)


def test_a_mean_of_one_seed_takes_it_as_given(methods):
    (found,) = resample_methods([methods[0][:1]], "auc_frame", resamples=50)
    assert not from_constant(found).covers_seeds
    (several,) = resample_methods([methods[0]], "auc_frame", resamples=50)
    assert from_constant(several).covers_seeds
