"""S3R: self-supervised sparse representation (Wu et al., ECCV 2022)."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor, nn

from benchmark.api import FeatureSpec, PairBatch
from methods.parts.feature_magnitude import MagnitudeConfig, magnitude_terms
from methods.parts.layers import MultiScaleTemporalNetwork, init_xavier_uniform, mean_logit
from methods.parts.losses import add_total
from methods.parts.official_weights import rename_weights
from methods.parts.scorers import LogitScorer

GROUPS = 8
"""Of channels that are normalised together."""
STAND_IN = 2
"""Slots before a dictionary is learned; two, since attention to a single one teaches nothing."""
BLOCK_ENTRIES = 2**23
"""Most weights between snippets and slots that are held at once, 32 MiB in float32."""
BATCHES, BATCH_SIZE, SEED = 100, 32, 42
"""Of the dictionary: how many batches it is learned from, of how many channels each, and the seed. Source: the code."""

_AGGREGATE = {
    "conv_1.": "pyramid.0.",
    "conv_2.": "pyramid.1.",
    "conv_3.": "pyramid.2.",
    "conv_4.": "reduce.",
    "conv_5.": "fuse.",
    "non_local.value.": "non_local.g.",
    "non_local.query.": "non_local.theta.",
    "non_local.key.": "non_local.phi.",
    "non_local.alter.0.": "non_local.out.",
    "non_local.alter.1.": "non_local.norm.",
}
OFFICIAL_NAMES = {
    **{f"video_embedding.0.{official}": f"video_embedding.{ours}" for official, ours in _AGGREGATE.items()},
    **{f"macro_embedding.0.{official}": f"macro_embedding.{ours}" for official, ours in _AGGREGATE.items()},
    "en_normal.en_normal_module.query_embedding.": "en_normal.query.",
    "en_normal.en_normal_module.cache_embedding.": "en_normal.key.",
    "en_normal.en_normal_module.value_embedding.": "en_normal.value.",
    "de_normal.channel_attention.channel_gate.mlp.1.": "de_normal.0.",
    "de_normal.channel_attention.channel_gate.mlp.3.": "de_normal.2.",
    "macro_classifier.mlp.": "macro_classifier.",
}
"""Layers of the official network, as the names of its weights begin, and ours."""
UNUSED = ("video_projection.", "macro_projection.")
"""Layers that the official network has and never calls."""


class GroupNorm(nn.GroupNorm):
    """Group normalisation in `GROUPS` groups, or as many as divide the channels, which also takes a single value."""

    def __init__(self, channels: int) -> None:
        super().__init__(math.gcd(GROUPS, channels), channels)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, channels, T); a group of one value becomes the bias, where PyTorch's class refuses it."""
        return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


class EnNormal(nn.Module):
    """Rebuilds snippets from a dictionary of normal videos: softmax over slots of Q K^T, times V; not scaled."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.query = nn.Linear(dim, max(1, dim // 4))
        self.key = nn.Linear(dim, max(1, dim // 4))
        self.value = nn.Linear(dim, dim)

    def forward(self, x: Tensor, dictionary: Tensor) -> Tensor:
        """Map (N, T, D) to (N, T, D) by a dictionary (S, D); holds a block of the (N T, S) weights at a time."""
        query, key, value = self.query(x.flatten(0, 1)), self.key(dictionary), self.value(dictionary)
        blocks = query.split(max(1, BLOCK_ENTRIES // len(dictionary)))
        return torch.cat([(block @ key.T).softmax(-1) @ value for block in blocks]).view_as(x)


class S3R(LogitScorer):
    """Tells snippets from what a dictionary of normal videos can rebuild of them, as the official code.

    Terms of `training_step`, weighted as they enter the loss: mil, magnitude, smooth, sparse, as `RTFM`; and macro, a
    cross-entropy that calls what was rebuilt normal, of abnormal videos too.
    """

    title = "S3R"
    training_only = ("macro_classifier.",)

    class Config(MagnitudeConfig):
        """Settings of S3R."""

        dictionary_share: float = Field(
            50.0, gt=0, le=100, description="R, slots of the dictionary per hundred normal training videos"
        )
        dictionary_nonzeros: int = Field(2, ge=1, description="slots that a channel takes part in, at most")
        macro_weight: float = Field(1.0, ge=0, description="weight of the cross-entropy of what was rebuilt")
        dropout: float = Field(0.7, ge=0, lt=1, description="dropout on features, scorers and selection")

    config: Config
    dictionary: Tensor

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        dim = features.dim
        self.register_buffer("dictionary", torch.eye(STAND_IN, dim))
        self.en_normal = EnNormal(dim)
        self.video_embedding = MultiScaleTemporalNetwork(dim, after=_group_norm_relu)
        self.macro_embedding = MultiScaleTemporalNetwork(dim, after=_group_norm_relu)
        narrow = max(1, dim // 16)
        self.de_normal = nn.Sequential(nn.Linear(dim, narrow), nn.ReLU(), nn.Linear(narrow, dim))
        self.video_classifier = _make_classifier(dim, config.dropout)
        self.macro_classifier = _make_classifier(dim, config.dropout)
        self.dropout = nn.Dropout(config.dropout)
        self.apply(init_xavier_uniform)

    @classmethod
    def adopt_weights(cls, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Rename the official code's weights to ours, without the layers that it never calls.

        It keeps its dictionary in a file of its own: that array has to be put beside the weights as ``dictionary``.
        """
        named = {name: value for name, value in weights.items() if name != "dictionary"}
        beside = {name: value for name, value in weights.items() if name == "dictionary"}
        return rename_weights(named, OFFICIAL_NAMES, UNUSED) | beside

    def prepare(self, bags: PairBatch) -> None:
        """Learn the dictionary from the means of the normal videos over crops and segments."""
        videos = bags.normal.features.mean((1, 2))
        slots = max(1, round(len(videos) * self.config.dictionary_share / 100))
        self.dictionary = learn_dictionary(videos, slots, self.config.dictionary_nonzeros).to(self.dictionary)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores' logits (videos, T) and F behind the gate (videos, crops, T, dim)."""
        video, _ = self._separate(features)
        return self._logits(video), video

    def training_step(self, batch: PairBatch) -> dict[str, Tensor]:
        """Return one batch's weighted loss terms; smoothness and sparsity concern abnormal videos only."""
        config = self.config
        video, rebuilt = self._separate(torch.cat([batch.normal.features, batch.abnormal.features]))
        terms = magnitude_terms(
            self._logits(video),
            video,
            self.dropout,
            config,
        )
        macro = mean_logit(self.macro_classifier(rebuilt.mean(2)).squeeze(-1), 1)
        # The label is the dictionary's: normal, whatever the video is.
        all_normal = F.binary_cross_entropy_with_logits(macro, torch.zeros_like(macro))
        return add_total({**terms, "macro": config.macro_weight * all_normal})

    def _separate(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return what is the videos' own and what is rebuilt of them, both behind the gate, as `features` in shape."""
        x = features.flatten(0, 1)
        video = self.dropout(self.video_embedding(x))
        rebuilt = self.dropout(self.macro_embedding(self.en_normal(x, self.dictionary)))
        gate = self.de_normal(video.mean(1, keepdim=True) - rebuilt.mean(1, keepdim=True)).sigmoid()
        return (video * gate).view_as(features), (rebuilt * (1 - gate)).view_as(features)

    def _logits(self, video: Tensor) -> Tensor:
        return mean_logit(self.video_classifier(video).squeeze(-1), 1)

    def _load_from_state_dict(self, state_dict: Mapping[str, Any], prefix: str, *args: Any) -> None:
        """Make room for a stored dictionary first: its number of slots is known from `prepare` on only."""
        stored = state_dict.get(f"{prefix}dictionary")
        if isinstance(stored, Tensor) and stored.shape[1:] == self.dictionary.shape[1:]:
            self.dictionary = self.dictionary.new_zeros(stored.shape)
        super()._load_from_state_dict(state_dict, prefix, *args)


def learn_dictionary(videos: Tensor, slots: int, nonzeros: int) -> Tensor:
    """Represent the channels of features sparsely, as the official code does: (videos, D) -> (slots, D), float64.

    The samples are the channels, each with its values in all videos, and what is kept is not the atoms but the code:
    what a channel takes of each atom, which is 0 for all but `nonzeros` of them.

    Draws from a generator of its own, so the same videos give the same dictionary, which is kept for the runs of other
    seeds. scikit-learn has changed the algorithm since the authors' version 0.24, so the
    same videos give another dictionary than theirs; 100 batches are what its ``n_iter=100`` was.
    """
    values = np.ascontiguousarray(videos.double().cpu().numpy().T)
    return torch.from_numpy(_learn_code(values.tobytes(), values.shape, slots, nonzeros)).clone()


@lru_cache(maxsize=8)
def _learn_code(values: bytes, shape: tuple[int, int], slots: int, nonzeros: int) -> NDArray[np.float64]:
    # Slow to import, and needed once in a training.
    from sklearn.decomposition import MiniBatchDictionaryLearning
    from sklearn.utils import gen_batches
    from sklearn.utils.extmath import randomized_svd

    channels = np.frombuffer(values).reshape(shape)
    random = np.random.RandomState(SEED)
    _, sizes, directions = randomized_svd(channels, min(slots, *channels.shape), random_state=random)
    learner = MiniBatchDictionaryLearning(
        slots,
        dict_init=sizes[:, None] * directions,
        batch_size=BATCH_SIZE,
        transform_algorithm="omp",
        transform_n_nonzero_coefs=min(nonzeros, slots),
        random_state=random,
    )
    shuffled = random.permutation(channels)
    batches = itertools.cycle(gen_batches(len(shuffled), BATCH_SIZE))
    with warnings.catch_warnings():
        # That atoms depend on each other, as those of a few videos or of blank ones do.
        warnings.simplefilter("ignore")
        for batch in itertools.islice(batches, BATCHES):
            learner.partial_fit(shuffled[batch])
        code = learner.transform(channels)
    return np.ascontiguousarray(code.T)


def _group_norm_relu(channels: int) -> tuple[nn.Module, nn.Module]:
    return GroupNorm(channels), nn.ReLU()


def _make_classifier(dim: int, dropout: float) -> nn.Sequential:
    wide, narrow = max(1, dim // 4), max(1, dim // 16)
    return nn.Sequential(
        *(nn.Linear(dim, wide), nn.ReLU(), nn.Dropout(dropout)),
        *(nn.Linear(wide, narrow), nn.ReLU(), nn.Dropout(dropout)),
        nn.Linear(narrow, 1),
    )
