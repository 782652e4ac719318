"""Coverage of the intervals of measures of events: python -m tests.coverage.events.

Test sets are those of `tests.coverage.simulate`, with effects of videos, and long enough that one false alarm per hour
is some. The networks of a method are alike for its own interval, which takes them as given; for differences they have
an effect each. The true value is the mean over four times as many test sets, drawn separately; that of a delay the
median.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from threadpoolctl import threadpool_limits

from benchmark.metrics.alarms import Alarms
from benchmark.metrics.events import delay_name, event_metrics, rate_name, recall_name
from benchmark.metrics.frame import ScoredVideos
from benchmark.statistics.events import event_difference, event_number, resample_events
from tests.coverage.simulate import Setting, simulate

TABLES = 300
NETWORKS = 3
STRIDE = 16
FPS = 0.5
"""Nine hours outside events in 100 videos."""
MEASURES = (recall_name(1), recall_name(10), rate_name(0.5), rate_name(0.8), delay_name(10))


def intervals_of(scored: ScoredVideos) -> dict[str, tuple[tuple[int, int], ...]]:
    """Return the event of each abnormal video: the frames of its positive snippets, which are in a row."""
    found = {}
    for number in np.flatnonzero(scored.labels):
        places = np.flatnonzero(scored.positive[scored.video == number])
        if len(places):
            found[scored.names[number]] = ((STRIDE * int(places[0]), STRIDE * (int(places[-1]) + 1)),)
    return found


def alarms_of(methods: Sequence[Sequence[ScoredVideos]]) -> list[list[Alarms]]:
    events = intervals_of(methods[0][0])
    return [[Alarms.find(scored, events, FPS) for scored in seeds] for seeds in methods]


def true_values(setting: Setting, tables: int, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Return each measure of the first method, and its difference to the second, over many test sets."""
    values = defaultdict(list)
    for _ in range(tables):
        one, other = ([event_metrics(alarms) for alarms in seeds] for seeds in alarms_of(simulate(setting, rng)))
        for name in MEASURES:
            means = [np.mean([np.nan if m[name] is None else m[name] for m in of]) for of in (one, other)]
            values[name].append((means[0], means[0] - means[1]))
    centre = {name: np.nanmedian if name.startswith("delay") else np.nanmean for name in MEASURES}
    return {name: tuple(centre[name](values[name], axis=0)) for name in MEASURES}  # type: ignore[misc]


def measure(alone: Setting, compared: Setting, tables: int) -> dict[str, tuple[float, int, float, int]]:
    """Return the coverage of each measure's interval and of that of its difference, each with how many there were."""
    truth = true_values(alone, 4 * tables, np.random.default_rng(1))
    gaps = true_values(compared, 4 * tables, np.random.default_rng(2))
    rng = np.random.default_rng(0)
    held, held_gap = defaultdict(list), defaultdict(list)
    for _ in range(tables):
        methods = simulate(alone, rng)
        (found, _) = resample_events(alarms_of(methods), methods[0][0].labels)
        for name in MEASURES:
            number = event_number(found[name])
            if number.ci_low is not None:
                high = np.inf if number.ci_high is None else number.ci_high
                held[name].append(number.ci_low <= truth[name][0] <= high)
        methods = simulate(compared, rng)
        one, other = resample_events(alarms_of(methods), methods[0][0].labels)
        for name in MEASURES:
            gap = event_difference(one[name], other[name])
            if gap is not None:
                held_gap[name].append(gap.ci_low <= gaps[name][1] <= gap.ci_high)
    return {
        name: (float(np.mean(held[name])), len(held[name]), float(np.mean(held_gap[name])), len(held_gap[name]))
        for name in MEASURES
    }


def main(tables: int = TABLES) -> None:
    print("| measure | difficulty | videos | one method | difference |\n|---|---|---|---|---|")
    for videos in (100, 24):
        for skewed in (False, True):
            alone = Setting("", 0.6, 0.0, 0.0, networks=1, videos=videos, skewed=skewed)
            compared = Setting("", 0.6, 0.2, 0.0, networks=NETWORKS, videos=videos, skewed=skewed)
            for name, (own, given, gap, compared_times) in measure(alone, compared, tables).items():
                shape = "skewed" if skewed else "normal"
                cells = (f"{100 * own:.1f} ({given})", f"{100 * gap:.1f} ({compared_times})")
                print(f"| {name} | {shape} | {videos} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
