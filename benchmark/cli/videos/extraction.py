"""The command that extracts motion, objects and features from videos."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from benchmark.cli.common import err, say
from benchmark.cli.records import takes
from benchmark.cli.videos.extraction_options import SEVERAL, ExtractionOptions
from benchmark.cli.videos.on_the_way import say_forecast, say_warning

if TYPE_CHECKING:
    from benchmark.extraction.extract import Extraction
    from benchmark.extraction.one_video import Outcome


@takes(ExtractionOptions, SEVERAL)
def extract(asked: ExtractionOptions) -> None:
    """Extract motion, object scores and features from videos, one row per snippet of 16 frames."""
    from benchmark.execution.display import counting
    from benchmark.execution.executors import Resources
    from benchmark.execution.executors.places import count_places
    from benchmark.extraction.extract import extract as run_extraction
    from benchmark.extraction.videos import find_videos
    from benchmark.system.files import writing_to

    request = asked.request()
    found = find_videos(asked.videos)
    for sentence in found.said:
        say(sentence)
    with writing_to(asked.out, "--out"), counting("extracting snippets", err) as progress:
        extraction = run_extraction(
            found.paths,
            request,
            asked.out,
            training=asked.train,
            workers=count_places(Resources(asked.workers)),
            replace=asked.replace,
            expected=lambda forecast: say_forecast(forecast, "--crops one"),
            progress=progress,
            ended=_say_ended,
        )
    if asked.picture:
        _draw(extraction, found.paths)
    _summarise(extraction, asked.out)
    if extraction.failed:
        raise typer.Exit(1)


def _say_ended(outcome: Outcome) -> None:
    if outcome.reason:
        err.print(f"failed: {outcome.name}: {outcome.reason}", style="red", soft_wrap=True)
    say_warning(outcome)


def _summarise(extraction: Extraction, out: Path) -> None:
    """Say what was extracted, in what unit motion is, and what to do next."""
    from benchmark.extraction.recipe import ExtractorSettings

    done = [outcome for outcome in extraction.outcomes if not outcome.reason]
    snippets, frames = sum(outcome.snippets for outcome in done), sum(outcome.frames for outcome in done)
    parts = [f"{len(done)} videos extracted, {snippets} snippets, {frames} frames"]
    parts += [f"{extraction.finished_before} finished before"] if extraction.finished_before else []
    parts += [f"{extraction.failed} failed"] if extraction.failed else []
    say(f"{', '.join(parts)}; in {out}")
    settings = extraction.folder.settings
    if scale := extraction.motion_scale:
        say(
            f"Motion is divided by {scale.pixels_per_frame:.4g} pixels per frame, the {scale.percentile:.0f}th "
            f"percentile of the snippets of {scale.training_videos} training videos, and clipped to [0, 1]."
        )
    elif extraction.looks_scaled:
        say(
            "Motion is in pixels per frame and nowhere above 1, so an import would take it for scaled already: "
            "run the same command with --train LIST, the names of the training videos."
        )
    elif settings.motion:
        say(
            "Motion is in pixels per frame. An import scales it by its training videos if it exceeds 1 in one of them, "
            "and takes it for scaled already if not: --train LIST, with their names, scales it here."
        )
    if isinstance(settings.features, ExtractorSettings) and settings.features.recipe.changes:
        extractor, changes = settings.features.recipe.extractor, ", ".join(settings.features.recipe.changes)
        say(f"These are not the features of {extractor} as published, but a set of their own: {changes}.")
    rates = {round(outcome.rate, 2) for outcome in done if outcome.rate > 0}
    if isinstance(settings.features, ExtractorSettings) and len(rates) > 1 and not settings.features.recipe.frame_rate:
        say(
            f"The videos have {min(rates):g} to {max(rates):g} frames per second, and are taken as they decode; "
            "published features are mostly of videos at 30: --set frame_rate=30 brings all to one."
        )
    if settings.features:
        say(f"Import them with: wvad data import NAME --features {out / 'features'} --annotations PATH")


def _draw(extraction: Extraction, videos: Iterable[str]) -> None:
    from benchmark.datasets.arrays import read_npy
    from benchmark.execution.display import counting
    from benchmark.extraction.folder import MOTION, OBJECTS, PICTURES
    from benchmark.system.files import replacing, writing_to
    from reports.figures.extraction import draw_extraction
    from reports.figures.style import render

    folder, settings = extraction.folder, extraction.folder.settings
    shown = [name for name in videos if folder.is_finished(name)]
    pictures = folder.path / PICTURES
    names = settings.objects.names if settings.objects else ()
    with writing_to(pictures, "--out"), counting("drawing", err) as progress:
        pictures.mkdir(exist_ok=True)
        for done, name in enumerate(shown, start=1):
            motion = read_npy(folder.file(MOTION, name)) if settings.motion else None
            objects = read_npy(folder.file(OBJECTS, name)) if settings.objects else None
            drawn = render(
                lambda name=name, motion=motion, objects=objects: draw_extraction(  # type: ignore[misc]
                    name, motion, objects, names, scaled=extraction.motion_scale is not None
                ),
                ["png"],
            )
            with replacing(pictures / f"{name}.png") as file:
                file.write(drawn.contents["png"])
            progress(done, len(shown))
