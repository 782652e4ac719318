"""Scoring videos with a trained method: each gets an answer, or a line that says why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.arrays import finite, read_npy
from benchmark.extraction.extract import Extraction
from benchmark.extraction.folder import FEATURES
from benchmark.extraction.one_video import Outcome
from benchmark.extraction.workers.forecast import Forecast
from benchmark.prediction.answer import Prediction, Unanswered
from benchmark.prediction.extracting import extract_like
from benchmark.prediction.inputs import FeatureInput, Inputs, check_identity, check_size, read_features
from benchmark.prediction.pictures import stated_rate
from benchmark.prediction.scorer import Scorer
from benchmark.prediction.set_recipe import Tools
from benchmark.system.amounts import Progress
from benchmark.system.errors import InputError


def predict_videos(
    scorer: Scorer,
    given: Inputs,
    tools: Tools,
    out: Path,
    *,
    workers: int = 1,
    expected: Callable[[Forecast], None] = lambda forecast: None,
    progress: Progress = lambda done, total: None,
    ended: Callable[[Outcome], None] = lambda outcome: None,
) -> Iterator[Prediction | Unanswered]:
    """Score what was given, in the order of names: videos first, which are all extracted before.

    Parameters
    ----------
    out
        Folder for the extracted features.
    expected
        Called with how long the extraction will take.
    progress
        Called with the snippets that are extracted, and all.
    ended
        Called with how the extraction of each video ended.

    Raises
    ------
    InputError
        If nothing can be scored: features are of another set, or videos cannot be extracted as the run's were.
    """
    check_identity(given.stated, scorer.features, scorer.name)
    extraction = None
    if given.videos:
        extraction = extract_like(
            scorer.features,
            given.videos,
            tools,
            out,
            workers=workers,
            expected=expected,
            progress=progress,
            ended=ended,
        )
    return _answers(scorer, given, extraction)


def _answers(scorer: Scorer, given: Inputs, extraction: Extraction | None) -> Iterator[Prediction | Unanswered]:
    if extraction is not None:
        reasons = {outcome.name: outcome.reason for outcome in extraction.outcomes if outcome.reason}
        for name, path in given.videos.items():
            yield Unanswered(name, reasons[name]) if name in reasons else _of_video(scorer, name, path, extraction)
    for each in given.features:
        yield _of_features(scorer, each)


def _of_video(scorer: Scorer, name: str, path: Path, extraction: Extraction) -> Prediction | Unanswered:
    folder = extraction.folder
    file = folder.file(FEATURES, name)
    try:
        stored = read_npy(file)
        check_size(str(file), (stored.shape[1], stored.shape[2]), scorer.features, scorer.name)
        scores = scorer.score(name, finite(stored, np.float16, file))
        rate = _rate_of(extraction) or stated_rate(path) or scorer.features.fps
    except InputError as error:
        return Unanswered(name, str(error))
    edges = _edges(len(scores), scorer.features.stride, folder.frames[name])
    return Prediction(name, path, True, scores, edges, rate, scorer.threshold.value)


def _of_features(scorer: Scorer, given: FeatureInput) -> Prediction | Unanswered:
    wanted = scorer.features
    try:
        scores = scorer.score(given.name, read_features(given, wanted, scorer.name))
    except InputError as error:
        return Unanswered(given.name, str(error))
    edges = _edges(len(scores), wanted.stride, given.frames)
    return Prediction(given.name, given.path, False, scores, edges, wanted.fps, scorer.threshold.value)


def _rate_of(extraction: Extraction) -> float | None:
    """Return the frame rate that all videos were brought to, if they were."""
    recipe = getattr(extraction.folder.settings.features, "recipe", None)
    return recipe.frame_rate if recipe is not None else None


def _edges(rows: int, stride: int, frames: int | None) -> NDArray[np.int64]:
    """Return where snippets begin and the last one ends, in frames: behind the video's last frame is nothing."""
    edges = np.arange(rows + 1, dtype=np.int64) * stride
    if frames is not None and edges[-2] < frames:
        edges[-1] = min(edges[-1], frames)
    return edges
