"""Checks of a method's training step."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from benchmark.api import Method, PairBatch
from benchmark.plugins.contract.probes import (
    DIM,
    SEGMENTS,
    ContractError,
    NotCheckedError,
    Sources,
    draw_batch,
    listed,
    make_optimizer,
    make_ready,
    shown,
    take_loss_terms,
    train,
)
from benchmark.plugins.contract.subject import Subject

EXPLODED = 1e6
"""A gradient above this on blank frames comes from a division by almost nothing."""
STEPS = 3
CROPS = (2, 5, 10)
LENGTHS = (1, 7, 16)
"""Numbers of crops and of segments to try, besides the usual ones."""
WAITS = "the loss terms have to be right first."


def check_loss_terms(
    subject: Subject,
    sources: Sources,
    steps: int = STEPS,
    videos: int = 2,
    crops: int = 1,
    length: int = SEGMENTS,
    dim: int = DIM,
    padded: bool = False,
) -> None:
    """Loss terms are named finite scalars, among them the loss, and the same at each step."""
    first: tuple[str, ...] = ()
    crops = max(crops, subject.method.fewest_crops)
    fill = ", filled up with zeros to different lengths" if padded else ""
    with shown(f"in training on features of shape {(videos, crops, length, dim)} in each half{fill}"):
        method = subject.build(sources, dim=dim)
        history = train(method, steps, padded, videos=videos, crops=crops, length=length)
        for step, terms in enumerate(history):
            names = tuple(terms)
            first = first or names
            if names != first:
                raise ContractError(
                    f"the loss terms change: {', '.join(first)} at step 1, {', '.join(names)} at step {step + 1}. "
                    "Return the same names in the same order at every step, and 0 for a term that is out of use."
                )


def check_one_pair(subject: Subject, sources: Sources) -> None:
    """A batch may hold a single normal and a single abnormal video."""
    require_training(subject, sources)
    check_loss_terms(subject, sources, steps=1, videos=1)


def check_training_crops(subject: Subject, sources: Sources) -> None:
    """Training takes any number of crops."""
    require_training(subject, sources)
    for count in CROPS:
        check_loss_terms(subject, sources, steps=1, crops=count)


def check_segments(subject: Subject, sources: Sources) -> None:
    """Training takes any number of segments."""
    require_training(subject, sources)
    for length in LENGTHS:
        check_loss_terms(subject, sources, steps=1, length=length)


def check_padding(subject: Subject, sources: Sources) -> None:
    """Training takes videos that zeros fill up, with their lengths."""
    require_training(subject, sources)
    check_loss_terms(subject, sources, steps=1, videos=3, padded=True)


def check_gradients(
    subject: Subject, sources: Sources, unreached: Collection[str] = (), crops: int = 1, length: int = SEGMENTS
) -> None:
    """Finite gradients reach every parameter within three optimiser steps, but for those named `unreached`."""
    method = subject.build(sources)
    if not list(method.parameters()):
        raise NotCheckedError(WAITS)
    crops = max(crops, subject.method.fewest_crops)
    optimizer = make_optimizer(method)
    after = make_ready(method, STEPS, crops=crops, length=length)
    missing = {name for name, parameter in method.named_parameters() if parameter.requires_grad}
    for step in range(STEPS):
        optimizer.zero_grad()
        batch = draw_batch(method, crops=crops, length=length, seed=step)
        _loss(method, batch).backward()  # type: ignore[no-untyped-call]
        for name, parameter in method.named_parameters():
            if parameter.grad is None:
                continue
            if not torch.isfinite(parameter.grad).all():
                raise ContractError(
                    f"the gradient of {name} is not finite, though the loss is. Look for a square root or a norm of 0, "
                    "a division by 0, or a NaN that torch.where leaves out, and add a small number inside."
                )
            if parameter.grad.any():
                missing.discard(name)
        optimizer.step()
        after(step + 1)
    if missing - set(unreached):
        raise ContractError(
            f"no gradient reaches {listed(sorted(missing - set(unreached)))}. Use it in the loss, stop detaching it, "
            "or make it only where the settings need it."
        )


def check_blank_training(subject: Subject, sources: Sources) -> None:
    """Features of all zeros, as black frames may give, leave loss and gradients finite."""
    method = subject.build(sources)
    crops = subject.method.fewest_crops
    make_ready(method, 1, crops=crops)
    batch = draw_batch(method, crops=crops)
    usual = _gradients(method, _loss(method, batch))
    if not all(torch.isfinite(gradient).all() for gradient in usual.values()):
        raise NotCheckedError("gradients have to be finite first.")
    for half in (batch.normal, batch.abnormal):
        half.features[0] = 0
    with shown("with a video whose features are all zeros, as of black frames"):
        for name, gradient in _gradients(method, take_loss_terms(method, batch)["loss"]).items():
            if not gradient.abs().max() < EXPLODED:
                raise ContractError(
                    f"the gradient of {name} reaches {gradient.abs().max():.3g}. "
                    "Add a small number inside square roots and below fractions."
                )


def require_training(subject: Subject, sources: Sources) -> None:
    """Raise NotCheckedError where the loss terms of the usual batch are broken: nothing else means anything then."""
    try:
        check_loss_terms(subject, sources, steps=1)
    except NotCheckedError:
        raise
    except ContractError:
        raise NotCheckedError(WAITS) from None


def _loss(method: Method, batch: PairBatch) -> Tensor:
    try:
        return take_loss_terms(method, batch)["loss"]
    except ContractError:
        raise NotCheckedError(WAITS) from None


def _gradients(method: Method, loss: Tensor) -> dict[str, Tensor]:
    method.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    return {name: p.grad.clone() for name, p in method.named_parameters() if p.grad is not None}
