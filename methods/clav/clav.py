"""CLAV+CoMo: class-activate feature learning with context-motion interrelation (Cho et al., CVPR 2023)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from benchmark.api import Diagnostics, FeatureSpec, Method, MethodConfig, PairBatch
from methods.clav.como import ContextMotion, GraphPropagation, Relation
from methods.clav.config import CLAVConfig
from methods.clav.relation_network import RelationNetwork
from methods.ica import ACTIVATIONS
from methods.parts.layers import Scorer, init_xavier_uniform, mean_logit, take_segments, top_indices
from methods.parts.losses import add_total, bag_cross_entropy, reconstruction_error, relative_distance, smoothness


class Output(NamedTuple):
    """What CLAV makes of some videos."""

    features: Tensor
    """Class-activated features F, (videos, crops, T, dim)."""
    hidden: Tensor
    """F_FC2, the scorer's second layer, (videos, crops, T, 128)."""
    logits: Tensor
    """Logits of the scores S, mean over crops, (videos, T)."""
    relation: Relation | None
    """What relates motion and context; None without a relation module."""


def class_specific_decoder(dim: int, hidden: int) -> nn.Sequential:
    """Make a CS module, the mirror of the scorer's first two layers: F_FC2 (…, 128) -> features (…, dim)."""
    return nn.Sequential(nn.Linear(Scorer.hidden, hidden), nn.ReLU(), nn.Linear(hidden, dim))


class CLAV(Method):
    """Class-activated features, rebuilt per class, set apart by relative distance, with CoMo for relations.

    Terms of `training_step`, weighted as they enter the loss: mil and dist of S and F, mil_relation and
    dist_relation of S_R and F_R, cs, smooth and sparse (of both heads), and, where there is something to
    learn them from, intensity and objects. The CS modules and the object head serve training only.
    """

    title = "CLAV+CoMo"
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "motion": ("given", "feature-difference", "none"),
        "objects": ("given", "soft-kmeans", "none"),
    }
    built_in_add_ons: ClassVar[Mapping[str, str]] = {
        name: f"activation={name}" for name in ACTIVATIONS if name != "none"
    }
    training_only = ("decode_normal.", "decode_abnormal.", "relation.context.objects.")
    Config = CLAVConfig
    config: CLAVConfig

    def __init__(self, config: CLAVConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        dim = features.dim
        self.activation = ACTIVATIONS[config.activation](dim, config.ica_kernel)
        self.scorer = Scorer(dim, config.dropout, config.hidden)
        # Without its loss a module would stay as it was drawn.
        has_decoders = config.reconstruction_weight > 0
        self.decode_normal = class_specific_decoder(dim, config.hidden) if has_decoders else None
        self.decode_abnormal = class_specific_decoder(dim, config.hidden) if has_decoders else None
        self.relation = None if config.relation == "none" else _relation(config, features)
        self.apply(init_xavier_uniform)

    @classmethod
    def title_for(cls, config: MethodConfig) -> str:
        """Return the name in tables, after the relation module."""
        assert isinstance(config, CLAVConfig)
        return {"como": cls.title, "rn": "CLAV+RN", "none": "CLAV"}[config.relation]

    @classmethod
    def inputs_for(cls, config: MethodConfig) -> Mapping[str, tuple[str, ...]]:
        """Return the pseudo-labels in use: none without a relation module."""
        assert isinstance(config, CLAVConfig)
        return {} if config.relation == "none" else cls.inputs

    def forward(self, features: Tensor) -> Output:
        """Run all but the training-only heads on (videos, crops, T, dim)."""
        activated = self.activation(features)
        logits, hidden = self.scorer(activated)
        relation = None if self.relation is None else self.relation(activated, features)
        return Output(activated, hidden, mean_logit(logits, 1), relation)

    def score(self, features: Tensor) -> Tensor:
        """Score snippets by S and S_R fused: (videos, crops, snippets, dim) -> (videos, snippets)."""
        output: Output = self(features)
        config, scores = self.config, output.logits.sigmoid()
        if output.relation is None:
            return scores
        relation, alpha = output.relation.logits.sigmoid(), config.alpha_on(self.features.target)
        if config.fusion == "scores-alpha*relation":
            return (scores + alpha * (1 - relation)) / (1 + alpha)
        return torch.lerp(scores, relation, config.relation_share(alpha))

    def embed(self, features: Tensor) -> Tensor:
        """Return F, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, dim)."""
        return self.activation(features).mean(1)  # type: ignore[no-any-return]

    def diagnostics(self, features: Tensor) -> Diagnostics:
        """Return S and S_R, S_int and S_obj, and S_R of each video's segments with each video's relation R."""
        output: Output = self(features)
        scores = {"S": output.logits.sigmoid()}
        relation = output.relation
        if self.relation is None or relation is None:
            return Diagnostics(scores)
        scores["S_R"] = relation.logits.sigmoid()
        predictions = {}
        if relation.intensity is not None:
            predictions["motion"] = relation.intensity.mean(1)
        predict = self.relation.context.objects
        if predict is not None:
            predictions["objects"] = predict(relation.context).mean(1)
        crossed = self.relation.crossed(output.features, features)
        return Diagnostics(scores, predictions, {} if crossed is None else {"S_R": crossed.sigmoid()})

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        config = self.config
        output: Output = self(torch.cat([batch.normal.features, batch.abnormal.features]))
        top = top_indices(output.logits, config.top_k)
        terms = {"mil": self._mil(output.logits.gather(1, top))}
        heads = [output.logits]
        if output.relation is not None:
            relation_top = top_indices(output.relation.logits, config.top_k)
            terms["mil_relation"] = self._mil(output.relation.logits.gather(1, relation_top))
            heads.append(output.relation.logits)
        if self.decode_normal is not None and self.decode_abnormal is not None:
            decoders = self.decode_normal, self.decode_abnormal
            terms["cs"] = config.reconstruction_weight * self._class_specific(decoders, output, top)
        if config.distance_weight > 0:
            terms["dist"] = config.distance_weight * self._distance(output.features, top)
            if output.relation is not None:
                distance_top = relation_top if config.distance_relation_top == "own" else top
                terms["dist_relation"] = config.distance_weight * self._distance(output.relation.features, distance_top)
        scores = torch.stack([logits.chunk(2)[1] for logits in heads]).sigmoid()
        terms["smooth"] = config.smoothness * smoothness(scores).mean(1).sum()
        terms["sparse"] = config.sparsity * scores.abs().mean((1, 2)).sum()
        if output.relation is not None:
            terms |= self._auxiliary(batch, output.relation)
        return add_total(terms)

    def _mil(self, logits: Tensor) -> Tensor:
        """L_mil of one head (Eq. 9), from the top-K scores' logits (2B, K)."""
        share = 0.5 if self.config.mil == "joint" else 1.0
        return share * bag_cross_entropy(logits, mean_first=self.config.mil == "mean-first")

    def _class_specific(self, decoders: tuple[nn.Module, nn.Module], output: Output, top: Tensor) -> Tensor:
        """L_cs (Eq. 4): the top-K features, each class rebuilt by its own decoder."""
        config = self.config
        hidden = take_segments(output.hidden, top).chunk(2)
        targets = take_segments(output.features, top).chunk(2)
        errors = [
            reconstruction_error(decode(x), target, config.reconstruction_reduction, config.reconstruction_detach)
            for decode, x, target in zip(decoders, hidden, targets, strict=True)
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
            config.distance_cohesion,
            config.distance_diagonal,
        )

    def _auxiliary(self, batch: PairBatch, relation: Relation) -> dict[str, Tensor]:
        """L_int and L_obj (Eq. 8) of every crop against the pseudo-labels that its video's crops share."""
        assert self.relation is not None
        terms = {}
        if relation.intensity is not None:
            motion = torch.cat([_given(half.motion, "motion") for half in (batch.normal, batch.abnormal)])
            error = (relation.intensity - motion[:, None]).abs().mean()
            terms["intensity"] = self.config.intensity_weight * error
        predict = self.relation.context.objects
        if predict is not None:
            objects = torch.cat([_given(half.objects, "objects") for half in (batch.normal, batch.abnormal)])[:, None]
            target = take_segments(objects, relation.static) if self.config.context_length == "static" else objects
            error = (predict(relation.context) - target).abs().mean()
            terms["objects"] = self.config.objects_weight * error
        return terms


def _relation(config: CLAVConfig, features: FeatureSpec) -> ContextMotion:
    dim, sources = features.dim, features.sources
    return ContextMotion(
        GraphPropagation(
            dim,
            config.nodes,
            config.states,
            config.context_nodes,
            config.graph_fusion,
            residual=config.relation_extent == "residual",
        )
        if config.relation == "como"
        else RelationNetwork(dim, config.hidden, config.states, config.rn_pooling),
        dim,
        # A path that no loss reaches would choose the static segments at random.
        has_motion=sources["motion"] != "none" and config.intensity_weight > 0,
        object_classes=features.object_classes if sources["objects"] != "none" and config.objects_weight > 0 else 0,
        static_fraction=config.static_fraction,
        static_rounding=config.static_rounding,
        static_order=config.static_order,
        context_length=config.context_length,
        dropout=config.relation_dropout,
        norm=config.relation_norm,
        extent=config.relation_extent,
        intensity_activation=config.intensity_activation,
        hidden=config.hidden,
    )


def _given(labels: Tensor | None, name: str) -> Tensor:
    if labels is None:
        raise ValueError(f"the batch holds no {name}, though features.sources[{name!r}] is not 'none'")
    return labels
