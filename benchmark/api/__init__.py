"""The contract of a method and of an add-on: all that `methods/` and plug-ins of third parties import.

In it: what a plug-in is told, what it has to give, and adapters that make a method of something else. Not in it: how
the engine does its work.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import torch
from torch import Tensor, nn

from benchmark.system.errors import InputError
from benchmark.system.frozen import Settings
from benchmark.terms import Supervision

__all__ = [
    "AddOn",
    "AddOnConfig",
    "Bags",
    "Diagnostics",
    "FeatureSpec",
    "InputError",
    "Method",
    "MethodConfig",
    "MethodError",
    "PairBatch",
    "TrainingContext",
    "TrainingVideo",
]


class MethodError(RuntimeError):
    """A method broke its contract while it was trained or scored: the run fails with this reason."""


@dataclass(frozen=True)
class FeatureSpec:
    """What a method is told about the features before it is built.

    Attributes
    ----------
    dim
        Size of a snippet's feature vector.
    sources
        Where each pseudo-label that the method asked for in `Method.inputs` comes from in this run, for example
        ``{"motion": "feature-difference", "objects": "given"}``; ``"none"`` means the batch holds no such field.
    object_classes
        Number of object classes, 0 if there are no object scores.
    target
        Benchmark of the videos that a trained method is to score, such as ``"ucf-crime"`` or ``"other"``, where that is
        another one than it was trained on; else None.
    classes
        Names of the classes that training videos are of, ``"normal"`` first; empty where the run has no such labels.
    class_vectors
        A vector for each of `classes`, such as a text encoder's of its name, shape (classes, any); or None. A method
        that scores with them keeps them in a buffer: a stored run is built with zeros of that shape.
    parts
        Sizes of the named parts that a feature vector is made of, in their order; empty where it is one whole.
    patch_grids
        Rows and columns of the grids of frame patches that stand behind the usual crops on their axis, one grid after
        the other, each row by row; empty without them, and of a method that does not take them.
    """

    dim: int
    sources: Mapping[str, str]
    object_classes: int = 0
    target: str | None = None
    classes: tuple[str, ...] = ()
    class_vectors: Tensor | None = None
    parts: Mapping[str, int] = field(default_factory=dict)
    patch_grids: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True)
class Bags:
    """Training bags of one class, normal or abnormal.

    Attributes
    ----------
    features
        Segments, shape (videos, crops, T, dim).
    motion
        Motion intensity in [0, 1], shape (videos, T), shared by the crops; None if the run has none.
    objects
        Object class scores in [0, 1], shape (videos, T, object classes), shared by the crops; or None.
    video_ids
        Names of the videos, in the order of the first axis.
    classes
        1 for each class that a video is of, else 0, shape (videos, classes), see `FeatureSpec.classes`; or None.
    lengths
        How many of a video's T segments are its own, shape (videos,), where zeros fill up the others; None where
        none are filled up.
    """

    features: Tensor
    motion: Tensor | None
    objects: Tensor | None
    video_ids: tuple[str, ...]
    classes: Tensor | None = None
    lengths: Tensor | None = None


@dataclass(frozen=True)
class PairBatch:
    """A training batch: as many normal as abnormal bags, so that row i of one half pairs with row i of the other.

    Of a method that learns without labels, and whose recipe has ``mixture: natural``, the halves differ in size, and
    one may be empty.
    """

    normal: Bags
    abnormal: Bags


@dataclass(frozen=True)
class TrainingContext:
    """What a method is told when its training begins.

    Attributes
    ----------
    steps
        How many steps it will have, so that stages can be shares of them.
    seed
        For random generators of its own; another one for each run.
    """

    steps: int
    seed: int


@dataclass(frozen=True)
class TrainingVideo:
    """A training video in full, as a pass over all of them shows it.

    Attributes
    ----------
    name
        As in `Bags.video_ids`.
    label
        0 of a normal, 1 of an abnormal video.
    features
        All that is stored of it, as a test video is scored: (crops, snippets, dim).
    """

    name: str
    label: int
    features: Tensor


@dataclass(frozen=True)
class Diagnostics:
    """What the parts of a method say of some videos, under the method's own names; any of it may be left out.

    Attributes
    ----------
    scores
        What each head says of each segment, (videos, T) in [0, 1].
    predictions
        Of the pseudo-labels that the method learns from, by the name of the input: ``"motion"`` (videos, T), and
        ``"objects"`` (videos, any number of segments, object classes).
    crossed
        A head's scores where it knows a video as a whole: at (i, j, t) that of segment t of video i with what video j
        gave as a whole, (videos, videos, T) in [0, 1].
    """

    scores: Mapping[str, Tensor] = field(default_factory=dict)
    predictions: Mapping[str, Tensor] = field(default_factory=dict)
    crossed: Mapping[str, Tensor] = field(default_factory=dict)


class MethodConfig(Settings):
    """A method's own settings: frozen, and unknown keys are refused."""


class Method(nn.Module):
    """A trainable detector.

    A subclass sets the class variables it needs, defines `training_step` and `score`, and reads only its arguments:
    the engine owns data, optimiser, steps, seeds and checkpoints. It is constructed after seeding.

    The engine calls `training_step` once for each step, so that statistics of training batches may be state. `score`
    draws random numbers, if any, from a generator of its own with a fixed seed. What a method keeps for single training
    videos, by their `Bags.video_ids`, serves training only: it is named in `training_only` and never scored with.
    """

    title: ClassVar[str] = ""
    """Name in tables, the class name if empty."""

    version: ClassVar[int] = 1
    """Raised by hand whenever the method's numbers change, so that stored runs are not mistaken for it."""

    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What the method uses beside features and video labels, each with the sources it accepts in order of preference.

    Keys are ``"motion"`` (sources ``given``, ``feature-difference``, ``none``), ``"objects"`` (``given``,
    ``soft-kmeans``, ``none``), ``"classes"`` of training videos (``given``, ``none``) and ``"class_vectors"``
    (``given``, ``random``, ``none``), which need classes.
    """

    supervision: ClassVar[Supervision] = "weak"
    """What it learns from: video labels (``weak``), normal videos (``normal-only``), or features alone (``none``).

    A run that is given classes of training videos is ``weak-classes``, whatever stands here.
    """

    parts: ClassVar[tuple[str, ...]] = ()
    """Named parts that a feature vector has to have for this method, see `FeatureSpec.parts`."""

    takes_patches: ClassVar[bool] = False
    """Whether it needs patches of the frame among the crops, see `FeatureSpec.patch_grids`; others never see any."""

    same_without_patches: ClassVar[str] = ""
    """Title of the method that it is without patches, for those whose features have none."""

    fewest_crops: ClassVar[int] = 1
    """How many crops it needs at least."""

    built_in_add_ons: ClassVar[Mapping[str, str]] = {}
    """Add-ons that the method contains already, each with the setting that chooses it: refused in front of it."""

    takes_add_ons: ClassVar[bool] = True
    """Whether an add-on in front of it can be trained with it."""

    training_only: ClassVar[tuple[str, ...]] = ()
    """How the names of weights begin that scoring does not use: weights from elsewhere need not have or fit them."""

    Config: ClassVar[type[MethodConfig]] = MethodConfig

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__()
        self.config = config
        self.features = features

    @classmethod
    def title_for(cls, config: MethodConfig) -> str:
        """Return the name in tables of the method with this configuration; `title` unless overridden."""
        return cls.title or cls.__name__

    @classmethod
    def inputs_for(cls, config: MethodConfig) -> Mapping[str, tuple[str, ...]]:
        """Return those of `inputs` that a run with this configuration uses; all of them unless overridden."""
        return cls.inputs

    @classmethod
    def parts_for(cls, config: MethodConfig) -> tuple[str, ...]:
        """Return those of `parts` that a run with this configuration needs; all of them unless overridden."""
        return cls.parts

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename weights that the method's authors published to the names of this class; as they are by default."""
        return dict(weights)

    def rate_factors(self) -> Mapping[str, float]:
        """Return what the learning rate is multiplied by for some parameters, by how their names begin; none do."""
        return {}

    def begin_training(self, context: TrainingContext) -> None:
        """Optional: make ready for a training; called once, before `prepare`. Does nothing by default."""

    def prepare(self, bags: PairBatch) -> None:
        """Optional: look at all training bags once, before the first step; what is kept are buffers.

        The halves differ in their number of videos. Called without gradients; does nothing by default.
        """

    def training_stages(self) -> Mapping[str, float]:
        """Return the stages of a training in their order, each with its share of the steps; it is one whole by default.

        A method whose stages need no pass over the training videos counts its steps itself, see `begin_training`.
        """
        return {}

    def stage_ended(self, name: str, videos: Iterable[TrainingVideo]) -> None:
        """Optional: called after the last step of each stage but the last one, with all training videos.

        Called as `score` is, in evaluation mode without gradients. Labels that are not to be learned from by
        `supervision` are there all the same.
        """

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return the named loss terms of one batch, scalars.

        ``"loss"`` is what is minimised; by convention the other terms are weighted, so that it is their sum.
        """
        raise TypeError(f"{type(self).__name__} defines no training_step")

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets) in [0, 1], 1 = abnormal.

        Called in evaluation mode without gradients, with any number of crops and any number of snippets from one on.
        """
        raise TypeError(f"{type(self).__name__} defines no score")

    def embed(self, features: Tensor) -> Tensor:
        """Optional: the features behind the scores, (videos, crops, snippets, dim) -> (videos, snippets, any)."""
        raise TypeError(f"{type(self).__name__} defines no embed")

    def diagnostics(self, features: Tensor) -> Diagnostics:
        """Optional: what the parts behind `score` say of segments, (videos, crops, T, dim); nothing by default.

        Called as `score` is, after training, for `wvad diagnose`.
        """
        return Diagnostics()

    @property
    def device(self) -> torch.device:
        """Where the parameters lie."""
        return next(self.parameters()).device


class AddOnConfig(Settings):
    """An add-on's own settings: frozen, and unknown keys are refused."""


class AddOn(nn.Module):
    """A module between the features and a method's first layer, trained with it: (…, T, dim) -> (…, T, dim).

    The engine puts it in front of any method, in training and in scoring; T may differ between calls. It is constructed
    after the method, so that the method's initial weights are those that it has without add-on.
    """

    title: ClassVar[str] = ""
    """Name in tables, the class name if empty."""

    version: ClassVar[int] = 1
    """Raised by hand whenever the add-on's numbers change."""

    Config: ClassVar[type[AddOnConfig]] = AddOnConfig

    def __init__(self, config: AddOnConfig, features: FeatureSpec) -> None:
        super().__init__()
        self.config = config
        self.features = features
