"""The image encoder of CLIP ViT-B/16: openai/CLIP (Radford et al., ICML 2021)."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

_WIDTH, _HEADS, _LAYERS, _PATCH, _SIDE, _OUT = 768, 12, 12, 16, 224, 512


class QuickGELU(nn.Module):
    """``x sigmoid(1.702 x)``, which OpenAI trained with; GELU gives other features without a word."""

    def forward(self, values: Tensor) -> Tensor:
        """Map values of any shape."""
        return values * torch.sigmoid(1.702 * values)


class ResidualBlock(nn.Module):
    """Self-attention and a perceptron, each behind a layer normalisation and added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(_WIDTH)
        self.attn = nn.MultiheadAttention(_WIDTH, _HEADS, batch_first=True)
        self.ln_2 = nn.LayerNorm(_WIDTH)
        layers = {"c_fc": nn.Linear(_WIDTH, 4 * _WIDTH), "gelu": QuickGELU(), "c_proj": nn.Linear(4 * _WIDTH, _WIDTH)}
        self.mlp = nn.Sequential(OrderedDict(layers))

    def forward(self, tokens: Tensor) -> Tensor:
        """Map tokens (N, tokens, 768)."""
        seen = self.ln_1(tokens)
        tokens = tokens + self.attn(seen, seen, seen, need_weights=False)[0]
        mapped: Tensor = tokens + self.mlp(self.ln_2(tokens))
        return mapped


class VisionTransformer(nn.Module):
    """Gives the projected class token; it is not divided by its norm."""

    def __init__(self) -> None:
        super().__init__()
        tokens = (_SIDE // _PATCH) ** 2 + 1
        self.conv1 = nn.Conv2d(3, _WIDTH, _PATCH, _PATCH, bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(_WIDTH))
        self.positional_embedding = nn.Parameter(torch.zeros(tokens, _WIDTH))
        self.ln_pre = nn.LayerNorm(_WIDTH)
        self.transformer = nn.ModuleDict({"resblocks": nn.Sequential(*(ResidualBlock() for _ in range(_LAYERS)))})
        self.ln_post = nn.LayerNorm(_WIDTH)
        self.proj = nn.Parameter(torch.zeros(_WIDTH, _OUT))

    def forward(self, images: Tensor) -> Tensor:
        """Return the features, (N, 512), of images (N, 3, 224, 224)."""
        patches = self.conv1(images).flatten(2).transpose(1, 2)
        first = self.class_embedding.expand(len(images), 1, -1)
        tokens = self.ln_pre(torch.cat([first, patches], dim=1) + self.positional_embedding)
        tokens = self.transformer["resblocks"](tokens)
        features: Tensor = self.ln_post(tokens[:, 0]) @ self.proj
        return features


class CLIPImageEncoder(nn.Module):
    """The image encoder under the names that it has in the whole model's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = VisionTransformer()

    def forward(self, images: Tensor) -> Tensor:
        """Return the features, (N, 512), of images (N, 3, 224, 224)."""
        features: Tensor = self.visual(images)
        return features
