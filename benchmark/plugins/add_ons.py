"""A method with add-ons in front of it is a method again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn

from benchmark.api import (
    AddOn,
    AddOnConfig,
    Diagnostics,
    FeatureSpec,
    Method,
    MethodConfig,
    MethodError,
    PairBatch,
    TrainingContext,
    TrainingVideo,
)


class WithAddOns(Method):
    """Passes features through add-ons, in their order, and on to a method; trained as one."""

    def __init__(self, method: Method, add_ons: Sequence[AddOn]) -> None:
        super().__init__(method.config, method.features)
        self.method = method
        self.add_ons = nn.ModuleList(add_ons)
        self.training_only = tuple(f"method.{prefix}" for prefix in method.training_only)  # type: ignore[misc]

    def rate_factors(self) -> Mapping[str, float]:
        """Return the method's factors, under the names that its parameters have here."""
        return {f"method.{prefix}": factor for prefix, factor in self.method.rate_factors().items()}

    def begin_training(self, context: TrainingContext) -> None:
        """Tell the method that its training begins."""
        self.method.begin_training(context)

    def prepare(self, bags: PairBatch) -> None:
        """Show the method what untrained add-ons make of the training bags, one video at a time."""
        if type(self.method).prepare is Method.prepare:
            return
        training = self.training
        self.eval()
        passed = [
            replace(half, features=torch.cat([self._pass(video[None].to(self.device)) for video in half.features]))
            for half in (bags.normal, bags.abnormal)
        ]
        self.train(training)
        self.method.prepare(PairBatch(*passed))

    def training_stages(self) -> Mapping[str, float]:
        """Return the method's stages."""
        return self.method.training_stages()

    def stage_ended(self, name: str, videos: Iterable[TrainingVideo]) -> None:
        """Show the method what the add-ons make of the training videos."""
        passed = (replace(video, features=self._pass(video.features[None])[0]) for video in videos)
        self.method.stage_ended(name, passed)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return the method's loss terms of a batch; both halves pass the add-ons together."""
        both = self._pass(torch.cat([batch.normal.features, batch.abnormal.features]))
        normal, abnormal = torch.split(both, [len(batch.normal.features), len(batch.abnormal.features)])
        return self.method.training_step(
            PairBatch(replace(batch.normal, features=normal), replace(batch.abnormal, features=abnormal))
        )

    def score(self, features: Tensor) -> Tensor:
        """Score snippets as the method does."""
        return self.method.score(self._pass(features))

    def embed(self, features: Tensor) -> Tensor:
        """Return the method's embedding."""
        return self.method.embed(self._pass(features))

    def diagnostics(self, features: Tensor) -> Diagnostics:
        """Return what the method's parts say."""
        return self.method.diagnostics(self._pass(features))

    def _pass(self, features: Tensor) -> Tensor:
        shape = features.shape
        for add_on in self.add_ons:
            features = add_on(features)
            if features.shape != shape:
                name = type(add_on).__name__
                raise MethodError(f"add-on {name} turned shape {tuple(shape)} into {tuple(features.shape)}")
        return features


def assemble(
    method: type[Method],
    config: MethodConfig,
    add_ons: Sequence[tuple[type[AddOn], AddOnConfig]],
    features: FeatureSpec,
) -> Method:
    """Construct a method and then its add-ons, so that the method's initial weights are those without them."""
    built = method(config, features)
    return WithAddOns(built, [add_on(settings, features) for add_on, settings in add_ons]) if add_ons else built
