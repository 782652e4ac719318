"""Exact frame-level and video-level metrics, from snippets weighted by their frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.ranking import Floats, Ints, SortedFrames, auc_of_pairs, descending
from benchmark.system.errors import InputError

FALSE_ALARM_THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class ScoredVideos:
    """Snippet scores of a set of videos, with the frames that each snippet stands for.

    Two of them are equal only if they are one object, so that what is counted of one can be kept with it.

    Attributes
    ----------
    scores
        Anomaly scores, (snippets,), finite.
    positive, negative
        Number of abnormal and of normal frames of each snippet, (snippets,).
    video
        Index of the video that each snippet belongs to, (snippets,); every video has at least one snippet.
    labels
        1 for an abnormal video, 0 for a normal one, (videos,).
    classes
        Names of the abnormal classes of each video; a video may belong to several.
    names
        Names of the videos.

    Raises
    ------
    InputError
        If a score is not finite.
    ValueError
        If the arrays do not fit one another.
    """

    scores: Floats
    positive: Ints
    negative: Ints
    video: Ints
    labels: Ints
    classes: tuple[tuple[str, ...], ...]
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        shape = self.scores.shape
        if len(shape) != 1 or any(a.shape != shape for a in (self.positive, self.negative, self.video)):
            raise ValueError("scores, positive, negative and video must be vectors of one length")
        if not len(self.labels) == len(self.classes) == len(self.names):
            raise ValueError("labels, classes and names must have one entry per video")
        known = self.video.min(initial=0) >= 0 and self.video.max(initial=-1) < len(self.names)
        if not known or not np.bincount(self.video, minlength=len(self.names)).all():
            raise ValueError("every snippet must belong to a known video and every video must have a snippet")
        if min(self.positive.min(initial=0), self.negative.min(initial=0)) < 0:
            raise ValueError("frame counts must not be negative")
        broken = self.video[~np.isfinite(self.scores)]
        if broken.size:
            raise InputError(f"{self.names[broken[0]]}: its scores are not finite; lower the method's learning rate")

    def subset(self, videos: NDArray[np.bool_]) -> ScoredVideos:
        """Return the videos where the mask, (videos,), is true, in the same order."""
        kept = np.flatnonzero(videos)
        rows = videos[self.video]
        return ScoredVideos(
            scores=self.scores[rows],
            positive=self.positive[rows],
            negative=self.negative[rows],
            video=np.searchsorted(kept, self.video[rows]),
            labels=self.labels[kept],
            classes=tuple(self.classes[i] for i in kept),
            names=tuple(self.names[i] for i in kept),
        )

    def max_scores(self) -> Floats:
        """Return the highest snippet score of each video, (videos,)."""
        highest = np.full(len(self.names), -np.inf)
        np.maximum.at(highest, self.video, self.scores)
        return highest


def roc_auc(scores: Floats, positive: Ints, negative: Ints) -> float:
    """Area under the ROC curve of the frames: the chance that a positive frame outscores a negative one.

    Parameters
    ----------
    scores
        Score of each row, (rows,).
    positive, negative
        Number of positive and of negative frames of each row, (rows,).

    Returns
    -------
    float
        The area, a tie counting half; nan unless there are frames of both kinds.
    """
    return SortedFrames.sort(scores, positive, negative).points().roc_auc()


def average_precision(scores: Floats, positive: Ints, negative: Ints) -> float:
    """Step-wise average precision of the frames, sum of (R_n - R_(n-1)) P_n; nan without positive frames.

    Parameters
    ----------
    scores
        Score of each row, (rows,).
    positive, negative
        Number of positive and of negative frames of each row, (rows,).
    """
    return SortedFrames.sort(scores, positive, negative).points().average_precision()


def pr_auc_trapezoid(scores: Floats, positive: Ints, negative: Ints) -> float:
    """Trapezoid area under the precision-recall polyline from (0, 1); nan without positive frames.

    This is what most papers on XD-Violence print as AP. It interpolates linearly between operating points,
    which flatters tied scores; `average_precision` does not.

    Parameters
    ----------
    scores
        Score of each row, (rows,).
    positive, negative
        Number of positive and of negative frames of each row, (rows,).
    """
    return SortedFrames.sort(scores, positive, negative).points().pr_auc_trapezoid()


def false_alarm_rate(scores: Floats, negative: Ints, threshold: float = FALSE_ALARM_THRESHOLD) -> float:
    """Share of the negative frames that score at least `threshold`; nan without negative frames.

    Parameters
    ----------
    scores
        Score of each row, (rows,).
    negative
        Number of negative frames of each row, (rows,).
    threshold
        Score from which on a frame raises an alarm.
    """
    total = int(negative.sum())
    return int(negative[scores >= threshold].sum()) / total if total else float("nan")


def max_score_auc(max_scores: Floats, labels: Ints) -> float:
    """Video-level ROC-AUC of the videos' highest scores, (videos,); nan unless both labels occur."""
    return roc_auc(max_scores, labels, 1 - labels)


def video_auc(scored: ScoredVideos) -> float:
    """Video-level ROC-AUC of the maximum score; it needs no frame labels."""
    return max_score_auc(scored.max_scores(), scored.labels)


def base_rate(scored: ScoredVideos) -> float:
    """Share of positive frames: the chance level of the average precision; nan without frames."""
    positive, total = int(scored.positive.sum()), int(scored.positive.sum() + scored.negative.sum())
    return positive / total if total else float("nan")


def frame_metrics(scored: ScoredVideos) -> dict[str, float]:
    """Compute all metrics of a scored set of test videos.

    Returns
    -------
    dict
        ``auc_frame``, ``ap_frame``, ``pr_auc_trapezoid`` over the frames of all videos; ``auc_abnormal`` over
        those of the abnormal videos; ``auc_class/NAME`` over those of the abnormal videos of a class and
        ``auc_class_vs_normal/NAME`` over these and all normal videos; ``false_alarm_rate_0.5`` on the normal
        videos; ``video_auc``. Undefined ones are nan; `benchmark.metrics.undefined` says why.
    """
    order, normal = descending(scored.scores), (scored.labels == 0).take(scored.video)
    frames = _in_order(scored, order)
    points = frames.points()
    return {
        "auc_frame": points.roc_auc(),
        "ap_frame": points.average_precision(),
        "pr_auc_trapezoid": points.pr_auc_trapezoid(),
        "auc_abnormal": frames.rows(np.flatnonzero(~normal.take(order))).points().roc_auc(),
        f"false_alarm_rate_{FALSE_ALARM_THRESHOLD}": false_alarm_rate(scored.scores[normal], scored.negative[normal]),
        "video_auc": video_auc(scored),
        **class_wise_aucs(scored, order),
    }


def class_wise_aucs(scored: ScoredVideos, order: NDArray[np.intp]) -> dict[str, float]:
    """Compute the AUC of each class; normal videos are ranked once, and each class is placed among them.

    Parameters
    ----------
    order
        The snippets in descending order of score, see `benchmark.metrics.ranking.descending`.

    Returns
    -------
    dict
        ``auc_class/NAME`` and ``auc_class_vs_normal/NAME``, see `frame_metrics`.
    """
    frames, video = _in_order(scored, order), scored.video.take(order)
    in_normal = (scored.labels == 0).take(video)
    abnormal = np.flatnonzero(~in_normal)
    abnormal_frames, abnormal_video = frames.rows(abnormal), video.take(abnormal)
    normal = frames.rows(np.flatnonzero(in_normal)).points()
    normal_lost = normal.twice_lost()
    negative_above = frames.twice_above(frames.negative * in_normal).take(abnormal)
    # Positive frames of normal videos are odd, but no error.
    odd = (
        frames.twice_above(frames.positive * in_normal).take(abnormal) if normal.positives else np.zeros_like(abnormal)
    )
    metrics = {}
    for name in sorted({name for classes in scored.classes for name in classes}):
        of_class = np.array([name in classes for classes in scored.classes])
        rows = np.flatnonzero(of_class.take(abnormal_video))
        own = abnormal_frames.rows(rows)
        points = own.points()
        own_lost = points.twice_lost()
        between = int(np.dot(own.positive, negative_above.take(rows)))
        between += int(np.dot(own.negative, 2 * normal.positives - odd.take(rows)))
        metrics[f"auc_class/{name}"] = auc_of_pairs(own_lost, points.positives, points.negatives)
        # Without normal videos there is nothing to set the class against.
        against = points.negatives + normal.negatives if in_normal.any() else 0
        metrics[f"auc_class_vs_normal/{name}"] = auc_of_pairs(
            own_lost + normal_lost + between, points.positives + normal.positives, against
        )
    return metrics


def _in_order(scored: ScoredVideos, order: NDArray[np.intp]) -> SortedFrames:
    return SortedFrames(scored.scores, scored.positive, scored.negative).rows(order)


def test_metrics(scored: ScoredVideos) -> dict[str, float | None]:
    """Return all metrics of scored test videos; None where one is undefined."""
    values = frame_metrics(scored)
    return {name: None if np.isnan(value) else float(value) for name, value in values.items()}
