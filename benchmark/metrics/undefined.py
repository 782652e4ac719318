"""What each metric needs of a test set: the one place that says why a metric is undefined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmark.metrics.events import EVENT_MEASURES

NEEDS: Mapping[str, str] = {
    "auc_frame": "both abnormal and normal frames",
    "ap_frame": "abnormal frames",
    "pr_auc_trapezoid": "abnormal frames",
    "auc_abnormal": "both abnormal and normal frames in the abnormal videos",
    "false_alarm_rate_0.5": "normal videos",
    "video_auc": "both abnormal and normal videos",
    "auc_class": "both abnormal and normal frames in the videos of the class",
    "auc_class_vs_normal": "abnormal frames in the videos of the class, and normal videos",
    **EVENT_MEASURES,
}
"""Metrics, class-wise ones without their class, and what a test set must hold for them."""


def undefined(metrics: Mapping[str, float | None]) -> tuple[str, ...]:
    """Return the names of the metrics without a value."""
    return tuple(name for name, value in metrics.items() if value is None)


def why_undefined(names: Iterable[str], dataset: str) -> str:
    """Say in a sentence why metrics are undefined on the test videos of a dataset; empty without any."""
    by_need: dict[str, list[str]] = {}
    for name in names:
        by_need.setdefault(NEEDS[name.partition("/")[0]], []).append(name)
    if not by_need:
        return ""
    needs = "; ".join(
        f"{', '.join(found)} need{'s' if len(found) == 1 else ''} {need}" for need, found in by_need.items()
    )
    return f"undefined on the test videos of {dataset}: {needs}"
