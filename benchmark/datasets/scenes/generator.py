"""The generative model of the scenes: abnormal is a relation of context and motion.

A *script* says what happens in a video (contexts, motions, events); a *rendering* is what a backbone and the
pseudo-labellers would see of it. Each video has random streams of its own, so a script can be had without any
rendering.

All numbers were set by what fully supervised classifiers reach and by the controls beside them (`ceilings.py`);
no method of the suite was run for them.
The norm of a feature is left to the random network: it neither marks events nor hides them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.datasets.scenes.domains import CONTEXTS, MOTIONS, Domain
from benchmark.terms import SNIPPET_FRAMES, Split

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SCENES_VERSION = 1
"""Raised whenever a byte of the scenes changes; part of the feature set's id."""
SEED = 1
"""The first for which snippet norm, a video's greatest norm and its length stay within 0.1 of AUC 0.5 everywhere."""

CONTEXT_NAMES = tuple(CONTEXTS)
MOTION_NAMES = tuple(MOTIONS)

DIM = 256
CROPS = 2
OBJECT_CLASSES = 40

EMBEDDING = 16
HIDDEN = 128
MOTION_SNIPPETS = (2, 6)  # length of a motion
EVENT_GAP = 2  # snippets between two events, at least
JITTER_FRAMES = 6  # by how much an annotated interval may miss the borders of an event's snippets

# Standard deviations, the first five in the embedding space, where a context or motion has length 1.
PLACE = 0.45  # of the places that are one context, per video
STYLE = 0.5  # of the ways to do one motion, per video
DRIFT = 0.03  # of the context's random walk, per snippet
MOMENT = 0.65  # of motion and context, per snippet
VIEW = 0.1  # of a crop's view, per video
NOISE = 0.8  # of the features, per snippet and crop
GAIN = 0.15  # of the logarithm of a video's contrast
INTENSITY_NOISE = 0.07
OBJECT_NOISE = 0.05


@dataclass(frozen=True)
class Script:
    """What happens in a video.

    Attributes
    ----------
    name, split, label, classes, frames, intervals
        As in `manifest.Video`, but the intervals are known for training videos too.
    contexts, motions
        Index of each snippet's context in `CONTEXTS` and of its motion in `MOTIONS`, (snippets,).
    abnormal
        Whether the pair is abnormal in the domain, (snippets,).
    """

    name: str
    split: Split
    label: Literal[0, 1]
    classes: tuple[str, ...]
    frames: int
    intervals: tuple[tuple[int, int], ...]
    contexts: Ints
    motions: Ints
    abnormal: NDArray[np.bool_]


@dataclass(frozen=True)
class Rendering:
    """What is seen of a video: features (snippets, crops, dim), motion (snippets,), objects (snippets, 40)."""

    features: NDArray[np.float16]
    motion: NDArray[np.float32]
    objects: NDArray[np.float16]


@dataclass(frozen=True)
class World:
    """What all domains share: embeddings of contexts and motions, the feature network, contexts' objects."""

    contexts: Floats
    motions: Floats
    hidden: Floats
    hidden_bias: Floats
    out: Floats
    objects: Floats

    def features(self, embedding: Floats) -> Floats:
        """Map joint embeddings, (..., 2 x 16), to noise-free features, (..., 256)."""
        hidden = np.maximum(embedding @ self.hidden + self.hidden_bias, 0)
        return np.maximum(hidden @ self.out, 0)


def _stream(*purpose: str) -> np.random.Generator:
    key = "/".join(("scenes", str(SCENES_VERSION), str(SEED), *purpose))
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key.encode()).digest()))


def _directions(rng: np.random.Generator, count: int) -> Floats:
    rows = rng.normal(size=(count, EMBEDDING))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


@cache
def world() -> World:
    """Return the fixed tables and network that every domain is rendered with."""
    rng = _stream("world")
    typical = rng.random((len(CONTEXTS), OBJECT_CLASSES)) < 0.2
    return World(
        contexts=_directions(rng, len(CONTEXTS)),
        motions=_directions(rng, len(MOTIONS)),
        hidden=rng.normal(size=(2 * EMBEDDING, HIDDEN)),
        hidden_bias=rng.normal(scale=0.5, size=HIDDEN),
        out=rng.normal(scale=np.sqrt(2 / HIDDEN), size=(HIDDEN, DIM)),
        objects=np.where(typical, rng.uniform(0.5, 0.95, size=typical.shape), 0.03),
    )


def scripts(domain: Domain) -> Iterator[Script]:
    """Yield the scripts of a domain's videos, in the manifest's order."""
    splits: tuple[tuple[Split, tuple[int, int]], ...] = (("train", domain.train), ("test", domain.test))
    for split, (normal, abnormal) in splits:
        yield from (_script(domain, split, 0, number) for number in range(normal))
        yield from (_script(domain, split, 1, number) for number in range(abnormal))


def _script(domain: Domain, split: Split, label: Literal[0, 1], number: int) -> Script:
    name = f"{split}-{'abnormal' if label else 'normal'}-{number:03d}"
    rng = _stream(domain.name, name, "script")
    # Classes take turns, so that every class has videos in both splits.
    classes = domain.classes()
    event_class = classes[number % len(classes)] if label else None
    snippets = int(rng.integers(domain.snippets[0], domain.snippets[1], endpoint=True))
    frames = SNIPPET_FRAMES * snippets - int(rng.integers(SNIPPET_FRAMES))
    contexts = _contexts(rng, domain, snippets, event_class.context if event_class else None)
    motions = _normal_motions(rng, domain, contexts)
    abnormal = np.zeros(snippets, dtype=np.bool_)
    events: list[tuple[int, int]] = []
    if event_class:
        events = _events(rng, domain, contexts, event_class.context)
        for start, end in events:
            motions[start:end] = MOTION_NAMES.index(event_class.motion)
            abnormal[start:end] = True
    return Script(
        name=name,
        split=split,
        label=label,
        classes=(event_class.name,) if event_class else (),
        frames=frames,
        intervals=tuple(_annotated(rng, event, frames) for event in events),
        contexts=contexts,
        motions=motions,
        abnormal=abnormal,
    )


def _contexts(rng: np.random.Generator, domain: Domain, snippets: int, needed: str | None) -> Ints:
    """Draw the context of each snippet: one for a fixed camera, else shots; a needed one occurs."""
    cuts = np.empty(0, dtype=np.int64)
    if domain.shot_snippets:
        cuts = np.flatnonzero(rng.random(snippets - 1) < 1 / domain.shot_snippets) + 1
    weights = np.array([domain.contexts.get(name, 0.0) for name in CONTEXT_NAMES])
    shots = rng.choice(len(weights), size=cuts.size + 1, p=weights / weights.sum())
    if needed is not None:
        shots[rng.integers(shots.size)] = CONTEXT_NAMES.index(needed)
    return shots[np.searchsorted(cuts, np.arange(snippets), side="right")]


def _normal_motions(rng: np.random.Generator, domain: Domain, contexts: Ints) -> Ints:
    """Draw each snippet's motion from those that are normal in its context; it is kept for a few snippets."""
    motions = np.empty_like(contexts)
    start = 0
    while start < contexts.size:
        end = start + int(rng.integers(*MOTION_SNIPPETS, endpoint=True))
        same_shot = np.cumprod(contexts[start:end] == contexts[start]).sum()
        allowed = domain.normal_motions(CONTEXT_NAMES[contexts[start]])
        weights = np.array([allowed.get(name, 0.0) for name in MOTION_NAMES])
        motions[start : start + same_shot] = rng.choice(len(weights), p=weights / weights.sum())
        start += int(same_shot)
    return motions


def _events(rng: np.random.Generator, domain: Domain, contexts: Ints, needed: str | None) -> list[tuple[int, int]]:
    """Draw where the events are, as [start, end) in snippets: in the needed context and apart."""
    free = np.ones(contexts.size, dtype=np.bool_)
    if needed is not None:
        free = contexts == CONTEXT_NAMES.index(needed)
    events: list[tuple[int, int]] = []
    count = int(rng.integers(1, domain.events, endpoint=True))
    # Events fill a share of the video, whatever its length: long videos must not be the more normal ones.
    length = max(round(rng.uniform(*domain.event_share) * contexts.size / count), 2)
    for _ in range(count):
        borders = np.flatnonzero(np.diff(free, prepend=False, append=False)).reshape(-1, 2)
        if not borders.size:
            break
        stretches = np.diff(borders, axis=1)[:, 0]
        first, end = borders[rng.choice(len(borders), p=stretches / stretches.sum())]
        fitting = min(length, int(end - first))
        start = int(rng.integers(first, end - fitting, endpoint=True))
        events.append((start, start + fitting))
        free[max(start - EVENT_GAP, 0) : start + fitting + EVENT_GAP] = False
    return sorted(events)


def _annotated(rng: np.random.Generator, event: tuple[int, int], frames: int) -> tuple[int, int]:
    """Return the interval that an annotator gives an event: some frames off the borders of its snippets."""
    jitter = rng.integers(-JITTER_FRAMES, JITTER_FRAMES, size=2, endpoint=True)
    start, end = SNIPPET_FRAMES * np.array(event) + jitter
    return int(np.clip(start, 0, frames - 1)), int(min(end, frames))


def render(domain: Domain, script: Script) -> Rendering:
    """Render a script: features, motion intensity and object scores of its snippets."""
    rng = _stream(domain.name, script.name, "rendering")
    return Rendering(
        features=_features(rng, domain, script),
        motion=_intensity(rng, script),
        objects=_object_scores(rng, script),
    )


def _features(rng: np.random.Generator, domain: Domain, script: Script) -> NDArray[np.float16]:
    fixed, snippets = world(), script.motions.size

    def noise(deviation: float, *shape: int) -> Floats:
        return rng.normal(scale=deviation / np.sqrt(EMBEDDING), size=(*shape, EMBEDDING))

    shift = domain.shift * _directions(_stream(domain.name, "shift"), 1)
    context = fixed.contexts[script.contexts] + shift + noise(PLACE, len(CONTEXTS))[script.contexts]
    context += np.cumsum(noise(DRIFT, snippets), axis=0) + noise(MOMENT, snippets)
    motion = fixed.motions[script.motions] + noise(STYLE, len(MOTIONS))[script.motions] + noise(MOMENT, snippets)
    view = rng.normal(scale=VIEW / np.sqrt(EMBEDDING), size=(CROPS, 2 * EMBEDDING))
    clean = fixed.features(np.concatenate([context, motion], axis=1)[:, None, :] + view)
    noisy = clean * np.exp(rng.normal(scale=GAIN)) + rng.normal(scale=NOISE, size=clean.shape)
    # Computed in float64, rounded to float16: how the machine orders the sums of a product leaves no trace.
    rounded: NDArray[np.float16] = noisy.astype(np.float16)
    return rounded


def _intensity(rng: np.random.Generator, script: Script) -> NDArray[np.float32]:
    mean = np.array(list(MOTIONS.values()))[script.motions]
    return np.clip(mean + rng.normal(scale=INTENSITY_NOISE, size=mean.shape), 0, 1).astype(np.float32)


def _object_scores(rng: np.random.Generator, script: Script) -> NDArray[np.float16]:
    chance = world().objects
    confidence = np.where(rng.random(chance.shape) < chance, rng.uniform(0.4, 0.9, size=chance.shape), 0.0)
    scores = confidence[script.contexts]
    return np.clip(scores + rng.normal(scale=OBJECT_NOISE, size=scores.shape), 0, 1).astype(np.float16)
