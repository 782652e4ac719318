"""PEL4VAD: temporal context, a causal classifier and prompt-enhanced learning (Pu, Wu, Yang and Wang, TIP 2024)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, MethodConfig, MethodError, PairBatch
from methods.parts.layers import CausalConvolution, mean_logit
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.padded import is_abnormal, lay_out_crops, logit_of_mean, share_of_rows, top_rows
from methods.parts.scorers import LogitScorer

TEXT_WIDTH = 512
"""Of the visual features where there are no class vectors to fit: the published size, D / 2 at D = 1024."""
BLOCK = 2**21
"""Entries of the attention that are held at a time; 8 MB in float32."""
OFFICIAL_NAMES = {
    "self_attention.self_attn.alpha": "context.alpha",
    "self_attention.self_attn.q.": "context.query.",
    "self_attention.self_attn.k.": "context.key.",
    "self_attention.self_attn.v.": "context.value.",
    "self_attention.self_attn.o.": "context.output.",
    "self_attention.loc_adj.w": "context.gamma",
    "self_attention.loc_adj.b": "context.bias",
    "self_attention.norm.": "norm.",
    "self_attention.linear1.": "visual.",
    "self_attention.linear2.": "embedding.",
}
"""Parts of the official network, as the names of its weights begin, and ours; other names are the same."""


class TemporalContext(nn.Module):
    """Temporal context aggregation: attention to all rows and to near ones, mixed: (M, T, D) -> (M, T, D).

    Source: layers.py and modules.py of the official code. Memory grows linearly with T: rows ask in blocks.

    Parameters
    ----------
    dim, width
        Feature size D, and size of queries, keys and values.
    window
        Rows that the near attention sees: from window // 2 before a row on, without those beyond the ends.
    gamma, bias
        What the two learned numbers of the position term exp(-|gamma (i - j)^2 - bias|) start from.
    norm
        Whether the outcome is power-normalised, and then divided by its L2 norm over time, channel by channel.
    """

    def __init__(self, dim: int, width: int, window: int, gamma: float, bias: float, norm: bool) -> None:
        super().__init__()
        self.window, self.norm = window, norm
        self.query, self.key, self.value = (nn.Linear(dim, width) for _ in range(3))
        self.output = nn.Linear(width, dim)
        self.alpha = nn.Parameter(torch.tensor(0.0))
        self.gamma = nn.Parameter(torch.tensor([gamma]))
        self.bias = nn.Parameter(torch.tensor([bias]))

    def forward(self, x: Tensor) -> Tensor:
        """Map (M, T, D) to (M, T, D); rows of padding take part like others."""
        query, key, value = self.query(x) / math.sqrt(self.query.out_features), self.key(x), self.value(x)
        apart = torch.arange(x.shape[1], dtype=self.gamma.dtype, device=x.device)
        position = (-(self.gamma * apart.square() - self.bias).abs()).exp()
        size = max(1, BLOCK // (x.shape[0] * x.shape[1]))
        if torch.is_grad_enabled() or size >= x.shape[1]:
            mixed = self._attend(query, key, value, position, 0)
        else:
            mixed = torch.empty_like(value)  # pieces that stay would split up the heap
            for start in range(0, x.shape[1], size):
                mixed[:, start : start + size] = self._attend(
                    query[:, start : start + size], key, value, position, start
                )
        if self.norm:
            mixed = F.normalize(signed_root(mixed), dim=1)
        out: Tensor = self.output(mixed)
        return out

    def _attend(self, query: Tensor, key: Tensor, value: Tensor, position: Tensor, start: int) -> Tensor:
        """Return what the rows from `start` on see, (M, rows, width), with the position term by distance, (T)."""
        length, last, reach = len(position), start + query.shape[1] - 1, self.window // 2
        # Of row i the position terms are a window of their mirror image around row 0, which moves with i.
        mirrored = torch.cat([position.flip(0), position[1:]])[length - 1 - last : 2 * length - 1 - start]
        logits = query @ key.mT + mirrored.unfold(0, length, 1).flip(0)
        everything = logits.softmax(-1) @ value
        # All that any of these rows sees nearby. The code clips a window's places to the video: it has those already.
        band = slice(max(0, start - reach), last - reach + self.window)
        places = torch.arange(length, device=key.device)
        back = places[start : last + 1, None] - places[band]
        outside = (back > reach) | (back <= reach - self.window)
        near = logits[..., band].masked_fill(outside, -1e9).softmax(-1) @ value[:, band]
        share = self.alpha.sigmoid()
        return share * everything + (1 - share) * near


def signed_root(x: Tensor) -> Tensor:
    """Return sign(x) sqrt(|x|), with a gradient of 0 at 0."""
    return x.sign() * x.abs().clamp_min(torch.finfo(x.dtype).tiny).sqrt()


class PEL4VAD(LogitScorer):
    """A causal classifier on temporal context, taught by video labels and by text vectors of the videos' classes.

    Terms of `training_step`, weighted as they enter the loss: mil, and prompt where the run has classes and class
    vectors. Without them what is left is temporal context and causal classifier. Follows the official code.
    """

    title = "PEL4VAD"
    inputs: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "classes": ("given", "none"),
        "class_vectors": ("given", "random", "none"),
    }
    training_only = ("logit_scale",)

    class Config(MethodConfig):
        """Settings of PEL4VAD."""

        window: int = Field(9, ge=1, description="W, rows that the near attention sees")
        gamma: float = Field(0.6, ge=0, description="what the position term's learned factor starts from")
        bias: float = Field(0.2, ge=0, description="what the position term's learned bias starts from")
        norm: bool = Field(True, description="power and L2 normalisation of the attention's outcome over time")
        t_step: int = Field(9, ge=1, description="kernel of the causal classifier")
        attention_width: int = Field(128, ge=1, le=65_536, description="size of queries, keys and values")
        embedding_width: int = Field(300, ge=1, le=65_536, description="size of the classifier's input")
        dropout: float = Field(0.1, ge=0, lt=1, description="dropout after both convolutions")
        top_divisor: int = Field(16, ge=1, description="L // it + 1 highest scores stand for an abnormal video")
        lamda: float = Field(1.0, ge=0, description="weight of the prompt term; 0 leaves it out with its inputs")
        temp: float = Field(0.09, gt=0, description="what the prompt term's learned temperature starts from")
        weight_sharpness: float = Field(10.0, gt=0, description="factor of scores in the weights over time")
        label_sharpness: float = Field(10.0, gt=0, description="factor of equal classes in the prompt term's targets")
        smoothing: Literal["none", "sliding", "blocks"] = Field(
            "sliding", description="of a tested video: none, mean of the scores from a snippet on, or mean of blocks"
        )
        smoothing_width: int = Field(7, ge=2, le=100_000, description="snippets that are smoothed over")

    config: Config
    class_vectors: Tensor
    logit_scale: Tensor

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        vectors = features.class_vectors
        width = TEXT_WIDTH if vectors is None else vectors.shape[1]
        self.context = TemporalContext(
            features.dim, config.attention_width, config.window, config.gamma, config.bias, config.norm
        )
        self.norm = nn.LayerNorm(features.dim)
        self.visual = nn.Conv1d(features.dim, width, 1)
        self.embedding = nn.Conv1d(width, config.embedding_width, 1)
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = CausalConvolution(config.embedding_width, 1, config.t_step)
        self.apply(_init)
        told = features.sources.get("classes", "given" if features.classes else "none") != "none"
        self.prompted = vectors is not None and told and config.lamda > 0
        # Scores need neither: the vectors are not stored, and the temperature is there in any case, so that the
        # authors' weights fit with and without prompts.
        self.register_buffer("class_vectors", None if vectors is None else vectors.clone(), persistent=False)
        scale = torch.tensor(math.log(1 / config.temp))
        if self.prompted:
            self.logit_scale = nn.Parameter(scale)
        else:
            self.register_buffer("logit_scale", scale)

    @classmethod
    def title_for(cls, config: MethodConfig) -> str:
        """Say so where there is no prompt-enhanced learning."""
        assert isinstance(config, cls.Config)
        return cls.title if config.lamda else f"{cls.title} without PEL"

    @classmethod
    def inputs_for(cls, config: MethodConfig) -> Mapping[str, tuple[str, ...]]:
        """Ask for classes and their vectors where the prompt term has a weight."""
        assert isinstance(config, cls.Config)
        return cls.inputs if config.lamda else {}

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours, with or without the prefix ``module.`` of all names."""
        return rename_weights(weights, OFFICIAL_NAMES)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and the classifier's input (videos, crops, T, embedding_width)."""
        logits, _, embedded = self._read(features.flatten(0, 1))
        crops = features.shape[:2]
        return mean_logit(logits.view(*crops, -1), 1), embedded.reshape(*crops, *embedded.shape[1:])

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets), smoothed after the mean over crops."""
        return smooth(super().score(features), self.config.smoothing, self.config.smoothing_width)

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; lengths count in mil alone, as in the code."""
        rows, lengths = lay_out_crops(batch)
        logits, visual, _ = self._read(rows)
        abnormal = is_abnormal(lengths)
        k = torch.where(abnormal, share_of_rows(lengths, self.config.top_divisor), 1)
        bags = logit_of_mean(logits, top_rows(logits, k, lengths))
        terms = {"mil": F.binary_cross_entropy_with_logits(bags, abnormal.to(bags.dtype))}
        if self.prompted:
            terms["prompt"] = self.config.lamda * self._prompt(visual, logits.sigmoid(), batch)
        return add_total(terms)

    def _read(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return logits (M, T), visual features (M, T, width) and the classifier's input of sequences (M, T, D)."""
        context = self.norm(x + self.context(x)).transpose(1, 2)
        visual = self.dropout(F.gelu(self.visual(context)))
        embedded = self.dropout(F.gelu(self.embedding(visual))).transpose(1, 2)
        return self.classifier(embedded).squeeze(-1), visual.transpose(1, 2), embedded

    def _prompt(self, visual: Tensor, scores: Tensor, batch: PairBatch) -> Tensor:
        """Return the prompt term: videos' foregrounds with their classes' vectors, abnormal backgrounds with normal's.

        Source: `get_cas`, `create_logits` and `KLV_loss` of the official code. Rows of padding count.
        """
        classes = batch.abnormal.classes
        if classes is None:
            raise MethodError("the batch does not say of which classes its abnormal videos are")
        half, sharpness = len(visual) // 2, self.config.weight_sharpness
        normal, abnormal = weighted_rows(visual, scores, sharpness).chunk(2)
        background = weighted_rows(visual[half:], 1 - scores[half:], sharpness)

        vectors = self.class_vectors.to(background.dtype)
        named = classes[:, 1:].to(vectors.dtype).repeat_interleave(half // len(classes), 0)
        known = named.any(1)  # a foreground of no named class has no partner
        named = named[known]
        texts = [vectors[:1].expand(half, -1), named @ vectors[1:] / named.sum(1, keepdim=True)]
        others = named.new_zeros(half, dtype=torch.long)
        return prompt_divergence(
            torch.cat([normal, background, abnormal[known]]),
            torch.cat([texts[0], texts[0], texts[1]]),
            torch.cat([others, others, named.argmax(1) + 1]),
            self.logit_scale.exp(),
            self.config.label_sharpness,
        )


def weighted_rows(visual: Tensor, scores: Tensor, sharpness: float) -> Tensor:
    """Return the mean over time by weights exp(sharpness s) - 1 of sum 1: (M, T, width), (M, T) -> (M, width)."""
    weights = F.normalize(torch.expm1(sharpness * scores), p=1, dim=1)
    return (weights[:, None] @ visual).squeeze(1)


def prompt_divergence(rows: Tensor, texts: Tensor, labels: Tensor, scale: Tensor, sharpness: float) -> Tensor:
    """Kullback-Leibler divergence of row-text similarities from equality of labels, over the number of rows.

    The order of the rows does not matter. A row or a text of length 0 makes it 0, as it does in the code, where it has
    no direction and the term would be NaN.

    Parameters
    ----------
    rows, texts
        Row i and text i belong together, shape (R, width).
    labels
        Classes, shape (R).
    scale
        Inverse temperature of the similarities.
    sharpness
        Factor of 1 for equal and 0 for different labels, before the softmax that makes a target of them.
    """
    sizes = [torch.linalg.vector_norm(x, dim=-1, keepdim=True) for x in (rows, texts)]
    has_direction = torch.cat(sizes).all()
    rows, texts = (x / size.masked_fill(size == 0, 1) for x, size in zip((rows, texts), sizes, strict=True))
    similar = (scale * rows @ texts.mT).log_softmax(1)
    equal = (labels[:, None] == labels).to(similar.dtype)
    divergence = F.kl_div(similar, (sharpness * equal).log_softmax(1), reduction="batchmean", log_target=True)
    return torch.where(has_direction, divergence, 0.0)


def smooth(scores: Tensor, kind: str, width: int) -> Tensor:
    """Smooth scores along time, (…, n) -> (…, n), with zeros after the end that count as scores.

    ``"sliding"`` is the mean from a snippet to the `width` - 1 after it, ``"blocks"`` that of every `width` snippets.
    """
    length = scores.shape[-1]
    if kind == "sliding":
        return F.pad(scores, (0, width - 1)).unfold(-1, width, 1).mean(-1)
    if kind == "blocks":
        blocks = F.pad(scores, (0, -length % width)).unfold(-1, width, width).mean(-1)
        return blocks.repeat_interleave(width, -1)[..., :length]
    return scores


def _init(module: nn.Module) -> None:
    """Give a linear or convolutional layer Xavier-uniform weights, and leave its bias."""
    if isinstance(module, nn.Linear | nn.Conv1d):
        nn.init.xavier_uniform_(module.weight)
