"""The options of the command that predicts, and what they ask for."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from benchmark.cli import options
from benchmark.cli.common import open_datasets
from benchmark.cli.quantities import between
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.prediction.scorer import Scorer
    from benchmark.prediction.set_recipe import Tools

DEFAULT_OUT = Path("predictions")
SHELF = "WVAD_EXTRACTOR_WEIGHTS"
"""Variable that names the folder of extractors' weights."""


@dataclass(frozen=True)
class PredictionOptions:
    """What `wvad predict` is called with; each field is an option or an argument."""

    run: Annotated[
        str,
        typer.Argument(
            metavar="RUN|METHOD|FILE.zip", help="Name a stored run by its key or its method, or an exported run."
        ),
    ]
    videos: tuple[Path, ...]
    output: Annotated[Path, typer.Option("--out", help="Write features and answers to this folder.")] = DEFAULT_OUT
    selection: options.Selection = "last"
    per_hour: Annotated[
        Literal["1", "10", "60"],
        typer.Option(
            help="Choose the threshold that gives this many false alarms per hour on held-out normal training videos."
        ),
    ] = "10"
    threshold: Annotated[
        float | None,
        typer.Option(
            parser=between(0, 1), metavar="SCORE", help="Raise an alarm from this score on, in place of --per-hour."
        ),
    ] = None
    smooth: Annotated[
        int,
        typer.Option(min=1, max=10_001, help="Smooth scores by a moving mean over this many snippets, an odd number."),
    ] = 1
    per: Annotated[
        Literal["snippet", "second", "frame"], typer.Option(help="Write a row of an answer for each of these.")
    ] = "snippet"
    video: Annotated[bool, typer.Option("--video", help="Write a copy of each video with its scores drawn in.")] = False
    extractor_weights: Annotated[
        Path | None,
        typer.Option(
            help=f"Load the weights of the run's extractor from this file; by default look in the folder ${SHELF}."
        ),
    ] = None
    architecture: Annotated[
        str | None,
        typer.Option(help="Build the network of these weights by this function, for features of your own encoder."),
    ] = None
    mean_cube: Annotated[Path | None, typer.Option(help="Subtract this mean, as C3D does; a .binaryproto file.")] = None
    weights: Annotated[
        Path | None, typer.Option(help="Use the method's weights in this file in place of a stored run.")
    ] = None
    dataset: Annotated[str | None, typer.Option(help="Take features and recipe of --weights from this dataset.")] = None
    workers: Annotated[
        int | None,
        typer.Option(
            **options.whole("workers"), help="Extract this many videos side by side; by default one per core."
        ),
    ] = None
    data: options.Data = None
    results: options.ResultsFolder = options.DEFAULT_RESULTS
    device: options.Device = "auto"

    def scorer(self) -> Scorer:
        """Open what scores.

        Raises
        ------
        InputError
            If there is no such run, its features are not known, or weights and a dataset are not given together.
        """
        from benchmark.datasets.catalog import data_root
        from benchmark.prediction.scorer import AlarmChoice
        from benchmark.prediction.sources import open_scorer, open_weights
        from benchmark.training.choices import choose_device

        choice, place = AlarmChoice(int(self.per_hour), self.threshold, self.smooth), choose_device(self.device)
        if self.weights is None:
            if self.dataset is not None:
                raise InputError("--dataset is for --weights; a stored run has its own")
            return open_scorer(self.run, Results(self.results), data_root(self.data), choice, self.selection, place)
        if self.dataset is None:
            raise InputError("with --weights FILE, name a METHOD and the --dataset whose features the weights are for")
        return open_weights(self.weights, self.run, open_datasets([self.dataset], self.data)[0], choice, place)

    def tools(self) -> Tools:
        """Return what extracts features: files of weights, and the folder that they are looked for in."""
        from benchmark.prediction.set_recipe import Tools

        shelf = os.environ.get(SHELF)
        return Tools(self.extractor_weights, Path(shelf) if shelf else None, self.architecture, self.mean_cube)


SEVERAL: Mapping[str, Any] = {
    "videos": Annotated[
        list[Path],
        typer.Argument(metavar="VIDEO...", help="Name videos, folders of them or of frames, lists, or feature files."),
    ],
}
"""A field that may be given several times -> how it is written on the command line."""
