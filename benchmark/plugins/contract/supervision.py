"""The check that a method learns from no more than it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor

from benchmark.api import Bags, PairBatch
from benchmark.plugins.contract.learning import require_training
from benchmark.plugins.contract.probes import ContractError, NotCheckedError, Sources, train
from benchmark.plugins.contract.subject import Subject
from benchmark.system.seeding import seed_everything
from benchmark.terms import Supervision

VIDEOS = 4
HIDDEN = {
    "weak": "classes of the videos, though it does not ask for them in `inputs`",
    "normal-only": "abnormal videos",
    "none": "which videos are abnormal",
}
"""What a method of each supervision must not learn from."""


def check_supervision(subject: Subject, sources: Sources) -> None:
    """What a method must not see by its `supervision` can be changed, and its training stays the same."""
    told = subject.method.supervision
    if told == "weak-classes" and "classes" not in subject.method.inputs:
        raise ContractError('supervision is weak-classes, but inputs has no "classes". Ask for them there.')
    if told not in HIDDEN or sources.get("classes", "none") != "none":
        return
    require_training(subject, sources)
    first, again, other = (_losses(subject, sources, _hide(told, seed)) for seed in (1, 1, 2))
    if not torch.equal(first, again):
        raise NotCheckedError("the same seed has to give the same losses first.")
    if not torch.allclose(first, other, rtol=1e-4, atol=1e-6):
        raise ContractError(
            f"supervision is {told}, but training depends on {HIDDEN[told]}: the losses are {first.tolist()}, and "
            f"{other.tolist()} when those are others. Declare what it learns from, or do not read it."
        )


def _losses(subject: Subject, sources: Sources, change: Callable[[PairBatch], PairBatch]) -> Tensor:
    method = subject.build(sources)
    seed_everything(0)
    history = train(method, change=change, videos=VIDEOS, crops=subject.method.fewest_crops)
    return torch.stack([terms["loss"] for terms in history])


def _hide(told: Supervision, seed: int) -> Callable[[PairBatch], PairBatch]:
    """Return what draws anew, by a seed, whatever a method must not see in a batch."""

    def change(batch: PairBatch) -> PairBatch:
        generator = torch.Generator().manual_seed(seed)
        if told == "weak":
            drawn = torch.eye(3)[torch.randint(1, 3, (VIDEOS,), generator=generator)]
            return PairBatch(batch.normal, replace(batch.abnormal, classes=drawn))
        if told == "normal-only":
            noise = 2 * torch.rand(batch.abnormal.features.shape, generator=generator)
            return PairBatch(batch.normal, replace(batch.abnormal, features=noise))
        return _dealt(batch, torch.randperm(2 * VIDEOS, generator=generator))

    return change


def _dealt(batch: PairBatch, order: Tensor) -> PairBatch:
    """Deal the videos of a batch out to its halves."""

    def half(places: Tensor) -> Bags:
        taken: dict[str, Any] = {}
        for field in fields(Bags):
            normal, abnormal = getattr(batch.normal, field.name), getattr(batch.abnormal, field.name)
            if isinstance(normal, Tensor):
                taken[field.name] = torch.cat([normal, abnormal])[places]
            elif normal is not None:
                taken[field.name] = tuple((*normal, *abnormal)[place] for place in places.tolist())
        return Bags(**{"motion": None, "objects": None, **taken})

    return PairBatch(half(order[:VIDEOS]), half(order[VIDEOS:]))
