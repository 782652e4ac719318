"""The command that extracts motion, objects and features from videos."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, say
from benchmark.cli.videos.on_the_way import say_forecast, say_warning
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.extraction.extract import Extraction
    from benchmark.extraction.recipes import Recipe
    from benchmark.extraction.settings import MotionSettings


def extract(
    videos: Annotated[
        Path, typer.Argument(help="Name a folder of videos or of numbered frames, a video, or a list of paths.")
    ],
    out: Annotated[Path, typer.Option(help="Write the results to this folder.")],
    motion: Annotated[
        Literal[terms.FlowMethod, "none"],
        typer.Option(help="Compute motion by this optical flow: dis (fast), tvl1 (the paper's) or none."),
    ] = "dis",
    flow_size: Annotated[str, typer.Option(help="Compute the flow on frames of this size.")] = "160x120",
    objects: Annotated[
        Path | None, typer.Option(help="Find objects by this detector: YOLOv5, YOLOv8 or FastestDet as ONNX.")
    ] = None,
    object_frames: Annotated[
        int, typer.Option(min=1, max=16, help="Show the detector this many frames of each snippet.")
    ] = 4,
    class_names: Annotated[
        Path | None,
        typer.Option(help="Read the names of the detector's classes from this file, one a line; by default COCO's 80."),
    ] = None,
    features: Annotated[
        Path | None, typer.Option(help="Compute features by this encoder: ONNX, or a checkpoint for --architecture.")
    ] = None,
    architecture: Annotated[
        str | None,
        typer.Option(help="Build the checkpoint's network by this function: module:function or file.py:function."),
    ] = None,
    extractor: Annotated[
        str | None, typer.Option(help="Follow the whole recipe of this published extractor, such as i3d-r50-rtfm.")
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Load the extractor's weights from this file, as they are published.")
    ] = None,
    flow: Annotated[terms.FlowMethod | None, typer.Option(help="Show the extractor flow in place of colours.")] = None,
    mean_cube: Annotated[
        Path | None, typer.Option(help="Subtract this mean, as C3D does; a .binaryproto file.")
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", help="Set a part of the extractor's recipe, as PART=VALUE; repeat it for more parts."),
    ] = None,
    feature_frames: Annotated[
        int | None,
        typer.Option(min=1, max=16, help="Show an image encoder this many frames of each snippet; by default 4."),
    ] = None,
    normalise: Annotated[
        terms.Normalisation | None,
        typer.Option(help="Normalise colours like this for the encoder; by default imagenet."),
    ] = None,
    crops: Annotated[
        terms.CropRule | None, typer.Option(help="Take these crops, in this order; by default one.")
    ] = None,
    crop_size: Annotated[
        int | None,
        typer.Option(
            min=16, max=4_096, help="Cut crops of this side in pixels; by default the encoder's own, else 224."
        ),
    ] = None,
    tail: Annotated[
        terms.VideoTail | None,
        typer.Option(help="Treat last frames that do not fill a snippet of 16 like this; by default drop them."),
    ] = None,
    train: Annotated[
        Path | None, typer.Option(help="Scale motion by the training videos that this file names, one a line.")
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            **options.whole("workers"), help="Extract this many videos side by side; by default one per core."
        ),
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Remove the results that are there first.")] = False,
    picture: Annotated[bool, typer.Option("--picture", help="Draw motion and objects of each video as PNG.")] = False,
) -> None:
    """Extract motion, object scores and features from videos, one row per snippet of 16 frames."""
    from benchmark.execution.display import counting
    from benchmark.execution.executors import Resources
    from benchmark.execution.executors.places import count_places
    from benchmark.extraction.extract import extract as run_extraction
    from benchmark.extraction.one_video import Outcome
    from benchmark.extraction.settings import ExtractionRequest
    from benchmark.extraction.videos import find_videos
    from benchmark.system.files import writing_to
    from benchmark.system.text_files import read_lines

    _check_features(
        extractor,
        of_extractors={"--weights": weights, "--flow": flow, "--mean-cube": mean_cube, "--set": settings},
        of_encoders={"--features": features, "--architecture": architecture},
    )
    parts = {"frames": feature_frames, "normalise": normalise, "crops": crops, "tail": tail}
    parts |= {"width": crop_size, "height": crop_size}
    recipe = _recipe(extractor, weights, flow, mean_cube, settings or [], parts) if extractor else None
    request = ExtractionRequest(
        motion=_motion(motion, flow_size),
        objects=objects,
        object_frames=object_frames,
        class_names=tuple(line for _, line in read_lines(class_names)) if class_names else (),
        features=weights if extractor else features,
        architecture=architecture,
        feature_frames=feature_frames or 4,
        normalisation=normalise or "imagenet",
        crops=crops or "one",
        crop_size=crop_size,
        tail=tail or "drop",
        recipe=recipe,
        mean_cube=mean_cube,
    )
    if picture and request.motion is None and objects is None:
        raise InputError("--picture shows motion and objects; ask for one of them, or leave it out")
    found = find_videos(videos)
    for sentence in found.said:
        say(sentence)

    def ended(outcome: Outcome) -> None:
        if outcome.reason:
            err.print(f"failed: {outcome.name}: {outcome.reason}", style="red", soft_wrap=True)
        say_warning(outcome)

    with writing_to(out, "--out"), counting("extracting snippets", err) as progress:
        extraction = run_extraction(
            found.paths,
            request,
            out,
            training=train,
            workers=count_places(Resources(workers)),
            replace=replace,
            expected=lambda forecast: say_forecast(forecast, "--crops one"),
            progress=progress,
            ended=ended,
        )
    if picture:
        _draw(extraction, found.paths)
    _summarise(extraction, out)
    if extraction.failed:
        raise typer.Exit(1)


def _check_features(
    extractor: str | None, of_extractors: Mapping[str, object], of_encoders: Mapping[str, object]
) -> None:
    """Refuse options of a named extractor without one, and those of an encoder beside it."""
    for name, value in (of_encoders if extractor else of_extractors).items():
        if value and extractor:
            raise InputError(f"--extractor {extractor}: has its own network; give --weights in place of {name}")
        if value:
            raise InputError(f"{name}: belongs to a named extractor; name it with --extractor, or leave it out")


def _recipe(
    name: str,
    weights: Path | None,
    flow: terms.FlowMethod | None,
    mean_cube: Path | None,
    settings: list[str],
    parts: Mapping[str, object],
) -> Recipe:
    """Return the recipe of a named extractor with the changes asked for; say what stands in for a missing mean cube."""
    from benchmark.extraction.extractors.libraries import find_extractor
    from benchmark.extraction.recipes import MEAN_CUBE, parse_changes

    published = find_extractor(name, flow, weights)
    changes = {part: value for part, value in parts.items() if value is not None} | parse_changes(settings)
    if published.normalise == MEAN_CUBE and mean_cube is None and "normalise" not in changes:
        say("Without --mean-cube, the mean colours stand in for the mean of each pixel (normalise=c3d).")
        changes["normalise"] = "c3d"
    return published.changed(changes)


def _motion(method: Literal[terms.FlowMethod, "none"], size: str) -> MotionSettings | None:
    from benchmark.extraction.settings import MotionSettings

    sides = re.fullmatch(r"([0-9]{1,5})x([0-9]{1,5})", size)
    if sides is None:
        raise InputError(f"--flow-size {size}: write width and height in pixels, such as 160x120")
    return None if method == "none" else MotionSettings(method=method, width=int(sides[1]), height=int(sides[2]))


def _summarise(extraction: Extraction, out: Path) -> None:
    """Say what was extracted, in what unit motion is, and what to do next."""
    from benchmark.extraction.recipes import ExtractorSettings

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
