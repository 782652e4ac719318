"""What every method must do, as plain functions; each raises AssertionError where it does not.

They take whatever makes a method from its features: a class, which then has its default settings, or a function, for
other settings and for add-ons in front of it.
"""

from collections.abc import Callable, Collection, Mapping
from itertools import product
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.add_ons import WithAddOns
from benchmark.api import Bags, FeatureSpec, Method, MethodConfig, PairBatch

DIM = 48
OBJECT_CLASSES = 5

Sources = Mapping[str, str]
Make = type[Method] | Callable[[FeatureSpec], Method]


def accepted_sources(method_class: type[Method], config: MethodConfig | None = None) -> list[dict[str, str]]:
    """Every combination of the sources that a method accepts for the pseudo-labels it asks for at its settings."""
    inputs = method_class.inputs_for(config or method_class.Config())
    return [dict(zip(inputs, choice, strict=True)) for choice in product(*inputs.values())]


def build(make: Make, sources: Sources, seed: int = 0, dim: int = DIM) -> Method:
    """A method as the engine makes it: after seeding."""
    torch.manual_seed(seed)
    classes = OBJECT_CLASSES if sources.get("objects", "none") != "none" else 0
    features = FeatureSpec(dim, sources, classes)
    return make(make.Config(), features) if isinstance(make, type) else make(features)


def draw_features(videos: int, crops: int, length: int, seed: int = 0, dim: int = DIM) -> Tensor:
    """Non-negative features as backbones give, with neither a unit scale nor a zero mean."""
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(videos, crops, length, dim, generator=generator).relu()


def draw_batch(sources: Sources, videos: int = 2, crops: int = 1, length: int = 16, seed: int = 0) -> PairBatch:
    """A training batch that holds the pseudo-labels of `sources` and no others."""

    def half(seed: int) -> Bags:
        generator = torch.Generator().manual_seed(seed)
        motion = torch.rand(videos, length, generator=generator)
        objects = torch.rand(videos, length, OBJECT_CLASSES, generator=generator)
        return Bags(
            features=draw_features(videos, crops, length, seed),
            motion=motion if sources.get("motion", "none") != "none" else None,
            objects=objects if sources.get("objects", "none") != "none" else None,
            video_ids=tuple(f"video-{seed}-{i}" for i in range(videos)),
        )

    return PairBatch(half(2 * seed), half(2 * seed + 1))


def train(method: Method, sources: Sources, steps: int = 3, **shape: int) -> list[dict[str, Tensor]]:
    """Take Adam steps on fresh batches; return the loss terms of each step, gradients as the last one left them."""
    method.train()
    optimizer = torch.optim.Adam(method.parameters(), lr=1e-3)
    history = []
    for step in range(steps):
        terms = method.training_step(draw_batch(sources, seed=step, **shape))
        optimizer.zero_grad()
        terms["loss"].backward()
        optimizer.step()
        history.append({name: term.detach() for name, term in terms.items()})
    return history


def trained(make: Make, sources: Sources) -> Method:
    """A method whose statistics and weights are no longer the initial ones, in evaluation mode."""
    method = build(make, sources)
    train(method, sources)
    return method.eval()


def check_training(make: Make, sources: Sources, crops: int, length: int, videos: int = 2) -> None:
    """Loss terms are named finite scalars, among them the loss, whatever the number of crops and segments."""
    method = build(make, sources)
    for terms in train(method, sources, videos=videos, crops=crops, length=length):
        assert "loss" in terms
        for name, term in terms.items():
            assert term.shape == (), f"{name} is no scalar"
            assert torch.isfinite(term), f"{name} is {term}"


def check_gradients(make: Make, sources: Sources, unreached: Collection[str] = (), **shape: int) -> None:
    """Finite gradients reach every parameter within three optimiser steps, but for those named `unreached`."""
    method = build(make, sources).train()
    optimizer = torch.optim.Adam(method.parameters(), lr=1e-3)
    missing = dict(method.named_parameters())
    for step in range(3):
        optimizer.zero_grad()
        method.training_step(draw_batch(sources, seed=step, **shape))["loss"].backward()
        for name, parameter in method.named_parameters():
            if parameter.grad is not None:
                assert torch.isfinite(parameter.grad).all(), f"gradient of {name} is not finite"
                if parameter.grad.any():
                    missing.pop(name, None)
        optimizer.step()
    assert missing.keys() == set(unreached), f"no gradient reaches {', '.join(missing) or 'none but all'}"


def check_blank_video(make: Make, sources: Sources) -> None:
    """Features of all zeros, as black frames may give, leave loss, gradients and scores finite."""
    method, batch = build(make, sources), draw_batch(sources)
    for half in (batch.normal, batch.abnormal):
        half.features[0] = 0
    method.training_step(batch)["loss"].backward()
    for name, parameter in method.named_parameters():
        assert parameter.grad is None or parameter.grad.abs().max() < 1e6, f"gradient of {name} explodes"
    with torch.no_grad():
        check_are_scores(method.eval().score(torch.zeros(1, 2, 9, DIM)), 1, 9)


def check_are_scores(scores: Tensor, videos: int, snippets: int) -> None:
    """One finite score in [0, 1] per video and snippet."""
    assert scores.shape == (videos, snippets)
    assert torch.isfinite(scores).all()
    assert scores.min() >= 0
    assert scores.max() <= 1


def check_scores(method: Method, crops: int, snippets: int) -> None:
    """Scores of any number of crops and snippets; the features are left as they were."""
    features = draw_features(2, crops, snippets)
    before = features.clone()
    with torch.no_grad():
        check_are_scores(method.score(features), 2, snippets)
    assert torch.equal(features, before), "score changes its argument"


def check_feature_size(make: Make, sources: Sources, dim: int) -> None:
    """The method fits features of any size."""
    method = build(make, sources, dim=dim).eval()
    with torch.no_grad():
        check_are_scores(method.score(draw_features(2, 2, 5, dim=dim)), 2, 5)


def check_same_seed_same_bits(make: Make, sources: Sources) -> None:
    """Two trainings from one seed give the same losses and weights, bit for bit, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        methods = [build(make, sources, seed=7) for _ in range(2)]
        losses = []
        for method in methods:
            torch.manual_seed(11)
            losses.append([terms["loss"].item() for terms in train(method, sources)])
    finally:
        torch.set_num_threads(threads)
    assert losses[0] == losses[1]
    for (name, first), second in zip(methods[0].state_dict().items(), methods[1].state_dict().values(), strict=True):
        assert torch.equal(first, second), f"{name} differs"


def check_save_and_load(make: Make, sources: Sources, folder: Path) -> None:
    """Weights written as safetensors and read into a fresh method give the same scores, bit for bit."""
    method, fresh = trained(make, sources), build(make, sources, seed=99).eval()
    save_file(method.state_dict(), folder / "weights.safetensors")
    fresh.load_state_dict(load_file(folder / "weights.safetensors"))
    features = draw_features(2, 2, 20)
    with torch.no_grad():
        assert torch.equal(method.score(features), fresh.score(features))


def check_crop_order(method: Method) -> None:
    """The order of the crops does not matter."""
    features = draw_features(2, 5, 20)
    with torch.no_grad():
        torch.testing.assert_close(
            method.score(features), method.score(features[:, [3, 1, 4, 0, 2]]), rtol=1e-4, atol=1e-5
        )


def check_videos_do_not_mix(method: Method) -> None:
    """A video scored alone gets the scores it gets in a batch."""
    features = draw_features(4, 2, 20)
    with torch.no_grad():
        alone = torch.cat([method.score(video[None]) for video in features])
        torch.testing.assert_close(method.score(features), alone, rtol=1e-4, atol=1e-5)


def check_evaluation_is_pure(method: Method) -> None:
    """Scoring draws no random numbers and changes no parameter or statistic."""
    features = draw_features(2, 2, 20)
    before = {name: value.clone() for name, value in method.state_dict().items()}
    random_state = torch.get_rng_state()
    with torch.no_grad():
        first = method.score(features)
        method.score(draw_features(3, 1, 5, seed=1))
        assert torch.equal(method.score(features), first), "scores depend on what was scored before"
    assert torch.equal(torch.get_rng_state(), random_state), "score draws random numbers"
    for name, value in method.state_dict().items():
        assert torch.equal(value, before[name]), f"score changes {name}"


def check_embedding(method: Method) -> None:
    """An embedding, where there is one, has a finite vector per video and snippet."""
    inner = method.method if isinstance(method, WithAddOns) else method
    if type(inner).embed is Method.embed:
        return
    with torch.no_grad():
        embedded = method.embed(draw_features(2, 5, 20))
    assert embedded.shape[:2] == (2, 20)
    assert embedded.ndim == 3
    assert torch.isfinite(embedded).all()
