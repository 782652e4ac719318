"""Predictions as pandas tables, for notebooks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from benchmark.datasets.catalog import data_root
from benchmark.prediction.answer import COLUMNS, Per, Prediction, summary
from benchmark.prediction.inputs import find_inputs
from benchmark.prediction.predict import predict_videos
from benchmark.prediction.scorer import AlarmChoice
from benchmark.prediction.set_recipe import Tools
from benchmark.prediction.sources import open_scorer
from benchmark.runs.results_folder import Results
from benchmark.terms import Device, Selection
from benchmark.training.choices import choose_device


@dataclass(frozen=True)
class Predictions:
    """What a trained method says of videos, as pandas tables.

    Attributes
    ----------
    videos
        A row for each video: its length, highest score and alarms, or the reason why it could not be scored.
    scores
        A row for each snippet, second or frame of each: frames from 0, seconds, score in [0, 1], and whether it is in
        alarm; None where no threshold is known.
    threshold
        What a score has to reach for an alarm, or None.
    threshold_from
        Where it comes from, or why there is none.
    """

    videos: pd.DataFrame
    scores: pd.DataFrame
    threshold: float | None
    threshold_from: str


def predict(
    run: str,
    videos: Sequence[Path | str],
    *,
    selection: Selection = "last",
    per_hour: int = 10,
    threshold: float | None = None,
    smooth: int = 1,
    per: Per = "snippet",
    extractor_weights: Path | str | None = None,
    out: Path | str | None = None,
    workers: int = 1,
    data: Path | str | None = None,
    results: Path | str = "results",
    device: Device = "auto",
) -> Predictions:
    """Score new videos with a trained method, as `wvad predict` does; nothing but features is written.

    Parameters
    ----------
    run
        Key of a stored run or its first digits, a method's name, or an archive of `wvad store export --run`.
    videos
        Videos, folders of them or of frames, lists, or feature files.
    per_hour
        False alarms per hour that the threshold gives on held-out normal training videos: 1, 10 or 60.
    threshold
        Score from which on there is an alarm, in its place.
    smooth
        Snippets that a moving mean is over, odd.
    per
        What a row of the scores is about.
    extractor_weights
        Of the extractor that made the run's features; not needed for feature files.
    out
        Folder that keeps the features of videos, so that they are extracted once; none does by default.

    Raises
    ------
    InputError
        If the run cannot score, or what is given cannot be its features.
    """
    root = data_root(None if data is None else Path(data))
    choice = AlarmChoice(per_hour, threshold, smooth)
    scorer = open_scorer(run, Results(Path(results)), root, choice, selection, choose_device(device))
    given = find_inputs([Path(video) for video in videos])
    tools = Tools(None if extractor_weights is None else Path(extractor_weights))
    with TemporaryDirectory(prefix="wvad-") as scratch:
        folder = Path(scratch) if out is None else Path(out)
        answers = list(predict_videos(scorer, given, tools, folder, workers=workers))
    rows = [
        {"video": answer.video, **dict(zip(COLUMNS, astuple(row), strict=True))}
        for answer in answers
        if isinstance(answer, Prediction)
        for row in answer.rows(per)
    ]
    return Predictions(
        pd.DataFrame([summary(answer) for answer in answers]),
        pd.DataFrame(rows, columns=["video", *COLUMNS]),
        scorer.threshold.value,
        scorer.threshold.said,
    )
