"""Methods that break the contract, each in one way; all else of them is right."""

import copy
import random
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import field_validator
from torch import Tensor, nn

from benchmark.api import Diagnostics, FeatureSpec, Method, MethodConfig, PairBatch
from benchmark.terms import Supervision


class Right(Method):
    """Breaks nothing."""

    class Config(MethodConfig):
        hidden: int = 8

    config: Config
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"motion": ("given", "none")}

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.hidden = nn.Linear(features.dim, config.hidden)
        self.output = nn.Linear(config.hidden, 1)
        self.dropout = nn.Dropout(0.1)

    def logits(self, features: Tensor) -> Tensor:
        return self.output(self.dropout(torch.tanh(self.hidden(features)))).squeeze(-1).mean(1)

    def score(self, features: Tensor) -> Tensor:
        return self.logits(features).sigmoid()

    def embed(self, features: Tensor) -> Tensor:
        return torch.tanh(self.hidden(features)).mean(1)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        normal, abnormal = self.logits(batch.normal.features), self.logits(batch.abnormal.features)
        terms = {"normal": F.softplus(normal).mean(), "abnormal": F.softplus(-abnormal).mean()}
        return {"loss": terms["normal"] + terms["abnormal"], **terms}


# Declarations


class FieldWithoutDefault(Right):
    class Config(MethodConfig):
        hidden: int


class FieldThatCannotBeSent(Right):
    class Config(MethodConfig):
        hidden: int = 8
        activation: Any = torch.tanh


class FieldThatChanges(Right):
    class Config(MethodConfig):
        hidden: int = 8

        @field_validator("hidden")
        @classmethod
        def _double(cls, value: int) -> int:
            return 2 * value


class UnknownInput(Right):
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"flow": ("given",)}


class UnknownSource(Right):
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"motion": ("given", "optical-flow")}


class VectorsWithoutClasses(Right):
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"class_vectors": ("given", "none")}


class SourceAsText(Right):
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {"motion": "none"}  # type: ignore[dict-item]


# Loss terms


class NoDict(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return super().training_step(batch)["loss"]  # type: ignore[return-value]


class NoLoss(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return {"total": super().training_step(batch)["loss"]}


class TermNoScalar(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return {**super().training_step(batch), "normal": self.score(batch.normal.features)}


class TermNoTensor(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        terms = super().training_step(batch)
        return {**terms, "normal": terms["normal"].item()}  # type: ignore[dict-item]


class TermNotFinite(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return {**super().training_step(batch), "normal": torch.zeros(()).log()}


class DetachedLoss(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return {name: term.detach() for name, term in super().training_step(batch).items()}


class TermsThatChange(Right):
    steps = 0

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        self.steps += 1
        terms = super().training_step(batch)
        return {**terms, "late": terms["loss"]} if self.steps > 1 else terms


class OneSourceBreaks(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        weight = batch.normal.motion.mean()  # type: ignore[union-attr]
        terms = super().training_step(batch)
        return {**terms, "weight": weight}


class WrongSizeOfFeatures(Right):
    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.hidden = nn.Linear(1024, config.hidden)

    embed = Method.embed


class NoTrainingStep(Right):
    training_step = Method.training_step


# Gradients


class NoParameters(Right):
    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        Method.__init__(self, config, features)
        self.layers = [nn.Linear(features.dim, 1)]

    def logits(self, features: Tensor) -> Tensor:
        return self.layers[0](features).squeeze(-1).mean(1)

    embed = Method.embed


class UnusedParameter(Right):
    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.unused = nn.Linear(3, 3)


class GradientNotFinite(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        terms = super().training_step(batch)
        return {"loss": terms["loss"] + (self.output.bias * 0).sqrt().sum()}


class GradientOfBlankFrames(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        terms = super().training_step(batch)
        pooled = self.hidden.weight * batch.normal.features.mean((1, 2))[:, None]
        return {"loss": terms["loss"] + 1e-3 * pooled.square().sum(-1).sqrt().mean()}


# What it learns from


class NormalOnly(Right):
    """Breaks nothing: it learns from normal videos, though it may look at the others' number."""

    supervision: ClassVar[Supervision] = "normal-only"

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        assert len(batch.abnormal.video_ids) == len(batch.normal.video_ids)
        return {"loss": F.softplus(self.logits(batch.normal.features)).mean()}


class Unsupervised(Right):
    """Breaks nothing: it learns from all videos alike, with dropout."""

    supervision: ClassVar[Supervision] = "none"

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        logits = self.logits(torch.cat([batch.normal.features, batch.abnormal.features]))
        return {"loss": logits.square().mean()}


class WithClasses(Right):
    """Breaks nothing: it asks for classes and for a vector of each."""

    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "classes": ("given", "none"),
        "class_vectors": ("given", "random", "none"),
    }
    supervision: ClassVar[Supervision] = "weak-classes"

    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        if features.class_vectors is not None:
            self.register_buffer("vectors", features.class_vectors)
            self.match = nn.Linear(features.dim, features.class_vectors.shape[1])

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        terms = super().training_step(batch)
        if self.features.class_vectors is None:
            return terms
        both = (batch.normal, batch.abnormal)
        logits = self.match(torch.cat([half.features.mean((1, 2)) for half in both])) @ self.get_buffer("vectors").T
        classes = torch.cat([half.classes for half in both if half.classes is not None])
        terms["classes"] = F.cross_entropy(logits, classes)
        return {**terms, "loss": terms["loss"] + terms["classes"]}


class NormalOnlyReadsAbnormal(Right):
    supervision: ClassVar[Supervision] = "normal-only"


class NormalOnlyPreparesByAbnormal(NormalOnly):
    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.register_buffer("centre", torch.zeros(features.dim))

    def prepare(self, bags: PairBatch) -> None:
        self.get_buffer("centre").copy_(bags.abnormal.features.mean((0, 1, 2)))

    def logits(self, features: Tensor) -> Tensor:
        return super().logits(features - self.get_buffer("centre"))


class UnsupervisedReadsHalf(Unsupervised):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        return Right.training_step(self, batch)


class ClassesUnasked(Right):
    supervision: ClassVar[Supervision] = "weak-classes"


class ReadsClassesUnasked(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        terms = super().training_step(batch)
        if batch.abnormal.classes is not None:
            weights = 1 + batch.abnormal.classes[:, 1]
            terms["loss"] = (
                terms["loss"] + (weights[:, None] * F.softplus(-self.logits(batch.abnormal.features))).mean()
            )
        return terms


# Numbers that a batch or a video may have


class BatchOfTwo(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        F.batch_norm(batch.normal.features.mean((1, 2)), None, None, training=True)
        return super().training_step(batch)


class OneCropInTraining(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        videos, _, length, dim = batch.normal.features.shape
        batch.normal.features.view(videos, length, dim)
        return super().training_step(batch)


class OneCrop(Right):
    def score(self, features: Tensor) -> Tensor:
        return self.output(torch.tanh(self.hidden(features))).sigmoid().squeeze(-1).squeeze(1)


class FixedSegments(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        self.logits(batch.normal.features).topk(8, dim=1)
        return super().training_step(batch)


class LengthsInVain(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        terms = super().training_step(batch)
        if batch.normal.lengths is not None:
            own = torch.arange(batch.normal.features.shape[2]) < batch.normal.lengths  # lacks an axis
            terms["loss"] = terms["loss"] + (self.logits(batch.normal.features) * own).mean()
        return terms


class FixedSnippets(Right):
    def score(self, features: Tensor) -> Tensor:
        scores = super().score(features)
        return scores - 0 * scores.unfold(1, 3, 1).mean((1, 2))[:, None]


class LongVideos(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features[:, :, :256])


class FeatureSizeOfEight(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        batch.normal.features.unflatten(-1, (8, -1))
        return super().training_step(batch)


# Scores


class CropsLeft(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features)[:, None]


class AxisLeft(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features)[..., None]


class SnippetLost(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features)[:, 1:]


class ScoreOfAnotherKind(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features).numpy()  # type: ignore[return-value]


class NotANumber(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features) * torch.nan


class OutOfRange(Right):
    def score(self, features: Tensor) -> Tensor:
        return self.logits(features) - 3


class BlankNotANumber(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features / features.amax((1, 2, 3), keepdim=True))


class Crash(Right):
    def score(self, features: Tensor) -> Tensor:
        return {}["scores"]


class Exits(Right):
    def score(self, features: Tensor) -> Tensor:
        raise SystemExit(3)


class FirstCrop(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(features[:, :1])


class MixedVideos(Right):
    def score(self, features: Tensor) -> Tensor:
        return (self.logits(features) - self.logits(features).mean()).sigmoid()


class EmbeddingWithCrops(Right):
    def embed(self, features: Tensor) -> Tensor:
        return features


class EmbeddingNotFinite(Right):
    def embed(self, features: Tensor) -> Tensor:
        return features.mean(1).log()


class EmbeddingNoTensor(Right):
    def embed(self, features: Tensor) -> Tensor:
        return (features,)  # type: ignore[return-value]


class DiagnosticsWithCrops(Right):
    def diagnostics(self, features: Tensor) -> Diagnostics:
        return Diagnostics({"part": torch.sigmoid(self.hidden(features)).mean(-1)})


class DiagnosticsNoTensors(Right):
    def diagnostics(self, features: Tensor) -> Diagnostics:
        return {"part": self.score(features)}  # type: ignore[return-value]


# Seeds


GENERATOR = torch.Generator().manual_seed(0)


class OwnGenerator(Right):
    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        nn.init.normal_(self.hidden.weight, generator=GENERATOR)


class UnseededNumpy(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        noise = float(np.random.default_rng().random())
        terms = super().training_step(batch)
        return {"loss": terms["loss"] + noise * self.output.bias.sum()}


class GlobalState(Right):
    made = 0

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        type(self).made += 1
        terms = super().training_step(batch)
        return {"loss": terms["loss"] / self.made}


class SeedsItself(Right):
    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        torch.manual_seed(0)
        super().__init__(config, features)


class SeedsPythonInTraining(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        random.seed(0)
        return super().training_step(batch)


# State


class DropoutInEvaluation(Right):
    def score(self, features: Tensor) -> Tensor:
        return super().score(F.dropout(features))


class Statistics(Right):
    def __init__(self, config: Right.Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.register_buffer("seen", torch.zeros(()))

    def score(self, features: Tensor) -> Tensor:
        if not self.training:
            self.seen += 1
        return super().score(features)


class LeavesTrainingMode(Right):
    def score(self, features: Tensor) -> Tensor:
        scores = super().score(features)
        self.dropout.train()
        return scores


class Remembers(Right):
    highest = 0.0

    def score(self, features: Tensor) -> Tensor:
        scores = super().score(features)
        last, self.highest = self.highest, float(features[0, 0, 0].mean())
        return scores / (1 + last)


class ChangesItsArgument(Right):
    def score(self, features: Tensor) -> Tensor:
        scores = super().score(features)
        features.clamp_(max=1)
        return scores


class StateOutside(Right):
    mean = 0.0

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        self.mean = float(batch.normal.features.mean())
        return super().training_step(batch)

    def score(self, features: Tensor) -> Tensor:
        return super().score(features - self.mean)


class WeightsNoTensor(Right):
    def get_extra_state(self) -> dict[str, int]:
        return {"steps": 3}

    def set_extra_state(self, state: dict[str, int]) -> None:
        assert state


class LateLayer(Right):
    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        if not hasattr(self, "late"):
            self.late = copy.deepcopy(self.output)
        return super().training_step(batch)
