"""The check that a method learns from no more than it says."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.api import Bags, PairBatch
from benchmark.plugins.contract.learning import require_training
from benchmark.plugins.contract.probes import CLASSES, Change, ContractError, NotCheckedError, Sources, train
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


def _losses(subject: Subject, sources: Sources, change: Change) -> Tensor:
    method = subject.build(sources)
    for module in method.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # a mask would fall on other videos where they are dealt out anew
    seed_everything(0)
    history = train(method, change=change, videos=VIDEOS, crops=subject.method.fewest_crops)
    return torch.stack([terms["loss"] for terms in history])


def _hide(told: Supervision, seed: int) -> Change:
    """Return what draws anew, by a seed, whatever a method must not see in a batch."""

    def change(batch: PairBatch) -> PairBatch:
        generator = torch.Generator().manual_seed(seed)
        normal, abnormal = (len(half.video_ids) for half in (batch.normal, batch.abnormal))
        if told == "weak":
            drawn = torch.eye(len(CLASSES))[torch.randint(1, len(CLASSES), (abnormal,), generator=generator)]
            return PairBatch(batch.normal, replace(batch.abnormal, classes=drawn))
        if told == "normal-only":
            noise: dict[str, Any] = {
                field.name: 2 * torch.rand(value.shape, generator=generator)
                for field in fields(Bags)
                if isinstance(value := getattr(batch.abnormal, field.name), Tensor)
            }
            return PairBatch(batch.normal, replace(batch.abnormal, **noise))
        first = int(torch.randint(1, normal + abnormal, (), generator=generator))
        return _dealt(batch, torch.randperm(normal + abnormal, generator=generator), first)

    return change


def _dealt(batch: PairBatch, order: Tensor, first: int) -> PairBatch:
    """Deal the videos of a batch out to its halves: as many to the first as asked for."""

    def half(places: Tensor) -> Bags:
        taken: dict[str, Any] = {}
        for field in fields(Bags):
            normal, abnormal = getattr(batch.normal, field.name), getattr(batch.abnormal, field.name)
            if isinstance(normal, Tensor):
                taken[field.name] = torch.cat([normal, abnormal])[places]
            elif normal is not None:
                taken[field.name] = tuple((*normal, *abnormal)[place] for place in places.tolist())
        return Bags(**{"motion": None, "objects": None, **taken})

    return PairBatch(half(order[:first]), half(order[first:]))
