"""Noise cleaner on features: a graph network cleans the labels a classifier learns from (Zhong et al., CVPR 2019)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch, TrainingContext, TrainingVideo
from methods.parts.layers import Scorer, init_xavier_uniform, mean_logit
from methods.parts.long_videos import in_windows
from methods.parts.losses import add_total
from methods.parts.pseudo_labels import (
    BagShape,
    VideoTable,
    masked_mean,
    own_segments,
    segment_means,
    stretch,
    weighted_cross_entropy,
)

WIDEST = 512
"""Numbers a row that the classifier's widest layer gives."""


class GraphNetwork(nn.Module):
    """Two graphs over the nodes of a video: near in time, and of like features; (N, T, D), (N, T) -> logits (N, T).

    D-512-128 with ReLU and dropout, then for each graph A two layers A ReLU(A h W) V, 128-32-1, without biases; the
    logits are the mean of both, and 0 where no node is. Source: models.py and layers.py of the official code; the third
    graph that it makes and never uses is left out.
    """

    def __init__(self, dim: int, dropout: float) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, 512)
        self.fc2 = nn.Linear(512, 128)
        self.dropout = nn.Dropout(dropout)
        self.near = nn.ParameterList([_graph_weight(128, 32), _graph_weight(32, 1)])
        self.alike = nn.ParameterList([_graph_weight(128, 32), _graph_weight(32, 1)])

    def forward(self, x: Tensor, nodes: Tensor) -> Tensor:
        """Return the logits of the nodes."""
        hidden = self.dropout(self.fc1(x).relu())
        hidden = self.dropout(self.fc2(hidden).relu())
        near = _two_layers(near_graph(nodes, x.dtype), hidden, *self.near)
        alike = _two_layers(alike_graph(hidden, nodes), hidden, *self.alike)
        return (near + alike).squeeze(-1) / 2


def _graph_weight(dim: int, out: int) -> nn.Parameter:
    bound = out**-0.5
    return nn.Parameter(torch.empty(dim, out).uniform_(-bound, bound))


def _two_layers(graph: Tensor, hidden: Tensor, first: Tensor, second: Tensor) -> Tensor:
    return graph @ ((graph @ (hidden @ first)).relu() @ second)


def near_graph(nodes: Tensor, dtype: torch.dtype) -> Tensor:
    """Connect nodes by exp(-|i - j|), i and j their places in the video, not among the nodes: (N, T) -> (N, T, T)."""
    place = torch.arange(nodes.shape[-1], device=nodes.device)
    affinity = (-(place[:, None] - place).abs().to(dtype)).exp()
    return normalised(affinity * _pairs(nodes))


def alike_graph(hidden: Tensor, nodes: Tensor) -> Tensor:
    """Connect nodes by exp(<h_i, h_j> - max_l <h_i, h_l>): (N, T, C), (N, T) -> (N, T, T).

    Each row has a maximum of its own, so that the graph is not symmetric, as in the official code.
    """
    apart = ~_pairs(nodes)
    products = hidden @ hidden.mT
    highest = products.masked_fill(apart, -torch.inf).amax(-1, keepdim=True).masked_fill(~nodes[..., None], 0)
    return normalised((products - highest).masked_fill(apart, -torch.inf).exp())


def normalised(affinity: Tensor) -> Tensor:
    """Return D^-1/2 A D^-1/2, D the sums of the rows; rows and columns of a sum of 0 stay 0: (…, T, T) -> itself."""
    degree = affinity.sum(-1)
    scale = torch.where(degree > 0, degree, 1).rsqrt()
    return scale[..., None] * affinity * scale[..., None, :]


def _pairs(nodes: Tensor) -> Tensor:
    return nodes[..., None] & nodes[..., None, :]


class NoiseCleaner(Method):
    """Rounds of a classifier of single segments and of a graph network that cleans what the classifier learns from.

    Terms of `training_step`, weighted as they enter the loss: classifier in the classifier's stages; normal, direct and
    indirect in the graph network's. The classifier alone scores; the trainable encoder of the paper is not here.
    """

    title = "Noise cleaner (feature-level)"
    training_only: ClassVar[tuple[str, ...]] = ("graph.",)

    class Config(MethodConfig):
        """Settings of the classifier, of the graph network, and of their rounds."""

        rounds: int = Field(2, ge=1, le=64, description="times that labels are cleaned, and learned from again")
        graph_share: float = Field(
            0.4, gt=0, lt=1, description="share of the steps that the graph networks of all rounds have together"
        )
        classifier_restarts: bool = Field(
            True, description="whether the classifier begins each round from new weights, as the graph network does"
        )
        classifier_dropout: float = Field(
            0.6, ge=0, lt=1, description="dropout after the classifier's first two layers"
        )
        graph_dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the graph network's first two layers")
        confident_share: float = Field(0.3, gt=0, le=1, description="share of a video's segments that count as sure")
        one_crop: Literal["farthest", "nearest"] = Field(
            "farthest",
            description="sure segments where there is one crop: those farthest from the video's mean score, or nearest",
        )
        reach: int = Field(4, ge=0, le=8_192, description="distance from a sure segment up to which segments are nodes")
        memory: float = Field(0.5, ge=0, lt=1, description="share of the old in the running mean of a video's outputs")
        normal_target: Literal["zero", "as-code"] = Field(
            "zero",
            description="what the graph network learns of normal videos: 0, or the classifier's scores, the first of "
            "the video for the first nodes",
        )
        cleaned: Literal["scores", "as-code"] = Field(
            "scores",
            description="what replaces the classifier's scores before the stretch: the network's scores, or its logits",
        )

    config: Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.classifier = self._new_classifier()
        self.graph = self._new_graph()
        self._stage, self._seed, self._shape = 0, 0, BagShape()
        self._kept: VideoTable | None = None

    def _new_classifier(self) -> Scorer:
        classifier = Scorer(self.features.dim, self.config.classifier_dropout, WIDEST)
        classifier.apply(init_xavier_uniform)
        return classifier

    def _new_graph(self) -> GraphNetwork:
        return GraphNetwork(self.features.dim, self.config.graph_dropout)

    def begin_training(self, context: TrainingContext) -> None:
        """Begin with the classifier."""
        self._stage, self._seed, self._kept = 0, context.seed, None

    def training_stages(self) -> Mapping[str, float]:
        """Return the rounds: a classifier, then in each of them a graph network and a classifier again."""
        rounds, share = self.config.rounds, self.config.graph_share
        stages = {"classifier 0": (1 - share) / (rounds + 1)}
        for r in range(1, rounds + 1):
            stages |= {f"graph {r}": share / rounds, f"classifier {r}": (1 - share) / (rounds + 1)}
        return stages

    @property
    def _cleans(self) -> bool:
        """Whether a graph network's stage is on: every second one."""
        return self._stage % 2 == 1

    def stage_ended(self, name: str, videos: Iterable[TrainingVideo]) -> None:
        """Look at all training videos: with what the classifier says of them, or the graph network.

        What comes next begins from new weights, drawn by the run's seed.
        """
        if self._cleans:
            self._clean(videos)
        else:
            self._predict(videos)
        self._stage += 1
        if not self._cleans and not self.config.classifier_restarts:
            return
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed((self._seed + self._stage) % 2**63)
            fresh = self._new_graph() if self._cleans else self._new_classifier()
        (self.graph if self._cleans else self.classifier).load_state_dict(fresh.state_dict())

    def _segments(self, video: TrainingVideo) -> Tensor:
        """Make of a video the segments that its bag has, without those that fill it up: (crops, T, dim)."""
        rows = video.features.movedim(1, 0)
        return segment_means(rows, self._shape.own(len(rows))).movedim(0, 1)

    def _predict(self, videos: Iterable[TrainingVideo]) -> None:
        """Keep the classifier's scores of each video's segments, and which are sure."""
        names, scores, sure = [], [], []
        for video in videos:
            logits = self.classifier(self._segments(video))[0]
            names.append(video.name)
            scores.append(logits.mean(0).sigmoid())
            sure.append(self.sure(logits))
        kept = {"scores": self._stack(scores), "sure": self._stack(sure)}
        kept["nodes"] = dilate(kept["sure"], self.config.reach)
        self._kept = VideoTable(names, {**kept, "mean": kept["scores"].clone()})

    def sure(self, logits: Tensor) -> Tensor:
        """Return which of a video's segments are sure, (crops, T) -> (T): the `confident_share` of least doubt.

        That is the variance of the logits over the crops; as many as its value at place trunc(share T), counted from 0,
        lets through. Source: dataset.py and utils.py of the official code, whose scores are logits. One crop has no
        variance.
        """
        doubt = logits.var(0, correction=0)
        if len(logits) == 1:
            scores = logits[0].sigmoid()
            doubt = (scores - scores.mean()).abs() * (-1 if self.config.one_crop == "farthest" else 1)
        last = min(int(self.config.confident_share * len(doubt)), len(doubt) - 1)
        return doubt <= doubt.sort().values[last]

    def _clean(self, videos: Iterable[TrainingVideo]) -> None:
        """Keep cleaned labels of each video's segments: 0 of a normal one."""
        assert self._kept is not None
        kept, labels = self._kept, []
        for video in videos:
            segments = self._segments(video).mean(0)
            own, row = len(segments), kept.row(video.name)
            nodes, scores = kept["nodes"][row, :own], kept["scores"][row, :own]
            found = self.graph(segments[None], nodes[None])[0]
            if self.config.cleaned == "scores":
                found = found.sigmoid()
            cleaned = stretch(torch.where(nodes, found, scores))
            labels.append(cleaned if video.label else torch.zeros_like(cleaned))
        kept["labels"] = self._stack(labels)

    def _stack(self, rows: list[Tensor]) -> Tensor:
        return torch.stack([F.pad(row, (0, self._shape.segments - len(row))) for row in rows])

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms, 0 for those of the other stages."""
        features = torch.cat([batch.normal.features, batch.abnormal.features])
        self._shape = BagShape.of(batch)
        terms = dict.fromkeys(("classifier", "normal", "direct", "indirect"), features.new_zeros(()))
        if self._cleans:
            return add_total(terms | self._graph_terms(features.mean(1), batch))
        logits, own = mean_logit(self.classifier(features)[0], 1), own_segments(batch)
        if self._kept is None:
            labels = torch.zeros_like(own, dtype=features.dtype)
            labels[len(labels) // 2 :] = 1
        else:
            labels = self._kept["labels"][self._kept.rows(batch)]
        errors = weighted_cross_entropy(logits, labels)
        return add_total(terms | {"classifier": masked_mean(errors.flatten(), own.flatten())})

    def _graph_terms(self, x: Tensor, batch: PairBatch) -> dict[str, Tensor]:
        """Return the graph network's terms of segments (2B, T, dim), and move the running means of abnormal videos.

        Each is a mean over a video's nodes or sure segments, and of the 2B videos together the mean.
        """
        assert self._kept is not None
        rows, own = self._kept.rows(batch), own_segments(batch)
        nodes, sure = self._kept["nodes"][rows] & own, self._kept["sure"][rows] & own
        scores, memory = self._kept["scores"][rows], self.config.memory
        logits, videos = self.graph(x, nodes), len(x)
        half = videos // 2
        target = torch.zeros_like(scores)
        if self.config.normal_target == "as-code":
            target = scores.gather(1, (nodes.cumsum(1) - 1).clamp_min(0))
        normal = masked_mean(weighted_cross_entropy(logits[:half], target[:half]), nodes[:half])
        direct = masked_mean(weighted_cross_entropy(logits[half:], scores[half:]), sure[half:])
        outputs, mean = logits[half:].sigmoid(), self._kept["mean"][rows[half:]]
        indirect = masked_mean((outputs - mean).abs(), nodes[half:])
        self._kept["mean"][rows[half:]] = memory * mean + (1 - memory) * outputs.detach().to(mean.dtype)
        terms = {"normal": normal, "direct": direct, "indirect": indirect}
        return {name: term.sum() / videos for name, term in terms.items()}

    def score(self, features: Tensor) -> Tensor:
        """Score snippets by the classifier: (videos, crops, snippets, dim) -> (videos, snippets), mean over crops."""
        logits = in_windows(lambda rows: self.classifier(rows)[0], features.flatten(0, 1), 0, WIDEST)
        return torch.unflatten(logits.sigmoid(), 0, features.shape[:2]).mean(1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the classifier's second layer, mean over crops: (videos, crops, snippets, dim) -> (…, 128)."""
        embedded = in_windows(lambda rows: self.classifier(rows)[1], features.flatten(0, 1), 0, WIDEST)
        return torch.unflatten(embedded, 0, features.shape[:2]).mean(1)


def dilate(chosen: Tensor, reach: int) -> Tensor:
    """Return what lies within `reach` places of a chosen one: (N, T) -> (N, T)."""
    counts = F.max_pool1d(chosen.float()[:, None], 2 * reach + 1, stride=1, padding=reach)
    return counts[:, 0] > 0
