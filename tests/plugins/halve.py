"""A small add-on as a user would write it, on `benchmark.api` alone."""

import torch
from torch import Tensor, nn

from benchmark.api import AddOn, AddOnConfig, FeatureSpec


class Config(AddOnConfig):
    start: float = 0.5
    spoil: str = ""


class Halve(AddOn):
    title = "Halve"
    Config = Config

    def __init__(self, config: Config, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.scale = nn.Parameter(torch.full((features.dim,), config.start))

    def forward(self, x: Tensor) -> Tensor:
        scaled = x * self.scale
        return scaled[..., :-1] if self.config.spoil == "shape" else scaled
