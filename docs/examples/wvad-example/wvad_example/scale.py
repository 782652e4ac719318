"""Scale each dimension of the features by a learned factor."""

import torch
from torch import Tensor, nn

from benchmark.api import AddOn, AddOnConfig, FeatureSpec


class Scale(AddOn):
    title = "scale"

    def __init__(self, config: AddOnConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self.factor = nn.Parameter(torch.ones(features.dim))

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor
