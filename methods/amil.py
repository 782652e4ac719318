"""AMIL: attention-based deep multiple-instance learning (Ilse, Tomczak and Welling, ICML 2018), on segments."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.parts.layers import mean_logit
from methods.parts.losses import add_total, bag_cross_entropy

OFFICIAL_NAMES = {
    "feature_extractor_part2.0.": "hidden.",
    "attention.0.": "attention.inner.",
    "attention.2.": "attention.outer.",
    "attention_V.0.": "attention.inner.",
    "attention_U.0.": "attention.gate.",
    "attention_weights.": "attention.outer.",
    "attention_w.": "attention.outer.",
    "classifier.0.": "classifier.",
}
"""Layers of the official network, as the names of its weights begin, and ours; the last of attention has two names."""
UNUSED = ("feature_extractor_part1.", "attention.outer.bias")
"""What of it has no place here: its convolutions on images, and a bias that cancels in the softmax."""

LARGEST_LOGIT = math.log((1 - 1e-5) / 1e-5)
"""Of a video in the loss: the official code keeps probabilities in [1e-5, 1 - 1e-5]."""


class Attention(nn.Module):
    """Logits of the attention to each segment, w^T tanh(V h): (…, width) -> (…).

    Gated: w^T (tanh(V h) * sigmoid(U h)). Source: the paper's Eq. 8 and 9, and its code.
    """

    def __init__(self, width: int, inner: int, gated: bool) -> None:
        super().__init__()
        self.inner = nn.Linear(width, inner)
        self.gate = nn.Linear(width, inner) if gated else None
        # The code's bias here is the same for all segments: it cancels in the softmax and would learn nothing.
        self.outer = nn.Linear(inner, 1, bias=False)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (…, width) to (…)."""
        inner = self.inner(hidden).tanh()
        if self.gate is not None:
            inner = inner * self.gate(hidden).sigmoid()
        logits: Tensor = self.outer(inner).squeeze(-1)
        return logits


class AMIL(Method):
    """A classifier of videos on the attention-weighted mean of their segments, as in the authors' network.

    The term of `training_step` is mil. How a video's parts score is not in the authors' code, see `scoring`.
    """

    title = "AMIL"

    class Config(MethodConfig):
        """Settings of AMIL."""

        scoring: Literal["instance", "attention", "product"] = Field(
            "instance",
            description="the classifier on each snippet; the video's score times the snippet's share of the highest "
            "attention; the video's score times the classifier's on the snippet",
        )
        gated: bool = Field(False, description="whether a sigmoid gates the attention")
        width: int = Field(512, ge=1, le=65_536, description="width of the layer that attention is paid to")
        attention_width: int = Field(128, ge=1, le=65_536, description="width of the attention's own layer")
        dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the first layer")

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.hidden = nn.Linear(features.dim, config.width)
        self.dropout = nn.Dropout(config.dropout)
        self.attention = Attention(config.width, config.attention_width, config.gated)
        self.classifier = nn.Linear(config.width, 1)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours, older and newer; names that are not its own stay as they are.

        A prefix ``module.`` of all names, which data-parallel training leaves, is dropped, and so is what has no place
        here: convolutions on images, and the bias of the attention's logits. Source: model.py of the official code.
        """
        prefix = "module." if all(name.startswith("module.") for name in weights) else ""
        ours = {_our_name(name.removeprefix(prefix)): value for name, value in weights.items()}
        return {name: value for name, value in ours.items() if not name.startswith(UNUSED)}

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the network on (videos, crops, T, dim).

        Returns
        -------
        instances
            Logits of the classifier on each segment, shape (videos, crops, T).
        attention
            Logits of the attention to each segment, shape (videos, crops, T).
        hidden
            What both look at, after dropout, shape (videos, crops, T, width).
        """
        hidden = self.dropout(self.hidden(features).relu())
        return self.classifier(hidden).squeeze(-1), self.attention(hidden), hidden

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), the mean over crops.

        Attention alone is no score: it sums to one in every video, so that snippets of long videos would score low.
        """
        instances, attention, _ = self(features)
        scores: Tensor = instances.sigmoid()
        if self.config.scoring != "instance":
            if self.config.scoring == "attention":
                scores = (attention - attention.amax(-1, keepdim=True)).exp()
            scores = pool(instances, attention).sigmoid()[..., None] * scores
        return scores.mean(1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the first layer, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, width)."""
        return self.dropout(self.hidden(features).relu()).mean(1)  # type: ignore[no-any-return]

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's loss, the cross-entropy of the videos' scores, each the mean over its crops."""
        instances, attention, _ = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        videos = mean_logit(pool(instances, attention), 1)
        # Beyond the largest logit a video passes no gradient, as in the code.
        videos = videos.clamp(-LARGEST_LOGIT, LARGEST_LOGIT)
        return add_total({"mil": bag_cross_entropy(videos[:, None], mean_first=False)})


def pool(instances: Tensor, attention: Tensor) -> Tensor:
    """Return the logits of whole videos, (…, T), (…, T) -> (…).

    The classifier is linear: its logit of the attention-weighted mean of segments is such a mean of their logits, since
    the weights sum to one.
    """
    return (attention.softmax(-1) * instances).sum(-1)


def _our_name(name: str) -> str:
    for official, ours in OFFICIAL_NAMES.items():
        if name.startswith(official):
            return ours + name.removeprefix(official)
    return name
