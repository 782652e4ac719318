"""Units that a ReLU holds at zero whatever comes, found while a method scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

ALL, FIRST = "all", "features"
"""What the units of all layers are called, and those of a ReLU before any layer."""

_RELUS: tuple[Callable[..., Any], ...] = (F.relu, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)
_LAYERS: tuple[Callable[..., Any], ...] = (F.linear, F.conv1d)
_CHANNELS_FIRST: tuple[Callable[..., Any], ...] = (F.conv1d, F.batch_norm)
"""What gives (N, units, T) where it has three axes."""


class _Watch(TorchFunctionMode):
    """Notes for each ReLU, in the order of the calls, the layer before it and which units were ever above zero.

    Modules `nn.ReLU` and calls of `relu()` are the same to it. Units lie on the last axis, but on the second where a
    convolution's output comes as it is.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        super().__init__()
        self.active: list[tuple[str, Tensor]] = []
        self._names = names
        self._layer = FIRST
        self._channels_first: Tensor | None = None

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Iterable[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        given = kwargs or {}
        out = func(*args, **given)
        if func in _RELUS:
            axis = 1 if (args[0] if args else given["input"]) is self._channels_first else -1
            self.active.append((self._layer, (out > 0).movedim(axis, -1).flatten(0, -2).any(0)))
        if func in _LAYERS:
            weight = args[1] if len(args) > 1 else given["weight"]
            self._layer = self._names.get(weight.data_ptr(), self._layer)
        if func in _CHANNELS_FIRST and out.ndim == 3:
            self._channels_first = out
        return out


def silent_shares(
    score: Callable[[Tensor], object], videos: Iterable[Tensor], weights: Mapping[str, Tensor]
) -> dict[str, float]:
    """Return the share of the units behind ReLUs that are zero on all segments of all videos, of all and by layer.

    Parameters
    ----------
    score
        Scores a batch, in evaluation mode and without gradients, in the same way for all videos.
    videos
        Each a batch of one video, all of one shape, so that the ReLUs are the same ones each time.
    weights
        The weights of the layers by name.

    Returns
    -------
    Empty where no ReLU is on the way, or other ones for other videos.
    """
    names = {weight.data_ptr(): name.removesuffix(".weight") for name, weight in weights.items()}
    ever: list[tuple[str, Tensor]] | None = None
    for video in videos:
        with _Watch(names) as watch:
            score(video)
        ever = watch.active if ever is None else ever
        if [units.shape for _, units in ever] != [units.shape for _, units in watch.active]:
            return {}
        ever = [(layer, one | other) for (layer, one), (_, other) in zip(ever, watch.active, strict=True)]
    by_layer: dict[str, list[Tensor]] = {}
    for layer, units in ever or ():
        by_layer.setdefault(ALL, []).append(units)
        by_layer.setdefault(layer, []).append(units)
    return {layer: 1 - float(torch.cat(units).float().mean()) for layer, units in by_layer.items()}
