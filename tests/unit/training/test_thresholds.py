"""Thresholds chosen on held-out normal videos, against a count of their alarms one threshold after another."""

import numpy as np
import pytest

from benchmark.datasets.manifest import Video
from benchmark.metrics.events import RATES
from benchmark.training.thresholds import choose_thresholds


def video(name: str, rows: int, frames: int | None) -> Video:
    return Video(name=name, split="train", label=0, first_row=0, rows=rows, frames=frames, sha256="")


@pytest.mark.parametrize("known", [True, False])
def test_a_threshold_keeps_to_its_rate_on_the_videos_that_it_was_chosen_on(known: bool) -> None:
    rng = np.random.default_rng(0)
    rows = (300, 200, 40)
    videos = [video(f"v{i}", n, 16 * n if known else None) for i, n in enumerate(rows)]
    scores = {v.name: rng.random(v.rows).round(2).astype(np.float32) for v in videos}
    fps = 2.0  # 540 snippets of 8 seconds: 1.2 hours
    chosen = choose_thresholds(videos, scores, 16, fps, join=0.0)
    hours = sum(rows) * 16 / fps / 3600
    assert chosen.hours == pytest.approx(hours)
    assert chosen.videos == 3
    for rate in RATES:
        expected = None
        for threshold in sorted({float(s) for values in scores.values() for s in values}, reverse=True):
            count = 0
            for values in scores.values():
                above = values >= np.float32(threshold)
                count += int(above[0]) + int((above[1:] & ~above[:-1]).sum())
            if count > rate * hours:
                break
            expected = threshold
        found = chosen.thresholds[rate]
        assert found is not None
        if expected is None:  # the highest score by itself gives more
            assert found == np.nextafter(max(float(values.max()) for values in scores.values()), np.inf)
        else:
            assert found == expected


def test_videos_that_are_too_short_or_none_give_no_threshold() -> None:
    short = [video("v", 10, 160)]
    chosen = choose_thresholds(short, {"v": np.zeros(10, np.float32)}, 16, 1.0, 0.0)
    assert chosen.thresholds == {1: None, 10: None, 60: 0.0}
    assert set(choose_thresholds([], {}, 16, 1.0, 0.0).thresholds.values()) == {None}
