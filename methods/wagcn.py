"""WAGCN (reconstructed): two graphs over a video's segments, one of them learned, after Cao et al. (IEEE SPL 2022)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, PairBatch
from methods.parts.layers import init_xavier_uniform, mean_logit, top_indices
from methods.parts.losses import add_total, bag_cross_entropy, smoothness
from methods.parts.switches import Need, SwitchedConfig
from methods.parts.temporal_graphs import Graph, cosine_graph, distance_graph, graph_of_rows, normalise_graph
from methods.parts.windows import mean_over_crops_in_windows


class WAGCNConfig(SwitchedConfig):
    """Settings of WAGCN (reconstructed); each is a guess, since no code is public."""

    branches: Literal["both", "global", "learned"] = Field(
        "both", description="graphs that the scorer sees: the global one of likeness and time, the learned one, or both"
    )
    combine: Literal["mean", "product"] = Field(
        "mean",
        description="the global graph: mean of likeness and time, each normalised; their product, normalised",
    )
    keep: Literal["largest", "all"] = Field(
        "largest", description="connections of a segment in the learned graph: the largest ones, or all"
    )
    similarity_threshold: float = Field(0.7, ge=0, lt=1, description="cosine from which on segments count as alike")
    distance_scale: float = Field(1.0, gt=0, le=100, description="distance at which nearness in time falls to 1 / e")
    keep_divisor: int = Field(4, ge=1, description="T / this connections are kept, rounded up")
    hidden: int = Field(512, ge=1, le=65_536, description="width of the first layer")
    width: int = Field(128, ge=1, le=65_536, description="width of the second layer, which the graphs are applied to")
    relation: int = Field(64, ge=1, le=65_536, description="width in which the learned graph compares segments")
    graph_hidden: int = Field(64, ge=1, le=65_536, description="width of a branch's first graph layer")
    graph_width: int = Field(32, ge=1, le=65_536, description="width of a branch's second graph layer")
    dropout: float = Field(0.6, ge=0, lt=1, description="dropout after the first two layers")
    top_divisor: int = Field(16, ge=1, description="k = T // top_divisor + 1 segments stand for a video")
    smoothness: float = Field(8e-4, ge=0, description="weight of temporal smoothness")
    sparsity: float = Field(8e-3, ge=0, description="weight of sparsity")
    window: int | None = Field(
        1024, ge=1, description="snippets that a video is scored in at a time; none for the whole video"
    )

    def _needs(self) -> Sequence[Need]:
        return [
            Need("branches both or global", self.branches != "learned", ("combine",)),
            Need("branches both or learned", self.branches != "global", ("keep",)),
        ]


class WAGCN(Method):
    """Graph convolutions over the segments of a video: on a graph of likeness and time, and on one that is learned.

    A reconstruction from the paper's abstracts; sizes and the global graph's parts are those of an older cleaner of
    labels (Zhong et al., CVPR 2019) where that has them. Terms of `training_step`, weighted as they enter the loss:
    mil, smooth, sparse. The k highest scores stand for a video.
    """

    title = "WAGCN (reconstructed)"
    Config = WAGCNConfig
    config: WAGCNConfig

    def __init__(self, config: WAGCNConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        dropout = nn.Dropout(config.dropout)
        self.project = nn.Sequential(
            *(nn.Linear(features.dim, config.hidden), nn.ReLU(), dropout),
            *(nn.Linear(config.hidden, config.width), nn.ReLU(), dropout),
        )
        self.global_branch = GraphBranch(config) if config.branches != "learned" else None
        self.learned_branch = GraphBranch(config) if config.branches != "global" else None
        self.learned_graph = LearnedGraph(config) if config.branches != "global" else None
        self.classifier = nn.Linear((1 + (config.branches == "both")) * config.graph_width, 1)
        self.apply(init_xavier_uniform)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits and the features behind them.

        Parameters
        ----------
        x
            Sequences, shape (N, T, dim).

        Returns
        -------
        Tensor
            Logits, shape (N, T).
        Tensor
            What the branches give, end to end, shape (N, T, one or two times `graph_width`).
        """
        h = self.project(x)
        branches = []
        if self.global_branch is not None:
            branches.append(self.global_branch(h, self.global_graph(x)))
        if self.learned_branch is not None and self.learned_graph is not None:
            branches.append(self.learned_branch(h, self.learned_graph(h)))
        joined = torch.cat(branches, dim=-1)
        return self.classifier(joined).squeeze(-1), joined

    def global_graph(self, x: Tensor) -> Graph:
        """Return the graph of sequences (N, T, dim) that joins what is alike and what is near in time."""
        config = self.config
        if config.combine == "product":
            return normalise_graph(cosine_graph(x, config.similarity_threshold, config.distance_scale), x)
        alike = normalise_graph(cosine_graph(x, config.similarity_threshold), x)
        near = normalise_graph(lambda y: distance_graph(y, config.distance_scale), x)
        return lambda y: (alike(y) + near(y)) / 2

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), the mean over crops."""
        return self._mean_over_crops(lambda x: self(x)[0].sigmoid(), features)

    def embed(self, features: Tensor) -> Tensor:
        """Return what the branches give, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, any)."""
        return self._mean_over_crops(lambda x: self(x)[1], features)

    def _mean_over_crops(self, network: Callable[[Tensor], Tensor], features: Tensor) -> Tensor:
        """Average what a network gives for each crop, in the windows that are set, see `mean_over_crops_in_windows`."""
        window = self.config.window
        # A row of a graph has a number for each snippet.
        widest = max(self.config.hidden, min(features.shape[2], window or features.shape[2]))
        return mean_over_crops_in_windows(network, features, window, widest)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        config = self.config
        features = torch.cat([batch.normal.features, batch.abnormal.features])
        logits = mean_logit(self(features.flatten(0, 1))[0].unflatten(0, features.shape[:2]), 1)
        abnormal = logits.chunk(2)[1].sigmoid()
        top = logits.gather(1, top_indices(logits, logits.shape[1] // config.top_divisor + 1))
        return add_total(
            {
                "mil": bag_cross_entropy(top, mean_first=True),
                "smooth": config.smoothness * smoothness(abnormal).mean(),
                "sparse": config.sparsity * abnormal.sum(-1).mean(),
            }
        )


class GraphBranch(nn.Module):
    """Two layers ReLU(A h W) on a graph A, without biases: (N, T, width) -> (N, T, graph_width)."""

    def __init__(self, config: WAGCNConfig) -> None:
        super().__init__()
        self.first = nn.Linear(config.width, config.graph_hidden, bias=False)
        self.second = nn.Linear(config.graph_hidden, config.graph_width, bias=False)

    def forward(self, h: Tensor, graph: Graph) -> Tensor:
        """Map (N, T, width) to (N, T, graph_width)."""
        hidden = graph(self.first(h)).relu()
        out: Tensor = graph(self.second(hidden)).relu()
        return out


class LearnedGraph(nn.Module):
    """A graph that is learned: softmax_j of ReLU(<W1 h_i, W2 h_j> / sqrt(relation)) over the kept j, 0 for the others.

    With `keep` ``largest`` the ceil(T / `keep_divisor`) largest are kept. They are taken by the products before the
    ReLU: many are zero behind it, and which of these count would hang on the order of the segments.
    """

    def __init__(self, config: WAGCNConfig) -> None:
        super().__init__()
        self.divisor = config.keep_divisor if config.keep == "largest" else 1
        self.query = nn.Linear(config.width, config.relation, bias=False)
        self.key = nn.Linear(config.width, config.relation, bias=False)

    def forward(self, h: Tensor) -> Graph:
        """Return the graph of sequences (N, T, width)."""
        query, key = self.query(h) / math.sqrt(self.query.out_features), self.key(h)
        kept = math.ceil(h.shape[1] / self.divisor)

        def rows(start: int, stop: int) -> Tensor:
            products: Tensor = query[:, start:stop] @ key.mT
            logits = products.relu()
            if kept < h.shape[1]:
                chosen = top_indices(products, kept)
                others = torch.ones_like(products, dtype=torch.bool).scatter(-1, chosen, False)
                logits = logits.masked_fill(others, -torch.inf)
            return logits.softmax(-1)

        return graph_of_rows(h, rows)
