"""The check that a seed decides a training, and nothing else does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from benchmark.api import Method
from benchmark.plugins.contract.learning import require_training
from benchmark.plugins.contract.probes import ContractError, Sources, generator_states, listed, train
from benchmark.plugins.contract.subject import Subject
from benchmark.system.seeding import seed_everything

CURE = (
    "Draw from PyTorch's, NumPy's or Python's global generator, which the engine seeds, and from nothing else that "
    "changes: no generator of its own, no state of the class or the module, no time."
)


@dataclass(frozen=True)
class _Training:
    """What a training from a seed leaves, and the generators' states after construction and after the steps."""

    initial: dict[str, Any]
    losses: list[float]
    weights: dict[str, Any]
    generators: tuple[dict[str, bytes], dict[str, bytes]]


def check_seed(subject: Subject, sources: Sources) -> None:
    """Two trainings from one seed give the same losses and weights, bit for bit."""
    require_training(subject, sources)
    first, other, again = (_train_from(subject, sources, seed) for seed in (7, 8, 7))
    for when, here, there in zip(("__init__", "training_step"), first.generators, other.generators, strict=True):
        seeded = [name for name in here if here[name] == there[name]]
        if seeded:
            raise ContractError(
                f"{when} seeds {seeded[0]}'s random generator: two different seeds leave it in the same state. "
                "Leave seeding to the engine, or repetitions with other seeds are no repetitions."
            )
    for what, here, there in (
        ("initial weights", first.initial, again.initial),
        ("trained weights", first.weights, again.weights),
    ):
        differing = [name for name in here if name not in there or not _same(here[name], there[name])]
        if differing:
            raise ContractError(f"the same seed gives other {what} ({listed(differing)}). {CURE}")
    if first.losses != again.losses:
        raise ContractError(f"the same seed gives other losses: {first.losses} and then {again.losses}. {CURE}")


def _train_from(subject: Subject, sources: Sources, seed: int) -> _Training:
    method = subject.build(sources, seed)
    initial, built = _state(method), generator_states()
    seed_everything(seed)
    losses = [terms["loss"].item() for terms in train(method, crops=subject.method.fewest_crops)]
    return _Training(initial, losses, _state(method), (built, generator_states()))


def _state(method: Method) -> dict[str, Any]:
    return {name: v.detach().clone() if isinstance(v, Tensor) else v for name, v in method.state_dict().items()}


def _same(first: object, second: object) -> bool:
    if isinstance(first, Tensor) and isinstance(second, Tensor):
        return torch.equal(first, second)
    return True  # what is no tensor is told by the check of saving
