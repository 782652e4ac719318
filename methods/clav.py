"""CLAV+CoMo: class-activate feature learning with context-motion interrelation (Cho et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal, NamedTuple, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from benchmark.api import FeatureSpec, Method, MethodConfig, PairBatch
from methods.como import (
    ContextMotion,
    ContextNodes,
    GraphFusion,
    GraphPropagation,
    IntensityActivation,
    Relation,
    RelationNorm,
)
from methods.ica import ImplicitClassActivation
from methods.layers import Scorer, init_xavier_uniform, mean_logit, take_segments, top_indices
from methods.losses import (
    DistancePairs,
    add_total,
    bag_cross_entropy,
    reconstruction_error,
    relative_distance,
    smoothness,
)


class CLAVConfig(MethodConfig):
    """Settings of CLAV+CoMo; where the paper leaves a choice, the default is the recommended reading."""

    alpha: float = Field(0.1, ge=0, description="weight of S_R in the score; per dataset in the paper")
    fusion: Literal["scores+alpha*relation", "alpha*scores+relation", "mixture"] = Field(
        "scores+alpha*relation",
        description="how S and S_R become one score: a sum over 1 + alpha, or (1 - alpha) S + alpha S_R",
    )
    top_k: int = Field(3, ge=1, description="K, segments that stand for a video")
    dropout: float = Field(0.7, ge=0, lt=1, description="dropout in the scorer and before the relational score")
    ica_kernel: Literal[1, 3] = Field(3, description="kernel of ICA along time")

    mil: Literal["each", "mean-first", "joint"] = Field(
        "each",
        description="cross-entropy of each top score (A); of their mean (B); A, one mean over both heads (C)",
    )
    reconstruction_weight: float = Field(1.0, ge=0, description="lambda_cs")
    reconstruction_reduction: Literal["mean", "sum"] = Field("mean", description="L1 as mean over D or sum over D")
    reconstruction_detach: bool = Field(False, description="whether the reconstructed features get no gradient")
    distance_weight: float = Field(10.0, ge=0, description="lambda_dist")
    distance_margin: float = Field(0.3, ge=0, description="margin of the relative distance")
    distance_pairs: DistancePairs = Field("paired", description="which videos are compared; whose segments make C_n")
    distance_diagonal: bool = Field(True, description="whether C_n counts a segment's similarity to itself")
    distance_relation_top: Literal["own", "scores"] = Field("own", description="top-K of F_R by S_R or by S")
    intensity_weight: float = Field(1.0, ge=0, description="weight of L_int")
    objects_weight: float = Field(1.0, ge=0, description="weight of L_obj")
    smoothness: float = Field(8e-4, ge=0, description="weight of temporal smoothness")
    sparsity: float = Field(8e-3, ge=0, description="weight of sparsity")

    static_fraction: float = Field(0.8, gt=0, le=1, description="N / T, share of segments the context is taken from")
    nodes: int = Field(32, ge=1, description="n, nodes of the graph")
    states: int = Field(128, ge=1, description="st, states of a node")
    context_nodes: ContextNodes = Field("mean", description="project the mean of the context features or its rows")
    graph_fusion: GraphFusion = Field("nodes", description="concatenate the two graphs' nodes or states")
    relation_norm: RelationNorm = Field("layer", description="normalise each segment's F_R, or leave it as printed")
    intensity_activation: IntensityActivation = Field("none", description="activation of S_int")

    @model_validator(mode="after")
    def _mixture_needs_share(self) -> Self:
        if self.fusion == "mixture" and self.alpha > 1:
            raise ValueError(
                f"fusion 'mixture' is (1 - alpha) S + alpha S_R and needs alpha <= 1, not {self.alpha}: "
                "lower alpha or choose another fusion"
            )
        return self

    @property
    def relation_share(self) -> float:
        """Share w of S_R in the score (1 - w) S + w S_R."""
        if self.fusion == "mixture":
            return self.alpha
        return (self.alpha if self.fusion == "scores+alpha*relation" else 1.0) / (1 + self.alpha)


class Output(NamedTuple):
    """What CLAV makes of some videos."""

    features: Tensor
    """Class-activated features F, (videos, crops, T, dim)."""
    hidden: Tensor
    """F_FC2, the scorer's second layer, (videos, crops, T, 128)."""
    logits: Tensor
    """Logits of the scores S, mean over crops, (videos, T)."""
    relation: Relation


def class_specific_decoder(dim: int) -> nn.Sequential:
    """Make a CS module, the mirror of the scorer's first two layers: F_FC2 (…, 128) -> features (…, dim)."""
    return nn.Sequential(nn.Linear(Scorer.hidden, 512), nn.ReLU(), nn.Linear(512, dim))


class CLAV(Method):
    """Class-activated features, rebuilt per class, set apart by relative distance, with CoMo for relations.

    Terms of `training_step`, weighted as they enter the loss: mil and dist of S and F, mil_relation and
    dist_relation of S_R and F_R, cs, smooth and sparse (of both heads), and, where there is something to
    learn them from, intensity and objects. The CS modules and the object head serve training only.
    """

    title = "CLAV+CoMo"
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "motion": ("given", "feature-difference", "none"),
        "objects": ("given", "kmeans", "none"),
    }
    Config = CLAVConfig
    config: CLAVConfig

    def __init__(self, config: CLAVConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        dim = features.dim
        has_objects = features.sources["objects"] != "none" and config.objects_weight > 0
        self.activation = ImplicitClassActivation(dim, config.ica_kernel)
        self.scorer = Scorer(dim, config.dropout)
        self.decode_normal = class_specific_decoder(dim)
        self.decode_abnormal = class_specific_decoder(dim)
        self.relation = ContextMotion(
            GraphPropagation(dim, config.nodes, config.states, config.context_nodes, config.graph_fusion),
            dim,
            # A path that no loss reaches would choose the static segments at random.
            has_motion=features.sources["motion"] != "none" and config.intensity_weight > 0,
            object_classes=features.object_classes if has_objects else 0,
            static_fraction=config.static_fraction,
            dropout=config.dropout,
            norm=config.relation_norm,
            intensity_activation=config.intensity_activation,
        )
        self.apply(init_xavier_uniform)

    def forward(self, features: Tensor) -> Output:
        """Run all but the training-only heads on (videos, crops, T, dim)."""
        activated = self.activation(features)
        logits, hidden = self.scorer(activated)
        return Output(activated, hidden, mean_logit(logits, 1), self.relation(activated, features))

    def score(self, features: Tensor) -> Tensor:
        """Score snippets by S and S_R fused: (videos, crops, snippets, dim) -> (videos, snippets)."""
        output = self(features)
        return torch.lerp(output.logits.sigmoid(), output.relation.logits.sigmoid(), self.config.relation_share)

    def embed(self, features: Tensor) -> Tensor:
        """Return F, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, dim)."""
        return self.activation(features).mean(1)  # type: ignore[no-any-return]

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        config = self.config
        output = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        relation = output.relation
        top = top_indices(output.logits, config.top_k)
        relation_top = top_indices(relation.logits, config.top_k)
        distance_top = relation_top if config.distance_relation_top == "own" else top
        heads = torch.stack([output.logits.chunk(2)[1], relation.logits.chunk(2)[1]]).sigmoid()
        return add_total(
            {
                "mil": self._mil(output.logits.gather(1, top)),
                "mil_relation": self._mil(relation.logits.gather(1, relation_top)),
                "cs": config.reconstruction_weight * self._class_specific(output, top),
                "dist": config.distance_weight * self._distance(output.features, top),
                "dist_relation": config.distance_weight * self._distance(relation.features, distance_top),
                "smooth": config.smoothness * smoothness(heads).mean(1).sum(),
                "sparse": config.sparsity * heads.abs().mean((1, 2)).sum(),
                **self._auxiliary(batch, relation),
            }
        )

    def _mil(self, logits: Tensor) -> Tensor:
        """L_mil of one head (Eq. 9), from the top-K scores' logits (2B, K)."""
        share = 0.5 if self.config.mil == "joint" else 1.0
        return share * bag_cross_entropy(logits, mean_first=self.config.mil == "mean-first")

    def _class_specific(self, output: Output, top: Tensor) -> Tensor:
        """L_cs (Eq. 4): the top-K features, each class rebuilt by its own decoder."""
        config = self.config
        normal, abnormal = take_segments(output.hidden, top).chunk(2)
        targets = take_segments(output.features, top).chunk(2)
        rebuilt = self.decode_normal(normal), self.decode_abnormal(abnormal)
        errors = [
            reconstruction_error(decoded, target, config.reconstruction_reduction, config.reconstruction_detach)
            for decoded, target in zip(rebuilt, targets, strict=True)
        ]
        return errors[0] + errors[1]

    def _distance(self, features: Tensor, top: Tensor) -> Tensor:
        """L_dist (Eq. 7) of features (2B, C, T, any) with the top-K indices (2B, K)."""
        config = self.config
        normal_top, abnormal_top = take_segments(features, top).chunk(2)
        return relative_distance(
            features.chunk(2)[0],
            normal_top,
            abnormal_top,
            config.distance_margin,
            config.distance_pairs,
            config.distance_diagonal,
        )

    def _auxiliary(self, batch: PairBatch, relation: Relation) -> dict[str, Tensor]:
        """L_int and L_obj (Eq. 8) of every crop against the pseudo-labels that its video's crops share."""
        terms = {}
        if relation.intensity is not None:
            motion = torch.cat([_given(half.motion, "motion") for half in (batch.normal, batch.abnormal)])
            error = (relation.intensity - motion[:, None]).abs().mean()
            terms["intensity"] = self.config.intensity_weight * error
        if self.relation.context.objects is not None:
            objects = torch.cat([_given(half.objects, "objects") for half in (batch.normal, batch.abnormal)])
            target = take_segments(objects[:, None], relation.static)
            error = (self.relation.context.objects(relation.context) - target).abs().mean()
            terms["objects"] = self.config.objects_weight * error
        return terms


def _given(labels: Tensor | None, name: str) -> Tensor:
    if labels is None:
        raise ValueError(f"the batch holds no {name}, though features.sources[{name!r}] is not 'none'")
    return labels
