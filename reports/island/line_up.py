"""The numbers of a line-up that a page shows: ranking, classes, curves, what thresholds give, scores of every video."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.alarms import Alarms, Intervals
from benchmark.metrics.events import RATES, alarm_curve
from benchmark.metrics.frame import ScoredVideos
from benchmark.metrics.operating import operating_points
from benchmark.metrics.ranking import Floats
from benchmark.runs.records import AnnotatedEvents
from benchmark.runs.store import RunStore
from benchmark.statistics.class_wise import DEFINITIONS, ClassAuc
from benchmark.tables.compared import class_wise_aucs, read_scores
from benchmark.tables.line_ups import LineUp
from benchmark.tables.projections import draw_snippets, stored_projections
from benchmark.tables.ranking import Ranked
from benchmark.terms import METRIC_NAMES
from reports.figures.detection import pr_points, roc_points
from reports.figures.events import recall_at
from reports.figures.telling import alarm_rates, video_aucs
from reports.island.packing import LEVELS, bytes_of, levels_of, rounded

PLACES = 161
"""Rates at which the share of events met is given."""
MOST_SCORES = 4_000_000
"""Scores of a page, one for each method and snippet; each takes about a byte of it."""

Content = dict[str, Any]
"""What JSON can say."""


def line_up_content(
    line_up: LineUp, ranked: Sequence[Ranked], store: RunStore, most_scores: int = MOST_SCORES
) -> Content | None:
    """Return what the page shows of a line-up's methods, in the order of their ranks; None without any.

    A method is left out if scores of a seed are missing or damaged, which a ranking that was kept does not know.

    Means, intervals and AUCs of classes and videos are over all seeds; curves, thresholds and scores are those of each
    method's first seed, so that a threshold is one of a run that there is.

    Parameters
    ----------
    most_scores
        For how many there is room; above that, the scores of neighbouring snippets are joined.
    """
    seeds = {place.contender: scored for place in ranked if (scored := read_scores(place.contender.seeds, store))}
    if not seeds:
        return None
    firsts = [scored[0] for scored in seeds.values()]
    annotated = store.events(line_up.dataset.test_hash)
    alarms = [Alarms.find(one, annotated.intervals, annotated.fps) for one in firsts] if annotated else []
    return {
        "name": line_up.name,
        "dataset": line_up.dataset.name,
        "metric": METRIC_NAMES[line_up.dataset.metric],
        "methods": [_method(place) for place in ranked if place.contender in seeds],
        **_classes([class_wise_aucs(contender.seeds, store) for contender in seeds]),
        "video_aucs": [rounded(values) for values in video_aucs(seeds).values()],
        "video_alarms": [rounded(values) for values in alarm_rates(seeds).values()],
        **_scores(firsts, {} if annotated is None else annotated.intervals, most_scores),
        "curves": {"roc": _curves(firsts, roc_points), "pr": _curves(firsts, pr_points)},
        "thresholds": [_thresholds(scored, found) for scored, found in zip_longest(firsts, alarms)],
        "events": None if annotated is None else _events(alarms, annotated),
        "t_sne": _projections(line_up, store, firsts[0]),
    }


def _method(place: Ranked) -> Content:
    return {
        "label": place.contender.label,
        "run": place.contender.seeds[0][0],
        "seeds": len(place.contender.seeds),
        "mean": place.mean,
        "low": place.ci_low,
        "high": place.ci_high,
        "standing": place.standing,
    }


def _classes(found: Sequence[Sequence[ClassAuc]]) -> Content:
    """Return the classes and, by definition, method and class, AUC with interval; None where it is undefined."""
    videos = {auc.name: auc.videos for aucs in found for auc in aucs}
    places = [{(auc.definition, auc.name): [auc.mean, auc.ci_low, auc.ci_high] for auc in aucs} for aucs in found]
    return {
        "classes": [{"name": name, "videos": videos[name]} for name in sorted(videos)],
        "class_aucs": {
            definition: [[place.get((definition, name)) for name in sorted(videos)] for place in places]
            for definition in DEFINITIONS
        },
    }


def _scores(firsts: Sequence[ScoredVideos], intervals: Mapping[str, Intervals], most: int) -> Content:
    """Return the test videos and each method's scores as levels, neighbours joined where room is lacking."""
    some = firsts[0]
    joined = -(-len(some.scores) * len(firsts) // most)
    starts = _starts(some, joined)
    frames = np.add.reduceat(some.positive + some.negative, starts)
    lengths = np.bincount(some.video[starts])
    ends = np.cumsum(lengths)
    return {
        "videos": [
            {
                "name": name,
                "classes": list(some.classes[video]),
                "abnormal": bool(some.labels[video]),
                "frames": frames[ends[video] - lengths[video] : ends[video]].tolist(),
                "events": [list(event) for event in intervals.get(name, ())],
            }
            for video, name in enumerate(some.names)
        ],
        "joined": joined,
        "scores": [bytes_of(np.maximum.reduceat(levels_of(scored.scores), starts)) for scored in firsts],
    }


def _starts(some: ScoredVideos, joined: int) -> NDArray[np.intp]:
    """Return where groups of so many neighbouring snippets begin, anew in each video."""
    first = np.searchsorted(some.video, some.video)
    return np.flatnonzero((np.arange(len(some.video)) - first) % joined == 0)


def _curves(
    firsts: Sequence[ScoredVideos], points: Callable[[ScoredVideos], Floats]
) -> list[list[float | None]] | None:
    some = firsts[0]
    if not some.positive.any() or not some.negative.any():
        return None
    return [rounded(points(scored)) for scored in firsts]


def _thresholds(scored: ScoredVideos, alarms: Alarms | None) -> Content:
    """Return what comes of thresholds at each level, from the lowest score to the highest."""
    thresholds = np.linspace(scored.scores.min(), scored.scores.max(), LEVELS)
    points = operating_points(scored, thresholds)
    content: Content = {
        "low": float(thresholds[0]),
        "high": float(thresholds[-1]),
        "recall": rounded(points.true_positive_rate),
        "false_positives": rounded(points.false_positive_rate),
        "precision": rounded(points.precision),
    }
    if alarms is not None and alarms.events and alarms.normal_frames.any():
        rates, met = alarms.at(thresholds)
        content |= {"false_alarms": rounded(rates, 2), "met": rounded(met)}
    return content


def _events(found: Sequence[Alarms], annotated: AnnotatedEvents) -> Content | None:
    """Return the share of events met over false alarms per hour; None without events or time outside them."""
    curves = [curve for alarms in found if (curve := alarm_curve(alarms)) is not None]
    if not curves:
        return None
    one = 1 / found[0].normal_hours
    most = max(float(curve.rates[-1]) for curve in curves)
    rates = np.geomspace(one / 2, max(most, RATES[-1], 2 * one), PLACES)
    return {
        "fps": annotated.fps,
        "assumed": annotated.assumed,
        "count": len(found[0].events),
        "hours": found[0].normal_hours,
        "rates": rounded(rates),
        "met": [rounded(recall_at(curve, rates)) for curve in curves],
    }


def _projections(line_up: LineUp, store: RunStore, some: ScoredVideos) -> Content | None:
    """Return the stored projections, and of which video and frame each point is; None where there are none."""
    stored = stored_projections(line_up, store)
    if len(stored) < 2:
        return None
    chosen = draw_snippets(some.positive > some.negative)
    frames = some.positive + some.negative
    abnormal = tuple((some.positive > some.negative)[chosen].tolist())
    if any(projection.abnormal != abnormal for projection in stored.values()):
        return None
    first = (np.cumsum(frames) - frames)[np.searchsorted(some.video, some.video)]
    return {
        "abnormal": [int(kind) for kind in abnormal],
        "video": some.video[chosen].tolist(),
        "frame": ((np.cumsum(frames) - frames) - first)[chosen].tolist(),
        "panels": [
            {
                "name": name,
                "points": projection.points,
                "neighbour_auc": projection.neighbour_auc,
                "silhouette": projection.silhouette,
            }
            for name, projection in stored.items()
        ],
    }
