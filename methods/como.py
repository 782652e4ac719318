"""CoMo: the context-motion interrelation module (Cho et al., CVPR 2023, section 3.3)."""

from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from methods.layers import mean_logit, take_segments, top_indices

ContextNodes = Literal["mean", "rows"]
GraphFusion = Literal["nodes", "states"]
IntensityActivation = Literal["none", "sigmoid"]
RelationNorm = Literal["layer", "none"]


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
    """Convolution of kernel 3 over the static segments, (N, T', D) -> (N, T', D), and an object head.

    The head, (…, D) -> (…, object classes) in [0, 1], is S_obj of Eq. 8; it serves training only and is
    None without classes.
    """

    def __init__(self, dim: int, object_classes: int) -> None:
        super().__init__()
        self.convolution = nn.Conv1d(dim, dim, 3, padding=1)
        self.objects = (
            nn.Sequential(nn.Linear(dim, 512), nn.ReLU(), nn.Linear(512, object_classes), nn.Sigmoid())
            if object_classes
            else None
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the context features G (N, T', D)."""
        return self.convolution(x.transpose(1, 2)).relu().transpose(1, 2)  # type: ignore[no-any-return]


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
    """

    def __init__(
        self,
        dim: int,
        nodes: int = 32,
        states: int = 128,
        context_nodes: ContextNodes = "mean",
        fusion: GraphFusion = "nodes",
    ) -> None:
        super().__init__()
        self.context_nodes, self.fusion, self.out_dim = context_nodes, fusion, states
        node_copies, state_copies = (2, 1) if fusion == "nodes" else (1, 2)
        self.theta = nn.Linear(dim, nodes)
        self.phi = nn.Linear(dim, states)
        self.motion = GraphConvolution(nodes, states)
        self.context = GraphConvolution(nodes, states)
        self.mix_nodes = nn.Linear(node_copies * nodes, nodes)
        self.mix_states = nn.Linear(state_copies * states, states, bias=False)

    def forward(self, features: Tensor, context: Tensor) -> Tensor:
        """Return the relational features F_R: (N, T, D), (N, T', D) -> (N, T, states)."""
        if self.context_nodes == "mean":
            context = context.mean(1, keepdim=True)
        projection = self.theta(features)
        motion = self.motion(projection.mT @ self.phi(features) / features.shape[1])
        scene = self.context(self.theta(context).mT @ self.phi(context) / context.shape[1])
        both = torch.cat([motion, scene], dim=1 if self.fusion == "nodes" else 2)
        relation = self.mix_states(self.mix_nodes(both.mT).mT.relu())
        return projection @ relation  # type: ignore[no-any-return]


class Relation(NamedTuple):
    """What a relation module finds in the features of some videos."""

    features: Tensor
    """Relational features F_R, (videos, crops, T, out_dim)."""
    logits: Tensor
    """Logits of the relational scores S_R, mean over crops, (videos, T)."""
    context: Tensor
    """Context features G of the static segments, (videos, crops, N, D)."""
    static: Tensor
    """Indices of the static segments in order of time, (videos, N)."""
    intensity: Tensor | None
    """Predicted motion intensity S_int, (videos, crops, T); None without a dynamic path."""


class ContextMotion(nn.Module):
    """Dynamic path, context path, and the relation of the two: the whole of CoMo.

    Parameters
    ----------
    propagation
        Relates (N, T, D) and (N, T', D) to (N, T, out_dim): `GraphPropagation`.
    dim
        Feature size D.
    has_motion
        Whether there is motion intensity to learn from. Without, there is no dynamic path, and the change
        of the raw features says which segments are static: an untrained path would choose at random.
    object_classes
        Number of object classes, 0 for no object head.
    static_fraction
        N / T; N is rounded down and at least 1.
    dropout
        Dropout before the relational score's layer.
    norm
        ``"layer"`` normalises each segment's F_R, as GloRe's unit ends in a normalisation: F_R is cubic in the
        features, and without it the relational score saturates and its loss bursts. ``"none"``: as printed.
    intensity_activation
        Activation of the predicted intensity.
    """

    def __init__(
        self,
        propagation: GraphPropagation,
        dim: int,
        has_motion: bool,
        object_classes: int,
        static_fraction: float,
        dropout: float,
        norm: RelationNorm = "layer",
        intensity_activation: IntensityActivation = "none",
    ) -> None:
        super().__init__()
        self.static_fraction = static_fraction
        self.dynamic = DynamicPath(dim, intensity_activation) if has_motion else None
        self.context = ContextPath(dim, object_classes)
        self.propagation = propagation
        self.norm = nn.LayerNorm(propagation.out_dim) if norm == "layer" else nn.Identity()
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
        intensity = None if self.dynamic is None else self.dynamic(features)
        activity = feature_difference(raw) if intensity is None else intensity.mean(1)
        count = max(1, int(self.static_fraction * features.shape[2]))
        # Back in order of time, because the context path convolves along it.
        static = top_indices(-activity, count).sort(-1).values
        context = self.context(take_segments(features, static).flatten(0, 1))
        relational = self.norm(self.propagation(features.flatten(0, 1), context)).unflatten(0, features.shape[:2])
        logits = mean_logit(self.head(relational).squeeze(-1), 1)
        return Relation(relational, logits, context.unflatten(0, features.shape[:2]), static, intensity)
