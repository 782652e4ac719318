"""What the checks show a method: features, batches and a few training steps, none of them from a dataset."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from benchmark.api import Bags, Method, PairBatch

DIM = 48
OBJECT_CLASSES = 5
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


def draw_batch(
    sources: Sources, videos: int = 2, crops: int = 1, length: int = SEGMENTS, seed: int = 0, dim: int = DIM
) -> PairBatch:
    """Draw a training batch that holds the pseudo-labels of `sources` and no others."""

    def half(seed: int) -> Bags:
        generator = torch.Generator().manual_seed(seed)
        motion = torch.rand(videos, length, generator=generator)
        objects = torch.rand(videos, length, OBJECT_CLASSES, generator=generator)
        return Bags(
            features=draw_features(videos, crops, length, seed, dim),
            motion=motion if sources.get("motion", "none") != "none" else None,
            objects=objects if sources.get("objects", "none") != "none" else None,
            video_ids=tuple(f"video-{seed}-{i}" for i in range(videos)),
        )

    return PairBatch(half(2 * seed), half(2 * seed + 1))


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


def train(method: Method, sources: Sources, steps: int = 3, **shape: int) -> list[dict[str, Tensor]]:
    """Take Adam steps on fresh batches; return the loss terms of each step, gradients as the last one left them.

    Raises
    ------
    ContractError
        If loss terms are not what the engine takes.
    NotCheckedError
        If a gradient is not finite, so that the weights after it mean nothing.
    """
    method.train()
    optimizer = make_optimizer(method)
    history = []
    for step in range(steps):
        terms = take_loss_terms(method, draw_batch(sources, seed=step, **shape))
        optimizer.zero_grad()
        terms["loss"].backward()  # type: ignore[no-untyped-call]
        if not all(torch.isfinite(p.grad).all() for p in method.parameters() if p.grad is not None):
            raise NotCheckedError("gradients have to be finite first.")
        optimizer.step()
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
