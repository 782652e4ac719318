"""The field's words, each said once: what can be chosen, by its names, and the settings of a training.

Not in it: anything that does something. A name that only one module says stays there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from benchmark.system.frozen import FrozenModel, Settings

SNIPPET_FRAMES = 16
"""Consecutive frames that one feature vector is of, where a dataset says nothing else."""
MOST_STRIDE = 512
"""More frames than features are extracted from at once."""
MOST_FRAMES = 10**9
"""More than any video has: at 30 frames a second, a year."""
USUAL_FPS = 30.0
"""Frames a second of videos of which nothing is known."""
LEAST_FPS, MOST_FPS = 0.1, 1_000.0
"""From a picture in ten seconds to a high-speed camera."""
SCENES_PREFIX = "scenes-"
"""How the names of the simulated datasets begin."""

MOST_SEGMENTS = 8_192
"""Of a training video; published methods use 32 to 200, and each takes the room of a feature vector of every crop."""
MOST_LOOKS = 10_000
"""At the weights of a training; each scores the test videos."""

PublicBenchmark = Literal["ucf-crime", "xd-violence", "shanghaitech", "avenue"]
Benchmark = Literal[PublicBenchmark, "other"]
"""What a dataset's videos belong to; decides which recipe applies."""
Metric = Literal["auc_frame", "ap_frame"]
"""What a result on a dataset is judged by."""
METRIC_NAMES: Mapping[Metric, str] = {"auc_frame": "AUC", "ap_frame": "AP"}
"""What people call it."""
Split = Literal["train", "test"]
RowUnit = Literal["snippets", "segments"]
"""What a row of features is: a snippet, or a segment of a video that was segmented before it was imported."""
TestTail = Literal["cut", "pad"]
"""A test video's last snippet: cut to its frames, or its last label repeated."""
Layout = Literal["ten-crop", "crop-files", "plain"]
"""How feature files lie on disk."""
PseudoLabel = Literal["motion", "objects"]

VideoTail = Literal["drop", "keep", "loop", "lookahead"]
"""What an extractor does with the last frames where they do not fill a snippet: it leaves them out; or makes a shorter
snippet of them, filled up or seen over again; or leaves out a whole snippet, too, that no frame follows."""
FlowMethod = Literal["dis", "tvl1"]
CropRule = Literal["one", "five", "ten", "ten-in-place", "oversample", "centre-five", "centre-ten"]
ResizeFilter = Literal["pil-bilinear", "pil-bicubic", "pil-lanczos", "cv2-linear", "cv2-area", "float-linear"]
"""How pixels are interpolated: by PIL, by OpenCV, or as tensors are, bilinear and not rounded to whole levels."""
Normalisation = Literal["imagenet", "clip", "lite", "unit", "i3d", "i3d-inception", "kinetics", "c3d"]
"""What an encoder does to colours."""

FigureForm = Literal["pdf", "png", "svg"]
"""What files of a figure can be."""
Profile = Literal["quick", "paper"]
"""How large a training is: for two CPU cores, or as published."""
Selection = Literal["last", "validation", "oracle"]
"""Which weights of a run count."""


def selection_suffix(selection: Selection) -> str:
    """Return what is put behind the name of a file that shows another selection than `last`."""
    return "" if selection == "last" else f"-{selection}"


Numerics = Literal["float32", "tf32", "bf16"]
"""Arithmetic of a training's steps."""
UnitFeatures = Literal["none", "snippets", "segments"]
"""Which features are divided by their L2 norm before anything else."""
Supervision = Literal["weak", "weak-classes", "normal-only", "none"]
"""What a method is told of its training videos: which are abnormal, their classes too, normal ones alone, nothing."""
SUPERVISION_NAMES: Mapping[Supervision, str] = {
    "weak": "video labels",
    "weak-classes": "video labels and the classes of abnormal videos",
    "normal-only": "normal videos only",
    "none": "no labels",
}
"""What people call it."""
SegmentRule = Literal["average", "interpolate", "index", "average-or-pad", "tail"]
"""How a training video's rows become T segments, see `benchmark.datasets.segments`."""
Protocol = Literal["cross", "in-domain"]
"""Where a row's runs are tested: on every dataset, or on the one that they were trained on."""

Measure = Literal["events", "thresholds", "cost"]
"""What tables say beside the primary metric where it is asked for."""
MOST_JOIN = 3_600.0
"""Seconds between two alarms that are taken as one."""

Trouble = Literal["failed", "timeout", "out-of-memory", "skipped"]
"""How a run ends that gives no result: by an error, out of time, out of memory, or untried for a reason."""
Cached = Literal["use", "refresh", "only"]
"""What is done with stored runs: used, trained again, or used while nothing is trained."""
Device = Literal["auto", "cpu", "cuda"]
Tracking = Literal["mlflow", "none"]

Source = Literal["paper", "official-code", "estimate", "search"]
"""Where a recipe's value comes from: what was published, what we think, or a search on held-out training videos."""
Sampler = Literal["random", "tpe"]
"""How a search draws settings: each by itself, or near those that did well before."""
TRIALS, MOST_TRIALS = 20, 1_000
"""Of a search, unless others are chosen, and at most."""
MOST_FOLDS = 100
HELD_OUT = 0.25
"""Share of the training videos that judges a trial or a diagnosed run, unless another is chosen."""


class Schedule(Settings):
    """How the learning rate changes during a training: at milestones, or along a cosine; after a linear rise, if any.

    Attributes
    ----------
    unit
        What is counted, and when the rate changes: steps, or passes over the training videos of the smaller class.
    milestones, factor
        Where the rate is multiplied by the factor; counted from 0.
    period
        Where the cosine reaches zero; at the training's end if None.
    warm_up
        For how long the rate rises to its value.
    """

    shape: Literal["milestones", "cosine"]
    unit: Literal["steps", "passes"]
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = ()
    factor: float = Field(default=0.1, gt=0)
    period: int | None = Field(default=None, ge=1)
    warm_up: int = Field(default=0, ge=0)

    def __str__(self) -> str:
        """Say it in words, as MLflow and other pages for people show it."""
        if self.shape == "cosine":
            text = f"cosine to {'the end' if self.period is None else f'{self.period} {self.unit}'}"
        elif self.milestones:
            text = f"times {self.factor:g} at {', '.join(map(str, self.milestones))} {self.unit}"
        else:
            text = "constant"
        return f"{text}, after a rise over {self.warm_up} {self.unit}" if self.warm_up else text


class Training(Settings):
    """How a run is trained; the defaults serve a method that brings no recipe.

    Attributes
    ----------
    batch_size
        Videos of each class in a batch, at most: a batch shrinks to the videos there are.
    segments
        Segments T that a training video is averaged into.
    crops
        Crops in use, counted from the first; None for all that the dataset has. With ``one-at-random`` a training batch
        holds one crop of each video, drawn anew each time, and all are scored.
    looks
        How many times, evenly spaced, the weights are judged: on held-out training videos for the selection
        `validation`, and on the training dataset's test videos for the selection `oracle`.
    numerics
        Arithmetic of the steps: ``tf32`` uses a GPU's tensor cores for matrix products, ``bf16`` computes forward and
        backward passes in bfloat16 where PyTorch deems it safe. Scores are computed in float32 always.
    unit_features
        What is divided by its L2 norm, ahead of add-ons: in training each row before rows are averaged (``snippets``),
        or each segment after that (``segments``). Where rows are scored one by one, both mean each row.
    segmenting
        How a training video's rows become segments.
    momentum
        Of the optimizers ``sgd`` and ``rmsprop``.
    clip_norm
        L2 norm that the gradient of all parameters together is cut to; None for as it is.
    schedule
        How the learning rate changes; None for not at all.
    mixture
        Whether a batch holds as many normal as abnormal videos, or all videos are drawn alike (``natural``): twice
        `batch_size` of them, with however many of each class. For methods that learn without labels.
    """

    added_later = frozenset({"unit_features", "segmenting", "momentum", "clip_norm", "schedule", "mixture"})

    optimizer: Literal["adam", "adamw", "adagrad", "sgd", "rmsprop"] = "adam"
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=5e-4, ge=0)
    steps: int = Field(default=3000, ge=1, le=100_000_000)
    batch_size: int = Field(default=32, ge=1, le=65_536)
    segments: int = Field(default=32, ge=1, le=MOST_SEGMENTS)
    crops: Annotated[int, Field(ge=1, le=1_000)] | Literal["one-at-random"] | None = None
    looks: int = Field(default=10, ge=0, le=MOST_LOOKS)
    numerics: Numerics = "float32"
    unit_features: UnitFeatures = "none"
    segmenting: SegmentRule = "average"
    momentum: float = Field(default=0.0, ge=0, lt=1)
    clip_norm: float | None = Field(default=None, gt=0)
    schedule: Schedule | None = None
    mixture: Literal["balanced", "natural"] = "balanced"

    @property
    def draws_crops(self) -> bool:
        """Whether a batch holds one crop of each video."""
        return self.crops == "one-at-random"

    def crops_of(self, there: int) -> int:
        """Return how many of a dataset's crops are in use."""
        return min(self.crops, there) if isinstance(self.crops, int) else there


class Range(FrozenModel):
    """The values of a setting that a search draws from: between two numbers, or one of a few.

    Attributes
    ----------
    low, high
        Both belong to it; where both are whole numbers, so is what is drawn.
    log
        Whether each factor is as likely as any other, rather than each difference.
    choices
        The values, where there are but a few.
    """

    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    choices: tuple[bool | int | float | str | None, ...] = ()
    source: Source
    note: str = ""

    @model_validator(mode="after")
    def _has_something_to_choose(self) -> Self:
        if self.choices:
            if (self.low, self.high, self.log) != (None, None, False):
                raise ValueError("choices stand alone; leave low, high and log away")
            if len(set(map(repr, self.choices))) < max(2, len(self.choices)):
                raise ValueError("choices are two or more different values")
        elif self.low is None or self.high is None or not self.low < self.high:
            raise ValueError("write low and high, the lower one first, or choices")
        elif self.log and self.low <= 0:
            raise ValueError("log needs a low above 0")
        return self
