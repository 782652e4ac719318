"""The command that shows a trained method new videos."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmark.cli.common import err, out, say, write_files
from benchmark.cli.records import takes
from benchmark.cli.videos.on_the_way import say_forecast, say_warning
from benchmark.cli.videos.prediction_options import SEVERAL, PredictionOptions
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.prediction.answer import Per, Prediction, Unanswered
    from benchmark.prediction.scorer import Scorer

TABLE, ANSWERS = "videos.csv", "scores"
"""The file of all videos, and the folder of the answers on each."""


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(predict)


@takes(PredictionOptions, SEVERAL)
def predict(asked: PredictionOptions) -> None:
    """Score new videos with a trained method: scores over time, alarms, and a picture of each.

    Videos are extracted as the run's training videos were. The threshold is chosen on normal training videos that the
    run held out (--holdout).
    """
    from benchmark.execution.display import counting
    from benchmark.execution.executors import Resources
    from benchmark.execution.executors.places import count_places
    from benchmark.prediction.answer import Prediction
    from benchmark.prediction.inputs import find_inputs
    from benchmark.prediction.predict import predict_videos
    from benchmark.system.files import writing_to

    given = find_inputs(asked.videos)
    if asked.video and not given.videos:
        raise InputError("--video draws into videos, and only features are given; leave it out")
    scorer = asked.scorer()
    for sentence in given.said:
        say(sentence)
    say(f"{scorer.name}; features {scorer.features.id}.")
    if given.features and scorer.features.assumed:
        say(f"Seconds are by {scorer.features.fps:g} frames a second, which nobody has stated of the training videos.")
    output = asked.output
    found: list[Prediction | Unanswered] = []
    with writing_to(output, "--out"), counting("extracting snippets", err) as progress:
        answers = predict_videos(
            scorer,
            given,
            asked.tools(),
            output,
            workers=count_places(Resources(asked.workers)),
            expected=say_forecast,
            progress=progress,
            ended=say_warning,
        )
        for answer in answers:
            found.append(answer)
            if isinstance(answer, Prediction):
                _write(answer, scorer, output / ANSWERS, asked.per, asked.video)
            else:
                err.print(f"failed: {answer.video}: {answer.reason}", style="red", soft_wrap=True)
        write_files(output, {TABLE: _table_text(found).encode()}, "--out")
    _show(found, scorer, output)
    if any(not isinstance(answer, Prediction) for answer in found):
        raise typer.Exit(1)


def _write(prediction: Prediction, scorer: Scorer, folder: Path, per: Per, video: bool) -> None:
    from benchmark.prediction.answer import csv_text, json_text
    from benchmark.prediction.pictures import key_frames, rate_of, timed_frames
    from reports.figures.clip import write_clip
    from reports.figures.prediction import Peak, draw_prediction, title_of
    from reports.figures.style import render

    seen = key_frames(prediction) if prediction.has_pictures else {}
    peaks = [
        Peak(
            prediction.second_of(place),
            float(prediction.scores[place]),
            seen[place][:, :, ::-1] if place in seen else None,
        )
        for place in prediction.peaks()
    ]
    picture = render(
        lambda: draw_prediction(
            title_of(prediction.video, scorer.name),
            prediction.scores,
            prediction.edges / prediction.fps,
            prediction.alarms,
            prediction.threshold,
            peaks,
        ),
        ["png"],
    )
    name = prediction.video
    files = {
        f"{name}.csv": csv_text(prediction, per).encode(),
        f"{name}.json": json_text(prediction, per, scorer.about()).encode(),
        f"{name}.png": picture.contents["png"],
    }
    write_files(folder, files, "--out")
    if video and prediction.has_pictures:
        scored = ((second, prediction.score_at(second), frame) for second, frame in timed_frames(prediction))
        unfinished = folder / f".{name}.mp4"
        try:
            write_clip(unfinished, scored, rate_of(prediction), prediction.threshold)
            unfinished.replace(folder / f"{name}.mp4")
        finally:
            unfinished.unlink(missing_ok=True)


def _table_text(found: Sequence[Prediction | Unanswered]) -> str:
    from benchmark.prediction.answer import summary

    with io.StringIO(newline="") as file:
        rows = [summary(answer) for answer in found]
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return file.getvalue()


def _show(found: Sequence[Prediction | Unanswered], scorer: Scorer, folder: Path) -> None:
    from rich.table import Table

    from benchmark.prediction.answer import Prediction
    from reports.figures.prediction import clock

    answered = [answer for answer in found if isinstance(answer, Prediction)]
    if not answered:
        say(f"No video could be scored; {folder / TABLE} says why.")
        return
    grid = Table("video", "length", "highest score", "at", "alarms", "in alarm")
    for one in answered:
        peak = int(one.scores.argmax())
        alarms = ["–", "–"] if one.threshold is None else [str(len(one.alarms)), clock(one.alarmed_seconds)]
        grid.add_row(one.video, clock(one.seconds), f"{one.scores[peak]:.3f}", clock(one.second_of(peak)), *alarms)
    out.print(grid)
    threshold = scorer.threshold
    value = "No threshold" if threshold.value is None else f"Threshold {threshold.value:.4g}"
    say(f"{value}: {threshold.said}.")
    say(f"Written: {folder / TABLE}, and of each video .csv, .json and .png in {folder / ANSWERS}")
