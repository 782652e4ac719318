"""Which videos say most about methods: found best and worst, told apart most, and alarms where nothing happens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from benchmark.metrics.frame import FALSE_ALARM_THRESHOLD, ScoredVideos
from benchmark.metrics.ranking import Floats
from benchmark.statistics.bootstrap import FramePairs
from benchmark.system.errors import InputError
from benchmark.tables.line_ups import Contender

Scores = Mapping[Contender, Sequence[ScoredVideos]]


def video_aucs(scores: Scores) -> dict[str, Floats]:
    """Return the AUC of each test video by itself, mean over seeds; nan where its frames are of one kind."""
    return {
        contender.label: np.mean([FramePairs.count(scored).roc_auc_of_each() for scored in seeds], axis=0)
        for contender, seeds in scores.items()
    }


def alarm_rates(scores: Scores) -> dict[str, Floats]:
    """Return the share of each test video's frames that score at least 0.5, mean over seeds."""
    return {c.label: np.mean([_alarms(scored) for scored in seeds], axis=0) for c, seeds in scores.items()}


def telling_videos(scores: Scores) -> dict[str, str]:
    """Choose the videos to show: names and why.

    The best, the median and the worst abnormal video by AUC, mean over methods; the one on which the methods differ
    most; and the two normal videos with the most false alarms. A video may be chosen for several reasons.
    """
    first = next(iter(scores.values()))[0]
    aucs = np.stack(list(video_aucs(scores).values()))
    defined = np.flatnonzero(np.isfinite(aucs).all(axis=0) & (first.labels == 1))
    chosen: dict[int, list[str]] = defaultdict(list)
    if defined.size:
        order = defined[np.argsort(-aucs[:, defined].mean(axis=0), kind="stable")]
        places = {"best found": 0, "median": len(order) // 2, "worst found": -1}
        if len(scores) > 1:
            places["methods differ most"] = int(np.argmax(np.ptp(aucs[:, order], axis=0)))
        for why, place in places.items():
            chosen[int(order[place])].append(why)
    normal = np.flatnonzero(first.labels == 0)
    alarms = np.mean(list(alarm_rates(scores).values()), axis=0)[normal]
    for video in normal[np.argsort(-alarms, kind="stable")][:2]:
        chosen[int(video)].append("normal")
    return {first.names[video]: ", ".join(why) for video, why in chosen.items()}


def named_videos(scores: Scores, names: Sequence[str]) -> dict[str, str]:
    """Return the videos that were asked for.

    Raises
    ------
    InputError
        If one is none of the test videos.
    """
    known = next(iter(scores.values()))[0].names
    for name in names:
        if name not in known:
            raise InputError(f"{name}: none of the test videos; they are called like {known[0]}")
    return dict.fromkeys(names, "")


def _alarms(scored: ScoredVideos) -> Floats:
    frames = scored.positive + scored.negative
    above = np.bincount(scored.video, weights=frames * (scored.scores >= FALSE_ALARM_THRESHOLD))
    return above / np.maximum(np.bincount(scored.video, weights=frames), 1)
