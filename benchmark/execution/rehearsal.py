"""A rehearsal: a recipe at the paper's size on simulated features, to know what the real thing will cost here."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from benchmark.datasets.arrays import NpyWriter
from benchmark.datasets.batches import pair_batches, steps_per_pass
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest, Video, write_manifest
from benchmark.execution.paper_scale import SHAPES, PaperRun, Shape
from benchmark.plugins.pipelines import Pipeline
from benchmark.plugins.sizes import OBJECT_CLASSES
from benchmark.runs.run_spec import RunSpec
from benchmark.system.amounts import Progress
from benchmark.system.process import keep_freed_memory
from benchmark.terms import SNIPPET_FRAMES, Benchmark
from benchmark.training.feature_spec import features_to_train
from benchmark.training.loop import build_method, load_halves, make_ready, train_step
from benchmark.training.optimisation import Optimisation
from benchmark.training.scoring import score_videos

_TEST_VIDEOS, _TEST_SNIPPETS = 4, 240


@dataclass(frozen=True)
class Rehearsal:
    """What was measured.

    Attributes
    ----------
    run
        The run that was rehearsed.
    loading
        Seconds to read and average the training videos.
    steps
        Seconds of each step, the first not counted.
    batches
        Seconds of these that making the batch took.
    scoring
        Seconds per snippet.
    memory
        Peak bytes of the process, and on a GPU those of its memory instead.
    """

    run: PaperRun
    loading: float
    steps: tuple[float, ...]
    batches: float
    scoring: float
    memory: int

    @property
    def step(self) -> float:
        """Median seconds of a step."""
        return float(np.median(self.steps))

    @property
    def rate(self) -> float:
        """Floating-point operations per second of a step."""
        return self.run.step_flops / self.step

    @property
    def seconds(self) -> float:
        """Expected seconds of the whole run: loading, all steps, and all that is scored."""
        return self.loading + self.run.steps * self.step + self.run.scored_snippets * self.scoring

    def expect(self, run: PaperRun) -> float:
        """Return the expected seconds of another run of the paper, at this rate."""
        return self.seconds * run.flops / self.run.flops


def write_simulated(benchmark: Benchmark, segments: int, folder: Path) -> None:
    """Write a dataset of a benchmark's size into an existing folder: training videos as segments, a few test videos.

    The values are noise: they say nothing about any method.
    """
    shape = SHAPES[benchmark]
    videos = list(_videos(shape, segments))
    rows = sum(video.rows for video in videos)
    rng = np.random.default_rng(0)
    noise = rng.gamma(0.5, size=(4 * segments, shape.crops, shape.dim)).astype(np.float16)
    with (
        NpyWriter(folder / "features.npy", (rows, shape.crops, shape.dim), np.float16) as features,
        NpyWriter(folder / "motion.npy", (rows,), np.float32) as motion,
        NpyWriter(folder / "objects.npy", (rows, OBJECT_CLASSES), np.float16) as objects,
    ):
        for video in videos:
            for start in range(0, video.rows, len(noise)):
                features.write(noise[: video.rows - start])
            motion.write(rng.random(video.rows, np.float32))
            objects.write(rng.random((video.rows, OBJECT_CLASSES)).astype(np.float16))
    manifest = Manifest(
        name=folder.name,
        benchmark=benchmark,
        metric="auc_frame",
        feature_set="rehearsal",
        dim=shape.dim,
        crops=shape.crops,
        motion=True,
        object_classes=OBJECT_CLASSES,
        videos=tuple(videos),
        notes=("Noise of a benchmark's size, to measure speed: no result on it means anything.",),
    )
    write_manifest(manifest, folder)


def rehearse(
    pipeline: Pipeline,
    run: PaperRun,
    spec: RunSpec,
    dataset: Dataset,
    device: torch.device,
    steps: int,
    trace: Path | None,
    progress: Progress,
) -> Rehearsal:
    """Train a few steps of a run and score a few videos, as a run does it, with a clock beside.

    Parameters
    ----------
    run, spec
        What the run computes, and its specification for a dataset that `write_simulated` wrote.
    steps
        Number of steps that are measured, after one that is not.
    trace
        File for a trace of the measured steps by `torch.profiler`, to be opened in a browser's trace viewer.
    """
    keep_freed_memory()
    settings, manifest = spec.training, dataset.manifest
    features = features_to_train(spec, dataset)
    model = build_method(spec, pipeline, features).to(device).train()
    started = time.monotonic()
    normal, abnormal = load_halves(spec, dataset, manifest.split("train"), features, device)
    make_ready(model, spec, normal, abnormal)
    _wait(device)
    loading = time.monotonic() - started
    optimisation = Optimisation(model, settings, steps_per_pass(normal, abnormal, settings))
    batches = pair_batches(normal, abnormal, settings, spec.seed, device)
    seconds, of_batches = [], 0.0
    with _traced(trace):
        for step in range(steps + 1):
            before = time.monotonic()
            batch = next(batches)
            made = time.monotonic()
            train_step(model, optimisation, batch, settings.numerics)
            _wait(device)
            if step:
                seconds.append(time.monotonic() - before)
                of_batches += made - before
            progress(step + 1, steps + 1)
    started = time.monotonic()
    test = manifest.split("test")
    score_videos(model, dataset, test, settings, device)
    scoring = (time.monotonic() - started) / sum(video.rows for video in test)
    return Rehearsal(run, loading, tuple(seconds), of_batches / steps, scoring, _peak_memory(device))


def _videos(shape: Shape, segments: int) -> Iterator[Video]:
    first_row = 0
    for label, count in ((0, shape.normal), (1, shape.abnormal)):
        for i in range(count):
            yield Video(
                name=f"train-{label}-{i}",
                split="train",
                label=1 if label else 0,
                classes=("abnormal",) if label else (),
                first_row=first_row,
                rows=segments,
                unit="segments",
                sha256="",
            )
            first_row += segments
    for i in range(_TEST_VIDEOS):
        yield Video(
            name=f"test-{i}",
            split="test",
            label=1 if i % 2 else 0,
            first_row=first_row,
            rows=_TEST_SNIPPETS,
            frames=SNIPPET_FRAMES * _TEST_SNIPPETS,
            intervals=((0, 160),) if i % 2 else (),
            sha256="",
        )
        first_row += _TEST_SNIPPETS


@contextmanager
def _traced(trace: Path | None) -> Iterator[None]:
    with torch.profiler.profile() if trace is not None else nullcontext() as profile:
        yield
    if trace is not None and profile is not None:
        profile.export_chrome_trace(str(trace))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _peak_memory(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
