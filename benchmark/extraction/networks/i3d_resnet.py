"""I3D-ResNet-50: the baseline, trained on 32 frames at stride 2, of facebookresearch/video-nonlocal-net.

Wang et al., Non-local Neural Networks, CVPR 2018.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

_WIDTHS = (64, 128, 256, 512)
_EXPANSION = 4
_CLASSES = 400
# How many frames the first convolution of each block spans; nothing is skipped in time after the pools.
_SPANS: tuple[tuple[int, ...], ...] = ((3, 3, 3), (3, 1, 3, 1), (3, 1, 3, 1, 3, 1), (1, 3, 1))


class Bottleneck(nn.Module):
    """Three convolutions and a shortcut: over time, over space (where its stride is), and to four times the width."""

    def __init__(self, inputs: int, width: int, span: int, stride: int, *, projected: bool) -> None:
        super().__init__()
        outputs = _EXPANSION * width
        self.conv1 = nn.Conv3d(inputs, width, (span, 1, 1), padding=(span // 2, 0, 0), bias=False)
        self.bn1 = nn.BatchNorm3d(width)
        self.conv2 = nn.Conv3d(width, width, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)
        self.bn2 = nn.BatchNorm3d(width)
        self.conv3 = nn.Conv3d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm3d(outputs)
        self.relu = nn.ReLU()
        self.downsample = (
            nn.Sequential(nn.Conv3d(inputs, outputs, 1, (1, stride, stride), bias=False), nn.BatchNorm3d(outputs))
            if projected
            else None
        )

    def forward(self, clips: Tensor) -> Tensor:
        """Map (N, inputs, T, H, W) to (N, 4 width, T, H / stride, W / stride)."""
        shortcut = clips if self.downsample is None else self.downsample(clips)
        out = self.relu(self.bn1(self.conv1(clips)))
        out = self.relu(self.bn2(self.conv2(out)))
        summed: Tensor = self.relu(self.bn3(self.conv3(out)) + shortcut)
        return summed


class I3DResNet50(nn.Module):
    """Gives the mean over time and space of the last layer; `fc` classifies it and is no part of the feature."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, 64, (5, 7, 7), (2, 2, 2), (2, 3, 3), bias=False)
        self.bn1 = nn.BatchNorm3d(64)
        self.relu = nn.ReLU()
        self.maxpool1 = nn.MaxPool3d((2, 3, 3), (2, 2, 2))  # without padding, as Caffe2 had it: 112 becomes 55
        self.maxpool2 = nn.MaxPool3d((2, 1, 1), (2, 1, 1))
        inputs, layers = 64, []
        for place, (width, spans) in enumerate(zip(_WIDTHS, _SPANS, strict=True)):
            layers.append(_layer(inputs, width, spans, stride=2 if place else 1))
            inputs = _EXPANSION * width
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        self.avgpool = nn.AdaptiveAvgPool3d(1)
        self.fc = nn.Linear(inputs, _CLASSES)

    def forward(self, clips: Tensor) -> Tensor:
        """Return the features, (N, 2048), of clips (N, 3, T, H, W) of at least 8 frames."""
        out = self.maxpool1(self.relu(self.bn1(self.conv1(clips))))
        out = self.maxpool2(self.layer1(out))
        out = self.layer4(self.layer3(self.layer2(out)))
        features: Tensor = self.avgpool(out).flatten(1)
        return features


def _layer(inputs: int, width: int, spans: Sequence[int], stride: int) -> nn.Sequential:
    blocks = [Bottleneck(inputs, width, spans[0], stride, projected=True)]
    blocks += [Bottleneck(_EXPANSION * width, width, span, 1, projected=False) for span in spans[1:]]
    return nn.Sequential(*blocks)
