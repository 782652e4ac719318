"""Settings of CLAV+CoMo: every choice that the paper leaves open is one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, model_validator

from methods.clav.como import (
    ContextLength,
    ContextNodes,
    GraphFusion,
    IntensityActivation,
    RelationExtent,
    RelationNorm,
    StaticOrder,
    StaticRounding,
)
from methods.clav.relation_network import PairPooling
from methods.ica import Activation, Kernel
from methods.parts.losses import CohesionScope, DistancePairs
from methods.parts.switches import Need, SwitchedConfig

RelationModule = Literal["como", "rn", "none"]
Fusion = Literal["scores+alpha*relation", "alpha*scores+relation", "mixture", "scores-alpha*relation"]


PRINTED_ALPHA: Mapping[str, float] = MappingProxyType(
    {"ucf-crime": 0.1, "xd-violence": 1.0, "shanghaitech": 0.4, "avenue": 0.1}
)
"""Alpha by the benchmark (section 4.1: "for testing")."""


class CLAVConfig(SwitchedConfig):
    """Settings of CLAV+CoMo; where the paper leaves a choice, the default is the recommended reading."""

    added_later = frozenset({"alpha_of"})

    activation: Activation = Field("ica", description="ICA on the features, a control in its place, or none")
    ica_kernel: Kernel = Field(3, description="kernel of ICA, or of its control, along time")
    relation: RelationModule = Field("como", description="what relates motion and context; none: S alone (Table 5)")
    alpha: float = Field(0.1, ge=0, description="weight of S_R in the score; per dataset in the paper")
    alpha_of: Literal["training", "target"] = Field(
        "training", description="whose alpha counts on another benchmark: this one, or the paper's for that one"
    )
    fusion: Fusion = Field(
        "scores+alpha*relation",
        description="how S and S_R become one score: a sum or difference over 1 + alpha, or (1 - alpha) S + alpha S_R",
    )
    top_k: int = Field(3, ge=1, description="K, segments that stand for a video")
    hidden: int = Field(
        512, ge=1, le=65_536, description="width of FC1, the CS modules, the object head, and RN's first layer"
    )
    dropout: float = Field(0.7, ge=0, lt=1, description="dropout in the scorer")
    relation_dropout: float = Field(0.7, ge=0, lt=1, description="dropout before the relational score")

    mil: Literal["each", "mean-first", "joint"] = Field(
        "each",
        description="cross-entropy of each top score (A); of their mean (B); A, one mean over both heads (C)",
    )
    reconstruction_weight: float = Field(1.0, ge=0, description="lambda_cs; 0 leaves the CS modules out")
    reconstruction_reduction: Literal["mean", "sum"] = Field("mean", description="L1 as mean over D or sum over D")
    reconstruction_detach: bool = Field(False, description="whether the reconstructed features get no gradient")
    distance_weight: float = Field(10.0, ge=0, description="lambda_dist; 0 leaves the distances out")
    distance_margin: float = Field(0.3, ge=0, description="margin of the relative distance")
    distance_pairs: DistancePairs = Field("paired", description="videos compared: i with i, or each with each")
    distance_cohesion: CohesionScope = Field("video", description="whose normal segments make C_n: a video's or all")
    distance_diagonal: bool = Field(True, description="whether C_n counts a segment's similarity to itself")
    distance_relation_top: Literal["own", "scores"] = Field("own", description="top-K of F_R by S_R or by S")
    intensity_weight: float = Field(1.0, ge=0, description="weight of L_int; 0 leaves the dynamic path out")
    objects_weight: float = Field(1.0, ge=0, description="weight of L_obj; 0 leaves the object head out")
    smoothness: float = Field(8e-4, ge=0, description="weight of temporal smoothness")
    sparsity: float = Field(8e-3, ge=0, description="weight of sparsity")

    static_fraction: float = Field(0.8, gt=0, le=1, description="N / T, share of segments the context is taken from")
    static_rounding: StaticRounding = Field("down", description="how N becomes a whole number: 12 or 13 of 16")
    static_order: StaticOrder = Field("time", description="order of the static segments in the context path")
    context_length: ContextLength = Field("static", description="segments that the context path sees, and L_obj counts")
    nodes: int = Field(32, ge=1, le=4_096, description="n, nodes of the graph")
    states: int = Field(128, ge=1, le=65_536, description="st, states of a node, and size of F_R")
    context_nodes: ContextNodes = Field("mean", description="project the mean of the context features or its rows")
    graph_fusion: GraphFusion = Field("nodes", description="concatenate the two graphs' nodes or states")
    rn_pooling: PairPooling = Field("mean", description="how RN pools a segment's pairs")
    relation_norm: RelationNorm = Field("layer", description="norm of F_R: per segment, per state, or as printed")
    relation_extent: RelationExtent = Field(
        "segment", description="F_R for each segment, with what it is itself, or one for the video"
    )
    intensity_activation: IntensityActivation = Field("none", description="activation of S_int")

    @model_validator(mode="after")
    def _mixture_needs_share(self) -> Self:
        if self.fusion == "mixture" and self.alpha > 1:
            raise ValueError(
                f"fusion 'mixture' is (1 - alpha) S + alpha S_R and needs alpha <= 1, not {self.alpha}: "
                "lower alpha or choose another fusion"
            )
        return self

    def _needs(self) -> Sequence[Need]:
        related, moved = self.relation != "none", self.activation != "none"
        return [
            Need("an activation", moved, ("ica_kernel",)),
            Need("relation como", self.relation == "como", ("context_nodes", "graph_fusion")),
            Need("relation rn", self.relation == "rn", ("rn_pooling",)),
            # A sum is the mean times the number of pairs: a factor.
            Need(
                "relation_norm batch or none, since a norm per segment takes any factor away",
                self.relation_norm != "layer",
                ("rn_pooling",),
            ),
            Need(
                "relation como or rn",
                related,
                ("alpha_of", "fusion", "static_rounding", "context_length", "relation_norm"),
            ),
            Need("relation como or rn", related, ("relation_extent", "distance_relation_top", "static_order")),
            Need("relation como or rn", related or self.mil != "joint", ("mil",)),
            Need("context_length static", self.context_length == "static", ("static_order",)),
            Need("relation_extent segment or residual", self.relation_extent != "video", ("distance_relation_top",)),
            Need("relation como", self.relation == "como" or self.relation_extent != "residual", ("relation_extent",)),
            Need("a dynamic path", related and self.intensity_weight > 0, ("intensity_activation",)),
            Need("CS modules", self.reconstruction_weight > 0, ("reconstruction_reduction", "reconstruction_detach")),
            Need("an activation, since the features as given have no gradient", moved, ("reconstruction_detach",)),
            Need(
                "a weight of the distances",
                self.distance_weight > 0,
                ("distance_pairs", "distance_cohesion", "distance_diagonal", "distance_relation_top"),
            ),
        ]

    def alpha_on(self, target: str | None) -> float:
        """Return alpha where videos of another benchmark than the one trained on are scored; None for the same one."""
        return self.alpha if self.alpha_of == "training" else PRINTED_ALPHA.get(target or "", self.alpha)

    def relation_share(self, alpha: float) -> float:
        """Return the share w of S_R in the score (1 - w) S + w S_R, for the fusions that are of this form."""
        if self.fusion == "mixture":
            return alpha
        return (1.0 if self.fusion == "alpha*scores+relation" else alpha) / (1 + alpha)
