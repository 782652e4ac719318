"""VadCLIP on features and class vectors: a classifier, and a comparison with each class (Wu et al., AAAI 2024)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, InputError, Method, MethodConfig, MethodError, PairBatch
from methods.parts.layers import unit_vectors
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.padded import is_abnormal, lay_out_crops, logit_of_mean, share_of_rows, top_mean, top_rows
from methods.parts.switches import Need, SwitchedConfig
from methods.parts.temporal_graphs import GraphConvolution, distance_graph, similarity_graph

OF_TEXT = ("clipmodel.", "text_prompt_embeddings.", "disAdj.")
"""How the names of those weights of the official code begin that have no place here: the text encoder, its learned
prompts, and a number that is never used."""
PIECE = 2**24
"""Numbers in the widest layer of what is scored at once: 64 MiB in float32."""


class VadCLIPConfig(SwitchedConfig):
    """Settings of VadCLIP."""

    branches: Literal["both", "classification"] = Field(
        "both", description="both, where there are class vectors, or the classification branch alone"
    )
    score_by: Literal["classification", "alignment"] = Field(
        "classification", description="branch that scores; alignment: 1 - probability of the normal class"
    )
    window: int = Field(256, ge=1, le=8_192, description="V, segments with a position each: longer videos are cut up")
    attention_window: int = Field(8, ge=1, description="segments that attend to each other, in disjoint blocks")
    layers: int = Field(2, ge=1, le=64, description="transformer layers")
    similarity_threshold: float = Field(
        0.7, ge=0, le=1, description="cosine from which on segments count as alike in the graph"
    )
    temperature: float = Field(0.07, gt=0, description="what cosines with the classes are divided by")
    alignment_weight: float = Field(1.0, gt=0, description="weight of the alignment branch's loss")
    top_divisor: int = Field(16, ge=1, description="k = L // top_divisor + 1 segments stand for a video")

    def _needs(self) -> Sequence[Need]:
        return [Need("branches 'both'", self.branches == "both", ("score_by",))]


class VadCLIP(Method):
    """Local attention and two graphs over the segments of a video, then a classifier and a comparison with classes.

    The comparison is there where the run has classes of training videos and a vector for each: these stand in place
    of the official code's text encoder and its learned prompts, and do not change. Terms of `training_step`, weighted
    as they enter the loss: mil, and alignment where there is that branch. Crops are samples of their own.
    """

    title = "VadCLIP"
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "classes": ("given", "none"),
        "class_vectors": ("given", "random", "none"),
    }
    Config = VadCLIPConfig
    config: VadCLIPConfig

    class_vectors: Tensor
    """A vector of each class, (classes, any): a buffer, where there is the alignment branch."""

    def __init__(self, config: VadCLIPConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        dim, half = features.dim, (features.dim + 1) // 2  # the code's D/2, where D is even
        blocks = [Block(dim, min(config.attention_window, config.window)) for _ in range(config.layers)]
        self.temporal = nn.ModuleDict({"resblocks": nn.Sequential(*blocks)})
        self.gc1, self.gc2 = GraphConvolution(dim, half), GraphConvolution(half, half)
        self.gc3, self.gc4 = GraphConvolution(dim, half), GraphConvolution(half, half)
        self.gelu = QuickGELU()
        self.linear = nn.Linear(2 * half, dim)
        self.mlp2 = _mlp(dim)
        self.classifier = nn.Linear(dim, 1)
        self.frame_position_embeddings = nn.Embedding(config.window, dim)
        nn.init.normal_(self.frame_position_embeddings.weight, std=0.01)
        vectors = features.class_vectors if config.branches == "both" and features.classes else None
        self.aligns = vectors is not None
        if vectors is not None:
            self.register_buffer("class_vectors", vectors.detach().clone())
            self.text_map = _text_map(vectors.shape[1], dim)
            self.mlp1 = _mlp(dim)
        elif config.score_by == "alignment":
            raise InputError(
                "score_by 'alignment' needs classes of the training videos and a vector for each, which this run does "
                "not have: leave it at 'classification'"
            )
        # Of the authors' weights: class vectors are always this run's, and what no score depends on may be left out.
        unused = ("class_vectors", "mlp1.", "text_map.") if config.score_by == "classification" else ("class_vectors",)
        self.training_only = unused  # type: ignore[misc]
        self.register_load_state_dict_pre_hook(_fit_branches)  # type: ignore[no-untyped-call]

    @classmethod
    def title_for(cls, config: MethodConfig) -> str:
        """Return the title, with the branch where it has but one."""
        alone = isinstance(config, VadCLIPConfig) and config.branches == "classification"
        return f"{cls.title} (C-branch)" if alone else cls.title

    @classmethod
    def inputs_for(cls, config: MethodConfig) -> Mapping[str, tuple[str, ...]]:
        """Return the inputs of the alignment branch, where it is asked for."""
        alone = isinstance(config, VadCLIPConfig) and config.branches == "classification"
        return {} if alone else cls.inputs

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Take the official code's weights, whose names are ours, without those of its text encoder and prompts."""
        return rename_weights(weights, {}, OF_TEXT)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor | None]:
        """Return the features and what each branch says, in chunks of V segments, the last one filled up by zeros.

        Parameters
        ----------
        x
            Samples, shape (samples, T, D).
        lengths
            How many of the T segments are a sample's own; all if None. The rest has no part in the graph of like
            features, but it has in all else, as in the official code.

        Returns
        -------
        features, logits, class_logits
            Shapes (samples, T, D), (samples, T) and (samples, T, classes); the last is None without that branch.
        """
        (samples, length), window = x.shape[:2], self.config.window
        chunks = -(-length // window)
        starts = torch.arange(0, chunks * window, window, device=x.device)
        lengths = torch.full((samples,), length, device=x.device) if lengths is None else lengths
        own = (lengths[:, None] - starts).clamp(0, window).flatten()
        rows = F.pad(x, (0, 0, 0, chunks * window - length)).reshape(samples * chunks, window, -1)
        features = self._encode(rows, own)
        logits = self.classifier(features + self.mlp2(features)).squeeze(-1)
        class_logits = self._align(features, logits) if self.aligns else None

        def whole(of_chunks: Tensor) -> Tensor:
            return of_chunks.reshape(samples, chunks * window, *of_chunks.shape[2:])[:, :length]

        return whole(features), whole(logits), None if class_logits is None else whole(class_logits)

    def _encode(self, rows: Tensor, own: Tensor) -> Tensor:
        """Return the features v of chunks, (chunks, V, D) -> (chunks, V, D); `own` of each are no padding."""
        h = self.temporal["resblocks"](rows + self.frame_position_embeddings.weight)
        alike = similarity_graph(h, own, self.config.similarity_threshold)
        like = self.gelu(self.gc2(self.gelu(self.gc1(h, alike)), alike))
        near = self.gelu(self.gc4(self.gelu(self.gc3(h, distance_graph)), distance_graph))
        features: Tensor = self.linear(torch.cat([like, near], dim=-1))
        return features

    def _align(self, features: Tensor, logits: Tensor) -> Tensor:
        """Compare the segments of chunks with the classes: (chunks, V, D), (chunks, V) -> (chunks, V, classes)."""
        # The classifier's logits themselves are the weights, padding included.
        visual_prompt = unit_vectors(logits[:, None] @ features)
        text = self.text_map(self.class_vectors.to(self.classifier.weight.dtype)) + visual_prompt
        text = text + self.mlp1(text)
        return unit_vectors(features) @ unit_vectors(text).mT / self.config.temperature

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms."""
        rows, lengths = lay_out_crops(batch)
        _, logits, class_logits = self(rows, lengths)
        k, labels = share_of_rows(lengths, self.config.top_divisor), is_abnormal(lengths).to(rows.dtype)
        bags = logit_of_mean(logits, top_rows(logits, k, lengths))
        terms = {"mil": F.binary_cross_entropy_with_logits(bags, labels)}
        if class_logits is not None:
            # Each class has top segments of its own.
            missed = -(_class_shares(batch).to(rows) * top_mean(class_logits, k, lengths).log_softmax(1)).sum(1)
            terms["alignment"] = self.config.alignment_weight * missed.mean()
        return add_total(terms)

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets)."""
        scores = torch.cat([self._scores(*piece) for piece in self._pieces(features)], dim=1)
        return scores.view(*features.shape[:3]).mean(1)

    def embed(self, features: Tensor) -> Tensor:
        """Return the features v, mean over crops: (videos, crops, snippets, dim) -> (videos, snippets, dim)."""
        return torch.cat([v for v, _, _ in self._pieces(features)], dim=1).view(features.shape).mean(1)

    def _scores(self, _: Tensor, logits: Tensor, class_logits: Tensor | None) -> Tensor:
        if self.config.score_by == "classification" or class_logits is None:
            return logits.sigmoid()
        return 1 - class_logits.softmax(-1)[..., 0]

    def _pieces(self, features: Tensor) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """Yield what `forward` makes of some chunks of all videos and crops at a time."""
        x, window = features.flatten(0, 1), self.config.window
        at_once = PIECE // (len(x) * window * max(4 * x.shape[2], window))
        for piece in torch.split(x, window * max(1, at_once), dim=1):
            yield self(piece)


class QuickGELU(nn.Module):
    """CLIP's activation x sigmoid(1.702 x)."""

    def forward(self, x: Tensor) -> Tensor:
        """Activate a tensor of any shape."""
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """A transformer layer of one head whose segments attend within disjoint blocks: (chunks, V, D) -> the same.

    Attention and network are normalised at their inputs. The last block is shorter where the others leave a rest.
    """

    def __init__(self, dim: int, block: int) -> None:
        super().__init__()
        self.block = block
        self.attn = nn.MultiheadAttention(dim, 1, batch_first=True)
        self.ln_1, self.mlp, self.ln_2 = nn.LayerNorm(dim), _mlp(dim), nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (chunks, V, D) to (chunks, V, D)."""
        x = x + self._attend(self.ln_1(x))
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out

    def _attend(self, x: Tensor) -> Tensor:
        whole = x.shape[1] // self.block * self.block
        blocks = [x[:, :whole].reshape(-1, self.block, x.shape[2]), x[:, whole:]]
        attended = [self.attn(part, part, part, need_weights=False)[0] if part.numel() else part for part in blocks]
        return torch.cat([part.reshape(len(x), -1, x.shape[2]) for part in attended], dim=1)


def _class_shares(batch: PairBatch) -> Tensor:
    """Return the share of each class in what the videos of the samples are of, (samples, classes)."""
    of_halves = (batch.normal.classes, batch.abnormal.classes)
    if of_halves[0] is None or of_halves[1] is None:
        raise MethodError("VadCLIP was told of classes, but a training batch has none")
    classes = torch.cat([of_halves[0], of_halves[1]]).repeat_interleave(batch.normal.features.shape[1], dim=0)
    return classes / classes.sum(1, keepdim=True).clamp_min(1)


def _mlp(dim: int) -> nn.Sequential:
    layers = [("c_fc", nn.Linear(dim, 4 * dim)), ("gelu", QuickGELU()), ("c_proj", nn.Linear(4 * dim, dim))]
    return nn.Sequential(OrderedDict(layers))


def _text_map(size: int, dim: int) -> nn.Module:
    """Return what takes class vectors to the features' size: nothing where they have it, as in the official code."""
    return nn.Identity() if size == dim else nn.Linear(size, dim, bias=False)


def _fit_branches(method: nn.Module, weights: dict[str, Tensor], prefix: str, *_: object) -> None:
    """Let weights with both branches, as the authors' are, load into a method with one, or without class vectors."""
    own = method.state_dict()
    for name in [
        name for name in weights if name.startswith(f"{prefix}mlp1.") and name.removeprefix(prefix) not in own
    ]:
        del weights[name]
    if "class_vectors" in own:
        weights.setdefault(f"{prefix}class_vectors", own["class_vectors"])
