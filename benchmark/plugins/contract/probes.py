"""What the checks show a method: features, batches and a few training steps, none of them from a dataset."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchmark.api import Bags, FeatureSpec, Method, MethodConfig, PairBatch, TrainingContext, TrainingVideo
from benchmark.plugins.assumed import assume_features
from benchmark.plugins.stages import Stages

DIM = 48
OBJECT_CLASSES = 5
CLASSES = ("normal", "fall", "fight")
CLASS_VECTOR_DIM = 20
ALL_VIDEOS = (6, 4)
"""Normal and abnormal ones that a method is shown before the first step."""
SEGMENTS = 32
"""Segments of a batch and snippets of a scored video, where they are not what is checked."""
NAMED = 5
"""How many parameters a message names."""

Sources = Mapping[str, str]


class ContractError(AssertionError):
    """A method breaks the contract; the message says how in sentences, with what was seen and what to do."""


class NotCheckedError(ContractError):
    """A check means nothing as long as another one fails; the message names that one."""


def listed(names: Sequence[str]) -> str:
    """Name a few, and count the rest."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


@contextmanager
def shown(circumstances: str) -> Iterator[None]:
    """Add to any error of the block what the method was shown when it happened."""
    try:
        yield
    except BaseException as error:
        error.add_note(circumstances)
        raise


def draw_features(videos: int, crops: int, length: int, seed: int = 0, dim: int = DIM) -> Tensor:
    """Draw non-negative features as backbones give, with neither a unit scale nor a zero mean."""
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(videos, crops, length, dim, generator=generator).relu()


def tell_features(method: type[Method], config: MethodConfig, sources: Sources, dim: int = DIM) -> FeatureSpec:
    """Return what a method is told of the features that the checks draw."""
    return assume_features(method, config, dim, sources, OBJECT_CLASSES, CLASSES, CLASS_VECTOR_DIM)


def draw_batch(
    method: Method,
    videos: int = 2,
    crops: int = 1,
    length: int = SEGMENTS,
    seed: int = 0,
    padded: bool = False,
) -> PairBatch:
    """Draw a training batch that holds what the method asked for and no more.

    Parameters
    ----------
    padded
        Whether zeros fill up the videos, each but the first to another length.
    """
    told = method.features

    def half(seed: int, abnormal: bool) -> Bags:
        generator = torch.Generator().manual_seed(seed)
        motion = torch.rand(videos, length, generator=generator)
        objects = torch.rand(videos, length, OBJECT_CLASSES, generator=generator)
        features = draw_features(videos, crops, length, seed, told.dim)
        lengths = torch.tensor([max(1, length - 3 * i) for i in range(videos)])
        if padded:
            features *= (torch.arange(length) < lengths[:, None])[:, None, :, None]
        classes = torch.zeros(videos, len(CLASSES))
        classes[torch.arange(videos), 1 + torch.arange(videos) % (len(CLASSES) - 1) if abnormal else 0] = 1
        return Bags(
            features=features,
            motion=motion if told.sources.get("motion", "none") != "none" else None,
            objects=objects if told.sources.get("objects", "none") != "none" else None,
            video_ids=tuple(f"{'abnormal' if abnormal else 'normal'}-{i}" for i in range(videos)),
            classes=classes if told.classes else None,
            lengths=lengths if padded else None,
        )

    return PairBatch(half(2 * seed, False), half(2 * seed + 1, True))


def take_loss_terms(method: Method, batch: PairBatch) -> dict[str, Tensor]:
    """Return the loss terms of a batch, once they are what the engine takes.

    Raises
    ------
    ContractError
        If they are no finite scalars by name, with a loss that has a gradient among them.
    """
    terms: object = method.training_step(batch)
    if not isinstance(terms, dict):
        raise ContractError(
            f"training_step() gave a {type(terms).__name__}. Return a dict of loss terms by name, "
            'such as {"loss": loss}.'
        )
    if "loss" not in terms:
        names = ", ".join(map(str, terms)) or "nothing"
        raise ContractError(f'training_step() gave no "loss", only {names}. Return what is to be minimised as "loss".')
    for name, term in terms.items():
        if not isinstance(term, Tensor):
            raise ContractError(
                f"the loss term {name} is a {type(term).__name__}. Return the tensor itself, not its item()."
            )
        if term.ndim:
            raise ContractError(
                f"the loss term {name} has shape {tuple(term.shape)} and is no scalar. "
                "Reduce it, for example with mean()."
            )
        if not torch.isfinite(term):
            raise ContractError(
                f"the loss term {name} is {term.item()}. Look for a division by 0 or the logarithm of 0."
            )
    if not terms["loss"].requires_grad:
        raise ContractError("the loss has no gradient. Compute it from the parameters, without detach() or no_grad().")
    return terms


Change = Callable[[PairBatch], PairBatch]
"""What is done to bags before a method sees them."""


def make_ready(method: Method, steps: int, change: Change = lambda bags: bags, **shape: Any) -> Callable[[int], None]:
    """Tell a method that its training begins, and show it all bags once: more normal than abnormal ones.

    Returns
    -------
    after
        To be called after each step, counted from 1: it shows the same videos again where a stage ends.
    """
    method.train()
    method.begin_training(TrainingContext(steps, seed=0))
    normal, abnormal = (draw_batch(method, **{**shape, "videos": videos}) for videos in ALL_VIDEOS)
    bags = change(PairBatch(normal.normal, abnormal.abnormal))
    with torch.no_grad():
        method.prepare(bags)
    stages = Stages(method, steps)
    return lambda step: stages.after(step, lambda: _in_full(bags))


def _in_full(bags: PairBatch) -> Iterator[TrainingVideo]:
    for label, half in enumerate((bags.normal, bags.abnormal)):
        for name, features in zip(half.video_ids, half.features, strict=True):
            yield TrainingVideo(name, label, features)


def train(
    method: Method, steps: int = 3, padded: bool = False, change: Change = lambda bags: bags, **shape: Any
) -> list[dict[str, Tensor]]:
    """Take Adam steps on fresh batches; return the loss terms of each step, gradients as the last one left them.

    Raises
    ------
    ContractError
        If loss terms are not what the engine takes.
    NotCheckedError
        If a gradient is not finite, so that the weights after it mean nothing.
    """
    optimizer = make_optimizer(method)
    after = make_ready(method, steps, change, padded=padded, **shape)
    history = []
    for step in range(steps):
        terms = take_loss_terms(method, change(draw_batch(method, seed=step, padded=padded, **shape)))
        optimizer.zero_grad()
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        if not all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None):
            raise NotCheckedError("gradients have to be finite first.")
        optimizer.step()
        after(step + 1)
        history.append({name: term.detach() for name, term in terms.items()})
    return history


def make_optimizer(method: Method) -> torch.optim.Optimizer:
    """Make the optimiser that the checks train with."""
    parameters = list(method.parameters())
    if not parameters:
        raise ContractError(
            "the method has no parameters, so there is nothing to train. "
            "Make layers attributes of it; those in a list go into an nn.ModuleList."
        )
    return torch.optim.Adam(parameters, lr=1e-3, fused=True)


def score(method: Method, features: Tensor) -> Tensor:
    """Score features as the engine does: without gradients."""
    with torch.no_grad():
        return method.score(features)


def generator_states() -> dict[str, bytes]:
    """Return the states of the global random generators, by whose they are."""
    name, keys, position, *_ = np.random.get_state(legacy=True)
    return {
        "PyTorch": torch.get_rng_state().numpy().tobytes(),
        "NumPy": repr((name, np.asarray(keys).tobytes(), position)).encode(),
        "Python": repr(random.getstate()).encode(),
    }
