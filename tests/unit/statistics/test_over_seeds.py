import statistics

import pytest
from scipy import stats

from benchmark.statistics.over_seeds import relative_drop, summarise


def test_summary_equals_the_textbook() -> None:
    values = [0.81, 0.84, 0.79, 0.86, 0.80]
    summary = summarise(values)
    low, high = stats.t.interval(0.95, 4, loc=statistics.mean(values), scale=stats.sem(values))
    assert summary.mean == pytest.approx(statistics.mean(values), abs=1e-15)
    assert summary.std == pytest.approx(statistics.stdev(values), abs=1e-15)
    assert (summary.ci_low, summary.ci_high) == pytest.approx((low, high), abs=1e-12)
    assert summary.n == 5


def test_one_seed_has_no_deviation() -> None:
    summary = summarise([0.5])
    assert (summary.mean, summary.std, summary.n, summary.ci_low) == (0.5, None, 1, None)


def test_there_is_no_drop_from_nothing() -> None:
    assert relative_drop(0.3, 0.0) is None


@pytest.mark.parametrize(
    ("in_domain", "cross", "printed"), [(84.48, 68.59, 18.81), (76.62, 37.30, 51.32), (97.59, 38.03, 61.03)]
)
def test_relative_drop_is_the_papers(in_domain: float, cross: float, printed: float) -> None:
    assert 100 * relative_drop(cross, in_domain) == pytest.approx(printed, abs=0.005)
