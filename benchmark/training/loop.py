"""One training: a method, a dataset and a seed become weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmark.api import FeatureSpec, Method, MethodError, PairBatch, TrainingContext, TrainingVideo
from benchmark.datasets.batches import (
    BagSet,
    hold_out,
    load_bags,
    pair_batches,
    place,
    shuffle_labels,
    steps_per_pass,
)
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.input_stage import input_rows
from benchmark.datasets.labels import pair_with_labels
from benchmark.datasets.manifest import Video
from benchmark.datasets.pseudo_labels import pseudo_labels
from benchmark.metrics.frame import test_metrics
from benchmark.plugins.add_ons import assemble
from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.stages import Stages
from benchmark.runs.records import Look
from benchmark.runs.run_spec import RunSpec
from benchmark.system.machine import MemoryPeak
from benchmark.system.process import keep_freed_memory
from benchmark.system.seeding import derive_seed, seed_everything
from benchmark.terms import Numerics, Selection, Training
from benchmark.training.feature_spec import features_to_train
from benchmark.training.notes import notes_on
from benchmark.training.numerics import arithmetic, autocast
from benchmark.training.optimisation import Optimisation
from benchmark.training.scoring import Scores, score_videos, video_level_auc

State = dict[str, Tensor]
Report = Callable[[int, float], None]
"""Called now and then with the step and the loss."""

REPORT_SECONDS = 0.5


@dataclass(frozen=True)
class Trained:
    """What a training leaves: weights by step, the selections among them, losses of every step, notes and costs."""

    weights: Mapping[int, State]
    selected: dict[Selection, int]
    looks: tuple[Look, ...]
    losses: Mapping[str, NDArray[np.float64]]
    features: FeatureSpec
    parameters: int
    notes: tuple[str, ...]
    seconds: float
    peak_memory: int | None


def build_method(spec: RunSpec, pipeline: Pipeline, features: FeatureSpec) -> Method:
    """Construct a run's method after seeding, so that the seed decides its initial weights."""
    method, classes = pipeline.load()
    add_ons = [
        (add_on, add_on.Config.model_validate(described.config))
        for add_on, described in zip(classes, spec.add_ons, strict=True)
    ]
    seed_everything(derive_seed(spec.seed, "initial weights"))
    return assemble(method, method.Config.model_validate(spec.config), add_ons, features)


def train(spec: RunSpec, pipeline: Pipeline, dataset: Dataset, device: torch.device, report: Report) -> Trained:
    """Train one run.

    Raises
    ------
    MethodError
        If the method breaks its contract or its loss is not finite.
    """
    started, peak = time.monotonic(), _watch_memory(device)
    keep_freed_memory()
    settings = spec.training
    features = features_to_train(spec, dataset)
    model = build_method(spec, pipeline, features).to(device)
    videos = dataset.manifest.split("train")
    if spec.shuffled_labels:
        videos = shuffle_labels(videos, spec.seed)
    kept, held_out = hold_out(videos, spec.holdout, spec.seed, spec.fold)
    normal, abnormal = load_halves(spec, dataset, kept, features, device)
    optimisation = Optimisation(model, settings, steps_per_pass(normal, abnormal, settings))
    batches = pair_batches(normal, abnormal, settings, spec.seed, device)
    judge = _Judge(model, dataset, held_out, settings, device, spec.trial)
    losses = LossCurves()
    seed_everything(derive_seed(spec.seed, "training"))
    model.train()
    make_ready(model, spec, normal, abnormal)
    stages = Stages(model, settings.steps)
    judged_at = look_steps(settings.steps, settings.looks)
    last_report = started
    for step, batch in zip(range(1, settings.steps + 1), batches, strict=False):
        terms = train_step(model, optimisation, batch, settings.numerics)
        losses.add(terms)
        stages.after(step, partial(training_videos, dataset, kept, settings, device))
        if step in judged_at:
            losses.curves()
            judge.look(step)
        if time.monotonic() - last_report > REPORT_SECONDS:
            last_report = time.monotonic()
            report(step, float(terms["loss"].detach()))
    judge.keep_last(settings.steps)
    return Trained(
        weights=judge.weights,
        selected=judge.selected,
        looks=tuple(judge.looks),
        losses=losses.curves(),
        features=features,
        parameters=sum(p.numel() for p in model.parameters() if p.requires_grad),
        notes=() if spec.trial else notes_on(model, normal, abnormal, device),
        seconds=time.monotonic() - started,
        peak_memory=peak(),
    )


def _watch_memory(device: torch.device) -> Callable[[], int | None]:
    """Return what will give the peak of memory from now on: that of tensors on a GPU, else of this process."""
    if device.type == "cuda":
        torch.cuda.init()  # type: ignore[no-untyped-call]  # until then there are no statistics to reset
        torch.cuda.reset_peak_memory_stats(device)
        return partial(torch.cuda.max_memory_allocated, device)
    return MemoryPeak().measure


def load_halves(
    spec: RunSpec, dataset: Dataset, videos: Sequence[Video], features: FeatureSpec, device: torch.device
) -> tuple[BagSet, BagSet]:
    """Load the normal and the abnormal bags of a run's training videos, to the device if they fit there."""
    labels = pseudo_labels(dataset, spec.inputs)

    def half(label: int) -> BagSet:
        chosen = [video for video in videos if video.label == label]
        return place(load_bags(dataset, chosen, spec.training, labels, features.classes), device)

    return half(0), half(1)


def training_videos(
    dataset: Dataset, videos: Sequence[Video], settings: Training, device: torch.device
) -> Iterator[TrainingVideo]:
    """Iterate over training videos in full."""
    for video in videos:
        rows = torch.from_numpy(input_rows(dataset.features(video), settings))
        yield TrainingVideo(video.name, video.label, rows.to(device))


def make_ready(model: Method, spec: RunSpec, normal: BagSet, abnormal: BagSet) -> None:
    """Tell a method that its training begins, and show it all training bags once."""
    model.begin_training(TrainingContext(spec.training.steps, derive_seed(spec.seed, "method")))
    with torch.no_grad():
        model.prepare(PairBatch(normal, abnormal))


def train_step(model: Method, optimisation: Optimisation, batch: PairBatch, numerics: Numerics) -> dict[str, Tensor]:
    """Take one step on a batch, and return the loss terms before it."""
    with arithmetic(numerics):
        with autocast(numerics, model.device):
            terms = _loss_terms(model, batch)
        optimisation.step(terms["loss"])
    return terms


def _loss_terms(model: Method, batch: PairBatch) -> dict[str, Tensor]:
    terms = model.training_step(batch)
    if "loss" not in terms:
        raise MethodError('training_step() returned no "loss"')
    for name, value in terms.items():
        if value.ndim != 0:
            raise MethodError(f"training_step() returned {name} of shape {tuple(value.shape)}, expected a scalar")
    return terms


class LossCurves:
    """The loss terms of every step, left on the device until they are looked at."""

    def __init__(self) -> None:
        self._names: tuple[str, ...] = ()
        self._pending: list[Tensor] = []
        self._read: list[NDArray[np.float64]] = []

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Add the terms of a step."""
        self._names = self._names or tuple(terms)
        if tuple(terms) != self._names:
            raise MethodError(f"training_step() returned the terms {tuple(terms)} after {self._names}")
        self._pending.append(torch.stack([value.detach().double() for value in terms.values()]))

    def curves(self) -> dict[str, NDArray[np.float64]]:
        """Return the terms so far, each (steps,); fail at the first step with a value that is not finite."""
        if self._pending:
            self._read.append(torch.stack(self._pending).cpu().numpy())
            self._pending = []
        values = np.concatenate(self._read)
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            step, term = bad[0]
            raise MethodError(f"{self._names[term]} became {values[step, term]} at step {step + 1}")
        return dict(zip(self._names, values.T, strict=True))


class _Judge:
    """Looks at the weights on the way, and keeps those that a selection stands for.

    In a trial it keeps none, and looks at held-out training videos alone.
    """

    def __init__(
        self,
        model: Method,
        dataset: Dataset,
        held_out: Sequence[Video],
        settings: Training,
        device: torch.device,
        trial: bool,
    ) -> None:
        self._model, self._dataset, self._held_out = model, dataset, held_out
        self._settings, self._device, self._trial = settings, device, trial
        self._best: dict[Selection, float] = {}
        self.looks: list[Look] = []
        self.selected: dict[Selection, int] = {}
        self.weights: dict[int, State] = {}

    def look(self, step: int) -> None:
        """Judge the present weights on the held-out videos, if any, and on the test videos, but in a trial."""
        validation = video_level_auc(self._held_out, self._score(self._held_out)) if self._held_out else None
        test = None if self._trial else self._test()
        self.looks.append(Look(step=step, validation=validation, test=test))
        self._keep_if_best("validation", step, validation)
        self._keep_if_best("oracle", step, test)

    def keep_last(self, step: int) -> None:
        """Keep the weights of the last step."""
        self._keep("last", step)

    def _test(self) -> float | None:
        manifest = self._dataset.manifest
        return test_metrics(pair_with_labels(manifest, self._score(manifest.split("test"))))[manifest.metric]

    def _score(self, videos: Sequence[Video]) -> Scores:
        return score_videos(self._model, self._dataset, videos, self._settings, self._device)

    def _keep_if_best(self, selection: Selection, step: int, value: float | None) -> None:
        if value is not None and value > self._best.get(selection, -np.inf):  # a tie keeps the earlier look
            self._best[selection] = value
            self._keep(selection, step)

    def _keep(self, selection: Selection, step: int) -> None:
        if self._trial:
            return
        self.selected[selection] = step
        if step not in self.weights:
            self.weights[step] = {name: t.detach().cpu().clone() for name, t in self._model.state_dict().items()}
        self.weights = {step: self.weights[step] for step in set(self.selected.values())}


def look_steps(steps: int, looks: int) -> set[int]:
    """Return the steps at which the weights are judged: evenly spaced, the last one included."""
    return {max(1, round(steps * i / looks)) for i in range(1, looks + 1)}
