"""Methods in another style: solved for from all training videos at once, instead of trained step by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import torch
from torch import Tensor

from benchmark.api import Bags, FeatureSpec, Method, MethodConfig, MethodError, PairBatch

__all__ = ["FittedMethod"]


class FittedMethod(Method):
    """A method that is fitted to what it keeps of every training video.

    A subclass defines `fit`, and `collect` if it needs more of a video than its mean; its `training_step` calls `keep`,
    and returns a loss that tells how good the weights are. Each video that a batch brings is kept once; whenever
    weights are looked at or saved, `fit` is called with all videos so far, and what it returns is stored in the
    parameters and buffers of these names, like any other weights; nothing is pickled. So a training has to be long
    enough to bring every video: videos of a class / batch size, in steps.

    Between fits the optimiser moves parameters down that loss, and no fit depends on it. Where `supervision` is
    ``normal-only``, abnormal videos are not kept.
    """

    takes_add_ons: ClassVar[bool] = False

    most_bytes: ClassVar[int] = 4 * 2**30
    """How much memory the videos may take that are kept."""

    def __init__(self, config: MethodConfig, features: FeatureSpec) -> None:
        super().__init__(config, features)
        self._kept: dict[str, tuple[Tensor, int]] = {}
        self._fitted: Mapping[str, Tensor] = {}
        self._fitted_to = 0
        self.register_state_dict_pre_hook(lambda module, prefix, keep: self._fit())  # type: ignore[no-untyped-call]

    def collect(self, bags: Bags) -> Tensor:
        """Return what is kept of each video, (videos, …): by default the mean over its segments and crops."""
        return bags.features.mean((1, 2))

    def fit(self, kept: Tensor, labels: Tensor) -> Mapping[str, Tensor]:
        """Return values of parameters and buffers by their names.

        Parameters
        ----------
        kept
            What `collect` returned, on the CPU, for all videos in the order of their names: (videos, …).
        labels
            0 of a normal, 1 of an abnormal video, shape (videos,).
        """
        raise TypeError(f"{type(self).__name__} defines no fit")

    def keep(self, batch: PairBatch) -> None:
        """Keep each video of a batch once.

        Raises
        ------
        MethodError
            If they take more than `most_bytes`.
        """
        halves = [(batch.normal, 0)] + [(batch.abnormal, 1)] * (self.supervision != "normal-only")
        for bags, label in halves:
            new = [i for i, name in enumerate(bags.video_ids) if name not in self._kept]
            if new:
                collected = self.collect(bags).detach().to("cpu", torch.float32)
                self._kept |= {bags.video_ids[i]: (collected[i].clone(), label) for i in new}
                self._check_memory()

    def _check_memory(self) -> None:
        taken = sum(value.nbytes for value, _ in self._kept.values())
        if taken > self.most_bytes:
            raise MethodError(
                f"{type(self).__name__} keeps {taken / 2**30:.1f} GiB of training videos, more than the "
                f"{self.most_bytes / 2**30:.1f} that it may: train it on fewer segments"
            )

    def train(self, mode: bool = True) -> Self:
        """Fit before scores are asked for."""
        if not mode:
            self._fit()
        return super().train(mode)

    def _fit(self) -> None:
        """Store what is fitted to all videos so far."""
        if not self._kept:  # as loaded, or not trained yet
            return
        if self._fitted_to < len(self._kept):
            names = sorted(self._kept)
            kept = torch.stack([self._kept[name][0] for name in names])
            labels = torch.tensor([self._kept[name][1] for name in names])
            self._fitted, self._fitted_to = self.fit(kept, labels), len(self._kept)
        stored = {**dict(self.named_parameters()), **dict(self.named_buffers())}
        with torch.no_grad():
            for name, value in self._fitted.items():
                stored[name].copy_(value)
