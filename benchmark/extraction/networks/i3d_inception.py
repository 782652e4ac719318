"""I3D-Inception-v1: deepmind/kinetics-i3d (Carreira and Zisserman, CVPR 2017), under the names of piergiaj/pytorch-i3d.

Everything is padded as TensorFlow's SAME does it: by what the input's size lacks, with the odd pixel at the end.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

_Triple = tuple[int, int, int]
_CLASSES = 400
# Channels: input; 1x1; 1x1 and 3x3; 1x1 and 3x3; 1x1 behind the pool.
_MIXED: dict[str, tuple[int, _Triple, _Triple]] = {
    "Mixed_3b": (192, (64, 96, 128), (16, 32, 32)),
    "Mixed_3c": (256, (128, 128, 192), (32, 96, 64)),
    "Mixed_4b": (480, (192, 96, 208), (16, 48, 64)),
    "Mixed_4c": (512, (160, 112, 224), (24, 64, 64)),
    "Mixed_4d": (512, (128, 128, 256), (24, 64, 64)),
    "Mixed_4e": (512, (112, 144, 288), (32, 64, 64)),
    "Mixed_4f": (528, (256, 160, 320), (32, 128, 128)),
    "Mixed_5b": (832, (256, 160, 320), (32, 128, 128)),
    "Mixed_5c": (832, (384, 192, 384), (48, 128, 128)),
}


def pad_same(clips: Tensor, kernel: _Triple, stride: _Triple) -> Tensor:
    """Pad (N, C, T, H, W) with zeros so that each axis gives ``ceil(size / stride)`` values."""
    pads: list[int] = []
    for size, k, s in reversed(list(zip(clips.shape[2:], kernel, stride, strict=True))):
        total = max(k - (size % s or s), 0)
        pads += [total // 2, total - total // 2]
    return functional.pad(clips, pads)


class SamePool(nn.MaxPool3d):
    """Max pooling padded with zeros, which are the least that a ReLU gives."""

    def __init__(self, kernel: _Triple, stride: _Triple) -> None:
        super().__init__(kernel, stride)
        self._sizes = (kernel, stride)

    def forward(self, clips: Tensor) -> Tensor:
        """Pool (N, C, T, H, W)."""
        pooled: Tensor = super().forward(pad_same(clips, *self._sizes))
        return pooled


class Unit3D(nn.Module):
    """A convolution with batch normalisation and ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1) -> None:
        super().__init__()
        self._sizes = ((kernel,) * 3, (stride,) * 3)
        self.conv3d = nn.Conv3d(inputs, outputs, kernel, stride, bias=False)
        self.bn = nn.BatchNorm3d(outputs, eps=1e-3)

    def forward(self, clips: Tensor) -> Tensor:
        """Map (N, inputs, T, H, W) to (N, outputs, T / stride, H / stride, W / stride), rounded up."""
        return functional.relu(self.bn(self.conv3d(pad_same(clips, *self._sizes))))


class Mixed(nn.Module):
    """Four branches beside each other, their channels joined."""

    def __init__(self, inputs: int, first: _Triple, second: _Triple) -> None:
        super().__init__()
        (a, b, c), (d, e, f) = first, second
        self.b0 = Unit3D(inputs, a)
        self.b1a, self.b1b = Unit3D(inputs, b), Unit3D(b, c, 3)
        self.b2a, self.b2b = Unit3D(inputs, d), Unit3D(d, e, 3)
        self.b3a, self.b3b = SamePool((3, 3, 3), (1, 1, 1)), Unit3D(inputs, f)

    def forward(self, clips: Tensor) -> Tensor:
        """Map (N, inputs, T, H, W) to (N, a + c + e + f, T, H, W)."""
        branches = (
            self.b0(clips),
            self.b1b(self.b1a(clips)),
            self.b2b(self.b2a(clips)),
            self.b3b(self.b3a(clips)),
        )
        return torch.cat(branches, dim=1)


class I3DInception(nn.Module):
    """Gives the average-pooled last layer; `logits` classifies it and is no part of the feature.

    Parameters
    ----------
    modality
        ``rgb`` sees three channels, ``flow`` two.
    """

    def __init__(self, modality: Literal["rgb", "flow"] = "rgb") -> None:
        super().__init__()
        space, both = (1, 2, 2), (2, 2, 2)
        self.Conv3d_1a_7x7 = Unit3D(3 if modality == "rgb" else 2, 64, 7, 2)
        self.MaxPool3d_2a_3x3 = SamePool((1, 3, 3), space)
        self.Conv3d_2b_1x1 = Unit3D(64, 64)
        self.Conv3d_2c_3x3 = Unit3D(64, 192, 3)
        self.MaxPool3d_3a_3x3 = SamePool((1, 3, 3), space)
        for name, sizes in _MIXED.items():
            if name == "Mixed_4b":
                self.MaxPool3d_4a_3x3 = SamePool((3, 3, 3), both)
            elif name == "Mixed_5b":
                self.MaxPool3d_5a_2x2 = SamePool((2, 2, 2), both)
            self.add_module(name, Mixed(*sizes))
        self.avg_pool = nn.AvgPool3d((2, 7, 7), stride=1)
        self.logits = nn.ModuleDict({"conv3d": nn.Conv3d(1024, _CLASSES, 1)})

    def forward(self, clips: Tensor) -> Tensor:
        """Return the features, (N, 1024), of clips (N, channels, T, H, W), T of at least 9, H and W above 192.

        Longer clips and larger frames give several averages, of which this is the mean.
        """
        for name, layer in self.named_children():
            if name != "logits":
                clips = layer(clips)
        return clips.mean(dim=(2, 3, 4))
