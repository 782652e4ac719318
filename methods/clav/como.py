"""CoMo: the context-motion interrelation module (Cho et al., CVPR 2023, section 3.3)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from methods.clav.relation_network import RelationNetwork
from methods.parts.layers import TemporalConvolution, mean_logit, take_segments, top_indices

ContextLength = Literal["static", "all"]
ContextNodes = Literal["mean", "rows"]
GraphFusion = Literal["nodes", "states"]
IntensityActivation = Literal["none", "sigmoid"]
RelationExtent = Literal["segment", "video", "residual"]
RelationNorm = Literal["layer", "batch", "none"]
StaticOrder = Literal["time", "motion"]
StaticRounding = Literal["down", "nearest"]


def feature_difference(features: Tensor) -> Tensor:
    """Relative change from one segment to the next, (videos, crops, T, D) -> (videos, T) in [0, 1].

    Mean over crops of ||x_t - x_{t-1}|| / (||x_t|| + ||x_{t-1}||); the first segment takes the second's
    value, a single one 0.
    """
    norms = torch.linalg.vector_norm(features, dim=-1)
    change = torch.linalg.vector_norm(features.diff(dim=2), dim=-1)
    change = (change / (norms[..., 1:] + norms[..., :-1]).clamp_min(1e-8)).mean(1)
    return torch.cat([change[:, :1], change], dim=1) if features.shape[2] > 1 else norms.new_zeros(len(features), 1)


class DynamicPath(nn.Module):
    """Two pointwise layers that predict motion intensity, S_int of Eq. 8: (…, D) -> (…).

    Linear by default, as printed: only the order of the predictions matters, and under an absolute error a sigmoid
    saturates at the many segments that hardly move, after which it learns no more.
    """

    def __init__(self, dim: int, activation: IntensityActivation = "none") -> None:
        super().__init__()
        last = nn.Sigmoid() if activation == "sigmoid" else nn.Identity()
        self.layers = nn.Sequential(nn.Linear(dim, 512), nn.ReLU(), nn.Linear(512, 1), last)

    def forward(self, x: Tensor) -> Tensor:
        """Return the predicted intensity (…)."""
        intensity: Tensor = self.layers(x).squeeze(-1)
        return intensity


class ContextPath(nn.Module):
    """Convolution of kernel 3 along time, (…, T', D) -> (…, T', D), and an object head.

    The head, (…, D) -> (…, object classes) in [0, 1], is S_obj of Eq. 8; it serves training only and is
    None without classes.
    """

    def __init__(self, dim: int, object_classes: int, hidden: int = 512) -> None:
        super().__init__()
        self.convolution = TemporalConvolution(dim, dim, 3)
        self.objects = (
            nn.Sequential(nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, object_classes), nn.Sigmoid())
            if object_classes
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the context features G (…, T', D)."""
        return self.convolution(x).relu()  # type: ignore[no-any-return]


class GraphConvolution(nn.Module):
    """GloRe's graph unit: V -> ReLU(V + A V + a) W for V of shape (…, nodes, states)."""

    def __init__(self, nodes: int, states: int) -> None:
        super().__init__()
        self.adjacency = nn.Linear(nodes, nodes)
        self.update = nn.Linear(states, states, bias=False)

    def forward(self, v: Tensor) -> Tensor:
        """Map (…, nodes, states) to the same shape."""
        propagated: Tensor = self.update((v + self.adjacency(v.mT).mT).relu())
        return propagated


class GraphPropagation(nn.Module):
    """Relation of motion and context features on a graph that does not know time (section 3.3.2).

    Both are projected to `nodes` x `states` by the same theta and phi (divided by their lengths, so that
    training and test lengths may differ), each passes a graph convolution of its own, the two are fused,
    and theta projects back to time.

    Parameters
    ----------
    dim
        Feature size D.
    nodes, states
        n and st of the paper.
    context_nodes
        Project the ``"mean"`` of the context features, as printed, or its ``"rows"``.
    fusion
        Lay the two graphs' ``"nodes"`` or ``"states"`` end to end before mixing nodes, then states.
    residual
        Whether what a segment itself is, phi of its features, is added to its share of the relation.
    """

    def __init__(
        self,
        dim: int,
        nodes: int = 32,
        states: int = 128,
        context_nodes: ContextNodes = "mean",
        fusion: GraphFusion = "nodes",
        residual: bool = False,
    ) -> None:
        super().__init__()
        self.context_nodes, self.fusion, self.residual, self.out_dim = context_nodes, fusion, residual, states
        node_copies, state_copies = (2, 1) if fusion == "nodes" else (1, 2)
        self.theta = nn.Linear(dim, nodes)
        self.phi = nn.Linear(dim, states)
        self.motion = GraphConvolution(nodes, states)
        self.context = GraphConvolution(nodes, states)
        self.mix_nodes = nn.Linear(node_copies * nodes, nodes)
        self.mix_states = nn.Linear(state_copies * states, states, bias=False)

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """Return the relational features F_R: (N, T, D), (N, T', D) -> (N, T, states)."""
        projection = self.theta(features)
        return self._share(projection, self._relate(projection, features, context), features)

    def crossed(self, features: Tensor, context: Tensor) -> Iterator[Tensor]:
        """Give the segments of all videos the relation of one video after another, each (videos, crops, T, states).

        Takes (videos, crops, T, D) and (videos, crops, T', D); a crop gets the relation of the same crop.
        """
        projection = self.theta(features)
        relations = self._relate(projection.flatten(0, 1), features.flatten(0, 1), context.flatten(0, 1))
        for relation in relations.view(*features.shape[:2], *relations.shape[1:]):
            yield self._share(projection, relation, features)

    def _share(self, projection: Tensor, relation: Tensor, features: Tensor) -> Tensor:
        """Return the segments' shares of a relation, (…, T, states)."""
        share: Tensor = projection @ relation
        return share + self.phi(features) if self.residual else share

    def _relate(self, projection: Tensor, features: Tensor, context: Tensor) -> Tensor:
        """Return the relation of whole videos, of which each segment takes its share: (N, nodes, states)."""
        if self.context_nodes == "mean":
            context = context.mean(1, keepdim=True)
        motion = self.motion(projection.mT @ self.phi(features) / features.shape[1])
        scene = self.context(self.theta(context).mT @ self.phi(context) / context.shape[1])
        both = torch.cat([motion, scene], dim=1 if self.fusion == "nodes" else 2)
        relation: Tensor = self.mix_states(self.mix_nodes(both.mT).mT.relu())
        return relation


class Relation(NamedTuple):
    """What a relation module finds in the features of some videos."""

    features: Tensor
    """Relational features F_R, (videos, crops, T, out_dim)."""
    logits: Tensor
    """Logits of the relational scores S_R, mean over crops, (videos, T)."""
    context: Tensor
    """Context features G that the object head sees, (videos, crops, N or T, D)."""
    static: Tensor
    """Indices of the N static segments, (videos, N)."""
    intensity: Tensor | None
    """Predicted motion intensity S_int, (videos, crops, T); None without a dynamic path."""


class ContextMotion(nn.Module):
    """Dynamic path, context path, and the relation of the two: the whole of CoMo.

    Parameters
    ----------
    propagation
        Relates (N, T, D) and (N, T', D) to (N, T, out_dim).
    dim
        Feature size D.
    has_motion
        Whether there is motion intensity to learn from. Without, there is no dynamic path, and the change
        of the raw features says which segments are static: an untrained path would choose at random.
    object_classes
        Number of object classes, 0 for no object head.
    static_fraction, static_rounding
        N / T; N is rounded ``"down"`` or to the ``"nearest"`` number, and at least 1.
    static_order
        Order of the static segments in the context path: of ``"time"``, along which it convolves, or of ``"motion"``.
    context_length
        What the context path convolves and predicts objects for: the ``"static"`` segments, or ``"all"`` T of them, of
        which the static ones are then related.
    dropout
        Dropout before the relational score's layer.
    norm
        ``"layer"`` normalises each segment's F_R, ``"batch"`` each state over the batch, as GloRe's unit ends: F_R is
        cubic in the features, and without a norm the relational score saturates and its loss bursts. ``"none"``: as
        printed.
    extent
        F_R for each ``"segment"``, or its mean over the ``"video"``, the other reading of F_R in R^st. ``"residual"``:
        for each segment with what it is itself, see `GraphPropagation`.
    intensity_activation
        Activation of the predicted intensity.
    hidden
        Width of the object head.
    """

    def __init__(
        self,
        propagation: GraphPropagation | RelationNetwork,
        dim: int,
        *,
        has_motion: bool,
        object_classes: int,
        static_fraction: float = 0.8,
        static_rounding: StaticRounding = "down",
        static_order: StaticOrder = "time",
        context_length: ContextLength = "static",
        dropout: float = 0.7,
        norm: RelationNorm = "layer",
        extent: RelationExtent = "segment",
        intensity_activation: IntensityActivation = "none",
        hidden: int = 512,
    ) -> None:
        super().__init__()
        self.static_fraction, self.static_rounding, self.static_order = static_fraction, static_rounding, static_order
        self.context_length, self.extent = context_length, extent
        self.dynamic = DynamicPath(dim, intensity_activation) if has_motion else None
        self.context = ContextPath(dim, object_classes, hidden)
        self.propagation = propagation
        norms = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d, "none": nn.Identity}
        self.norm = norms[norm](propagation.out_dim)
        self.head = nn.Sequential(nn.Dropout(dropout), nn.Linear(propagation.out_dim, 1))

    def forward(self, features: Tensor, raw: Tensor) -> Relation:
        """Relate motion and context.

        Parameters
        ----------
        features
            The method's features F, shape (videos, crops, T, D).
        raw
            The features as the method was given them, same shape.
        """
        intensity, static, context, related_to = self._paths(features, raw)
        relational = self.propagation(features.flatten(0, 1), related_to.flatten(0, 1))
        relational, logits = self._judge(relational.view(*features.shape[:2], *relational.shape[1:]))
        return Relation(relational, logits, context, static, intensity)

    def crossed(self, features: Tensor, raw: Tensor) -> Tensor | None:
        """Return the logits of S_R where each video's segments are given each video's relation.

        Parameters
        ----------
        features, raw
            As in `forward`.

        Returns
        -------
        Of the segments of video i with the relation of video j, (videos i, videos j, T); None where pairs of segments
        are related and no video has a relation as a whole.
        """
        if not isinstance(self.propagation, GraphPropagation):
            return None
        *_, related_to = self._paths(features, raw)
        relational = self.propagation.crossed(features, related_to)
        return torch.stack([self._judge(one)[1] for one in relational], dim=1)

    def _paths(self, features: Tensor, raw: Tensor) -> tuple[Tensor | None, Tensor, Tensor, Tensor]:
        """Return intensity, static segments, context features, and those of them that are related."""
        intensity = None if self.dynamic is None else self.dynamic(features)
        static = self._static(feature_difference(raw) if intensity is None else intensity.mean(1))
        if self.context_length == "static":
            context = self.context(take_segments(features, static))
            return intensity, static, context, context
        context = self.context(features)
        return intensity, static, context, take_segments(context, static)

    def _judge(self, relational: Tensor) -> tuple[Tensor, Tensor]:
        """Return F_R and the logits of S_R, (videos, T), of what the propagation gave, (videos, crops, T, out_dim)."""
        length = relational.shape[2]
        if self.extent == "video":
            relational = relational.mean(2, keepdim=True)
        relational = self.norm(relational.flatten(0, 2)).view(relational.shape)
        logits = mean_logit(self.head(relational).squeeze(-1), 1)
        return relational.expand(-1, -1, length, -1), logits.expand(-1, length)

    def _static(self, activity: Tensor) -> Tensor:
        """Choose the N segments of least activity: (videos, T) -> (videos, N)."""
        share = self.static_fraction * activity.shape[1]
        # Of 0.29 x 100 segments 29 are meant, though the product is a little less.
        count = max(1, int(share + (0.5 if self.static_rounding == "nearest" else 1e-9)))
        static = top_indices(-activity, count)
        return static.sort(-1).values if self.static_order == "time" else static
