"""C3D: facebookarchive/C3D (Tran et al., ICCV 2015), under the names of DavideA/c3d-pytorch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_CLASSES = 487


def _convolution(inputs: int, outputs: int) -> nn.Conv3d:
    return nn.Conv3d(inputs, outputs, 3, padding=1)


class C3D(nn.Module):
    """Gives the layer fc6 after its ReLU; `fc7` and `fc8` classify it and are no part of the feature.

    Parameters
    ----------
    padded
        Whether the last pool pads its rows and columns of 7 on both sides, as DavideA's port and those that follow it.
        Caffe rounds up, so that the last window is cut off: other numbers of the same weights.
    """

    def __init__(self, *, padded: bool = False) -> None:
        super().__init__()
        self.conv1 = _convolution(3, 64)
        self.pool1 = nn.MaxPool3d((1, 2, 2))
        self.conv2 = _convolution(64, 128)
        self.pool2 = nn.MaxPool3d(2)
        self.conv3a, self.conv3b = _convolution(128, 256), _convolution(256, 256)
        self.pool3 = nn.MaxPool3d(2)
        self.conv4a, self.conv4b = _convolution(256, 512), _convolution(512, 512)
        self.pool4 = nn.MaxPool3d(2)
        self.conv5a, self.conv5b = _convolution(512, 512), _convolution(512, 512)
        self.pool5 = nn.MaxPool3d(2, padding=(0, 1, 1)) if padded else nn.MaxPool3d(2, ceil_mode=True)
        self.fc6 = nn.Linear(8192, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, _CLASSES)

    def forward(self, clips: Tensor) -> Tensor:
        """Return the features, (N, 4096), all at least 0, of clips (N, 3, 16, 112, 112)."""
        relu = functional.relu
        out = self.pool1(relu(self.conv1(clips)))
        out = self.pool2(relu(self.conv2(out)))
        out = self.pool3(relu(self.conv3b(relu(self.conv3a(out)))))
        out = self.pool4(relu(self.conv4b(relu(self.conv4a(out)))))
        out = self.pool5(relu(self.conv5b(relu(self.conv5a(out)))))
        return relu(self.fc6(out.flatten(1)))
