"""The command that shows a trained method new videos."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, open_datasets, out, say, write_files
from benchmark.cli.quantities import between
from benchmark.cli.videos.on_the_way import say_forecast, say_warning
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.prediction.answer import Per, Prediction, Unanswered
    from benchmark.prediction.scorer import AlarmChoice, Scorer

DEFAULT_OUT = Path("predictions")
SHELF = "WVAD_EXTRACTOR_WEIGHTS"
"""Variable that names the folder of extractors' weights."""
TABLE, ANSWERS = "videos.csv", "scores"
"""The file of all videos, and the folder of the answers on each."""


def register(app: typer.Typer) -> None:
    """Add this command to the command line."""
    app.command()(predict)


def predict(
    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|METHOD|FILE.zip", help="Name a stored run by its key or its method, or an exported run."
        ),
    ],
    videos: Annotated[
        list[Path],
        typer.Argument(metavar="VIDEO...", help="Name videos, folders of them or of frames, lists, or feature files."),
    ],
    output: Annotated[Path, typer.Option("--out", help="Write features and answers to this folder.")] = DEFAULT_OUT,
    selection: options.Selection = "last",
    per_hour: Annotated[
        Literal["1", "10", "60"],
        typer.Option(
            help="Choose the threshold that gives this many false alarms per hour on held-out normal training videos."
        ),
    ] = "10",
    threshold: Annotated[
        float | None,
        typer.Option(
            parser=between(0, 1), metavar="SCORE", help="Raise an alarm from this score on, in place of --per-hour."
        ),
    ] = None,
    smooth: Annotated[
        int,
        typer.Option(min=1, max=10_001, help="Smooth scores by a moving mean over this many snippets, an odd number."),
    ] = 1,
    per: Annotated[
        Literal["snippet", "second", "frame"], typer.Option(help="Write a row of an answer for each of these.")
    ] = "snippet",
    video: Annotated[
        bool, typer.Option("--video", help="Write a copy of each video with its scores drawn in.")
    ] = False,
    extractor_weights: Annotated[
        Path | None,
        typer.Option(
            help=f"Load the weights of the run's extractor from this file; by default look in the folder ${SHELF}."
        ),
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help="Build the network of these weights by this function, for features of your own encoder."),
    ] = None,
    mean_cube: Annotated[
        Path | None, typer.Option(help="Subtract this mean, as C3D does; a .binaryproto file.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Use the method's weights in this file in place of a stored run.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Take features and recipe of --weights from this dataset.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            **options.whole("workers"), help="Extract this many videos side by side; by default one per core."
        ),
    ] = None,
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    device: options.Device = "auto",
) -> None:
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
    from benchmark.prediction.scorer import AlarmChoice
    from benchmark.prediction.set_recipe import Tools
    from benchmark.system.files import writing_to

    choice = AlarmChoice(int(per_hour), threshold, smooth)
    given = find_inputs(videos)
    if video and not given.videos:
        raise InputError("--video draws into videos, and only features are given; leave it out")
    scorer = _scorer(run, weights, dataset, choice, selection, data, results, device)
    for sentence in given.said:
        say(sentence)
    say(f"{scorer.name}; features {scorer.features.id}.")
    if given.features and scorer.features.assumed:
        say(f"Seconds are by {scorer.features.fps:g} frames a second, which nobody has stated of the training videos.")
    shelf = os.environ.get(SHELF)
    tools = Tools(extractor_weights, Path(shelf) if shelf else None, architecture, mean_cube)
    found: list[Prediction | Unanswered] = []
    with writing_to(output, "--out"), counting("extracting snippets", err) as progress:
        places = count_places(Resources(workers))
        answers = predict_videos(
            scorer,
            given,
            tools,
            output,
            workers=places,
            expected=say_forecast,
            progress=progress,
            ended=say_warning,
        )
        for answer in answers:
            found.append(answer)
            if isinstance(answer, Prediction):
                _write(answer, scorer, output / ANSWERS, per, video)
            else:
                err.print(f"failed: {answer.video}: {answer.reason}", style="red", soft_wrap=True)
        write_files(output, {TABLE: _table_text(found).encode()}, "--out")
    _show(found, scorer, output)
    if any(not isinstance(answer, Prediction) for answer in found):
        raise typer.Exit(1)


def _scorer(
    run: str,
    weights: Path | None,
    dataset: str | None,
    choice: AlarmChoice,
    selection: terms.Selection,
    data: Path | None,
    results: Path,
    device: terms.Device,
) -> Scorer:
    from benchmark.datasets.catalog import data_root
    from benchmark.prediction.sources import open_scorer, open_weights
    from benchmark.training.choices import choose_device

    place = choose_device(device)
    if weights is None:
        if dataset is not None:
            raise InputError("--dataset is for --weights; a stored run has its own")
        return open_scorer(run, Results(results), data_root(data), choice, selection, place)
    if dataset is None:
        raise InputError("with --weights FILE, name a METHOD and the --dataset whose features the weights are for")
    return open_weights(weights, run, open_datasets([dataset], data)[0], choice, place)


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
