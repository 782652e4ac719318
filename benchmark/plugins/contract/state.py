"""Checks of what a method keeps between calls: only what `state_dict` holds, and nothing that scoring changes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.plugins.contract.probes import (
    SEGMENTS,
    ContractError,
    Sources,
    draw_features,
    generator_states,
    listed,
    score,
)
from benchmark.plugins.contract.scores import largest, score_or_wait, score_to_compare
from benchmark.plugins.contract.subject import Subject


def check_argument(subject: Subject, sources: Sources) -> None:
    """Scoring leaves the features as they were."""
    features = draw_features(2, 1, SEGMENTS)
    before = features.clone()
    score(subject.trained(sources), features)
    if not torch.equal(features, before):
        raise ContractError(
            "score() changes its argument. Work on a copy: no operation in place (relu_(), +=, inplace=True) on it."
        )


def check_evaluation(subject: Subject, sources: Sources) -> None:
    """Scoring draws no random numbers, changes no state, and gives the same scores again."""
    method = subject.trained(sources)
    before = {name: v.clone() for name, v in method.state_dict().items() if isinstance(v, Tensor)}
    generators = generator_states()
    first = score_or_wait(method, draw_features(2, 1, SEGMENTS)).clone()
    drawn = [name for name, state in generator_states().items() if state != generators[name]]
    if drawn:
        raise ContractError(
            f"score() draws random numbers from {drawn[0]}'s generator. If that is dropout, it is active in "
            "evaluation: use nn.Dropout, or F.dropout with training=self.training."
        )
    changed = [name for name, v in method.state_dict().items() if name in before and not torch.equal(v, before[name])]
    if changed:
        raise ContractError(
            f"score() changes {listed(changed)}. Update statistics in training_step only: looks at the test set "
            "would change the training."
        )
    if any(module.training for module in method.modules()):
        raise ContractError("score() leaves the method in training mode. The engine sets modes; take train() out.")
    score(method, draw_features(3, 1, 5, seed=1))
    again = score_or_wait(method, draw_features(2, 1, SEGMENTS))
    if not torch.equal(first.nan_to_num(), again.nan_to_num()):
        raise ContractError(
            f"scores depend on what was scored before: the same features got others, by up to "
            f"{largest(first - again):.3g}. Keep nothing from one call of score() to the next."
        )


def check_save_and_load(subject: Subject, sources: Sources) -> None:
    """Weights written as safetensors and read into a fresh method give the same scores, bit for bit."""
    method, fresh = subject.trained(sources), subject.build(sources, seed=99).eval()
    state: Mapping[str, object] = method.state_dict()
    for name, value in state.items():
        if not isinstance(value, Tensor):
            raise ContractError(
                f"state_dict() holds {name}, a {type(value).__name__}; weights are tensors. "
                "Keep it as a tensor with register_buffer(), or drop get_extra_state()."
            )
    with TemporaryDirectory() as folder:
        path = Path(folder) / "weights.safetensors"
        save_file({name: v.clone().contiguous() for name, v in state.items() if isinstance(v, Tensor)}, path)
        read = load_file(path)
    try:
        fresh.load_state_dict(read)
    except RuntimeError as error:
        raise ContractError(
            f"weights do not fit a fresh instance: {' '.join(str(error).split())} "
            "Make all layers and buffers in __init__, in the shape that they keep."
        ) from None
    features = draw_features(2, 1, SEGMENTS)
    here, there = score_to_compare(method, features), score_to_compare(fresh, features)
    if not torch.equal(here.nan_to_num(), there.nan_to_num()):
        raise ContractError(
            f"a fresh instance with the trained weights gives other scores, by up to {largest(here - there):.3g}: "
            "scores depend on something outside state_dict(). Keep it as a parameter or with register_buffer(), "
            "and layers of a list in an nn.ModuleList."
        )
