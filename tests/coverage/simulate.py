"""Coverage of the intervals of differences on simulated test sets: python -m tests.coverage.simulate.

A snippet's score is the sum of: noise; a separation where it is abnormal, larger for the first method; an effect of its
video shared by both methods, and one for each method; an effect of each network on the separation; and an effect of
each network on each video. The true difference is the mean over four times as many tables, drawn separately.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from threadpoolctl import threadpool_limits

from benchmark.metrics.frame import ScoredVideos, average_precision, roc_auc
from benchmark.statistics.differences import Resampled, best_and_indistinguishable, difference, resample_methods
from benchmark.terms import Metric

METRICS: dict[Metric, Callable[..., float]] = {"auc_frame": roc_auc, "ap_frame": average_precision}
RESAMPLES = 400
TABLES = 500
Floats = NDArray[np.float64]
Intervals = dict[str, tuple[float, float]]


@dataclass(frozen=True)
class Setting:
    """Standard deviations of the effects, in units of the noise, and the size of the table.

    `gap` is the first method's advantage in separation; its networks differ `steadier` times as much as the others'.
    """

    label: str
    of_video: float
    of_network: float
    of_network_on_video: float
    networks: int = 3
    videos: int = 100
    skewed: bool = False
    methods: int = 2
    gap: float = 0.15
    steadier: float = 1.0


def simulate(setting: Setting, rng: np.random.Generator) -> list[list[ScoredVideos]]:
    """One table: methods, each with networks (seeds) scored on one new test set."""
    count = setting.videos
    lengths = rng.integers(6, 20, count)
    video = np.repeat(np.arange(count), lengths)
    labels = np.arange(count) % 2
    place = np.concatenate([np.arange(length) / length for length in lengths])
    start = rng.random(count)[video] / 2
    event = (labels[video] == 1) & (place >= start) & (place < start + 0.4)
    positive = np.where(event, 16, 0)

    def difficulty(deviation: float) -> Floats:
        draws = rng.exponential(1, count) - 1 if setting.skewed else rng.standard_normal(count)
        return deviation * draws

    def scored(separation: float, shift: Floats) -> ScoredVideos:
        scores = rng.standard_normal(video.size) + separation * event + shift[video]
        return ScoredVideos(
            scores, positive, 16 - positive, video, labels, ((),) * count, tuple(map(str, range(count)))
        )

    shared = difficulty(setting.of_video)
    table = []
    for method in range(setting.methods):
        own = shared + difficulty(0.6 * setting.of_video)
        of_network = setting.of_network / (1 if method == 0 else setting.steadier)
        table.append(
            [
                scored(
                    1.3 + setting.gap * (method == 0) + of_network * rng.standard_normal(),
                    own + difficulty(setting.of_network_on_video),
                )
                for _ in range(setting.networks)
            ]
        )
    return table


def percentile_bootstrap(a: Resampled, b: Resampled, rng: np.random.Generator) -> tuple[float, float]:
    """The plain interval: videos and seeds both drawn with replacement, seeds of each method by themselves."""
    means = []
    for method in (a, b):
        n, resamples = method.resampled.shape
        shares = rng.multinomial(n, np.full(n, 1 / n), size=resamples).T / n
        means.append((shares * method.resampled).sum(axis=0))
    low, high = np.percentile(means[0] - means[1], [2.5, 97.5])
    return float(low), float(high)


def parts_added(a: Resampled, b: Resampled) -> tuple[float, float]:
    """Ours without taking the interaction off, which is then counted twice."""
    gaps = a.resampled.mean(axis=0) - b.resampled.mean(axis=0)
    parts = [(float(np.var(gaps, ddof=1)), a.videos - a.strata)]
    parts += [(method.seed_variance, len(method.observed) - 1) for method in (a, b)]
    total = sum(variance for variance, _ in parts)
    degrees = total**2 / sum(variance**2 / count for variance, count in parts)
    half = stats.t.ppf(0.975, degrees) * total**0.5
    return a.mean - b.mean - half, a.mean - b.mean + half


def intervals(a: Resampled, b: Resampled, rng: np.random.Generator) -> Intervals:
    found = difference(a, b)
    return {
        "percentile": percentile_bootstrap(a, b, rng),
        "parts added": parts_added(a, b),
        "ours": (found.ci_low, found.ci_high),
    }


def true_difference(setting: Setting, tables: int, rng: np.random.Generator) -> dict[Metric, float]:
    """Mean difference of the two methods, by the plain metrics."""
    gaps: dict[Metric, list[float]] = {metric: [] for metric in METRICS}
    for _ in range(tables):
        methods = simulate(setting, rng)
        for metric, compute in METRICS.items():
            a, b = (np.mean([compute(s.scores, s.positive, s.negative) for s in method]) for method in methods)
            gaps[metric].append(float(a - b))
    return {metric: float(np.mean(found)) for metric, found in gaps.items()}


def measure(setting: Setting, tables: int, seed: int) -> dict[Metric, dict[str, float]]:
    """Coverage of each interval, and the median width of ours relative to that of the parts added."""
    rng = np.random.default_rng(seed)
    truth = true_difference(setting, 4 * tables, np.random.default_rng([seed, 1]))
    results: dict[Metric, list[Intervals]] = {metric: [] for metric in METRICS}
    for table in range(tables):
        methods = simulate(setting, rng)
        for metric in METRICS:
            a, b = resample_methods(methods, metric, RESAMPLES, seed=table)
            assert a is not None
            assert b is not None
            results[metric].append(intervals(a, b, rng))
    coverage = {}
    for metric, found in results.items():
        coverage[metric] = {
            name: float(np.mean([of[name][0] <= truth[metric] <= of[name][1] for of in found])) for name in found[0]
        }
        widths = {name: np.median([of[name][1] - of[name][0] for of in found]) for name in found[0]}
        coverage[metric]["width"] = float(widths["ours"] / widths["parts added"])
    return coverage


def standings(setting: Setting, tables: int, seed: int) -> tuple[float, float]:
    """Share of tables of equal methods in which the first, and in which any, is called worse than the best."""
    rng = np.random.default_rng(seed)
    found = [
        best_and_indistinguishable(resample_methods(simulate(setting, rng), "auc_frame", RESAMPLES, seed=table))
        for table in range(tables)
    ]
    return float(np.mean([row[0] == "worse" for row in found])), float(np.mean(["worse" in row for row in found]))


def settings() -> Iterator[Setting]:
    effects = [
        Setting("videos", 0.6, 0.0, 0.0),
        Setting("seeds", 0.0, 0.6, 0.0),
        Setting("seeds, one method steadier", 0.0, 0.6, 0.0, steadier=4),
        Setting("both", 0.6, 0.2, 0.0),
        Setting("both, each network its own videos", 0.4, 0.1, 0.6),
    ]
    for networks in (3, 5):
        for effect in effects:
            for skewed in (False, True):
                if effect.of_video > 0 or not skewed:
                    yield replace(effect, networks=networks, skewed=skewed)
        yield replace(effects[-1], label="as above, 24 videos", networks=networks, videos=24)


def main(tables: int = TABLES) -> None:
    print("| effects | difficulty | seeds | metric | percentile | parts added | ours | width |")
    print("|---|---|---|---|---|---|---|---|")
    for setting in settings():
        for metric, found in measure(setting, tables, seed=0).items():
            shape = "skewed" if setting.skewed else "normal"
            numbers = " | ".join(f"{100 * found[name]:.1f}" for name in ("percentile", "parts added", "ours"))
            print(
                f"| {setting.label} | {shape} | {setting.networks} | {metric} | {numbers} | {found['width']:.2f} |",
                flush=True,
            )
    for networks in (3, 5):
        equal = Setting("both", 0.6, 0.2, 0.0, networks=networks, methods=5, gap=0.0)
        first, some = standings(equal, tables, seed=0)
        print(f"five equal methods, {networks} seeds: the first is called worse in {first:.1%}, any in {some:.1%}")


if __name__ == "__main__":
    with threadpool_limits(1):
        main(*map(int, sys.argv[1:]))
