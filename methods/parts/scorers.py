"""What methods have in common that score by the logits of their `forward`."""

from __future__ import annotations

from torch import Tensor

from benchmark.api import Method


class LogitScorer(Method):
    """A method whose `forward` gives the scores' logits (videos, T) and features behind them (videos, crops, T, D)."""

    def score(self, features: Tensor) -> Tensor:
        """Score snippets: (videos, crops, snippets, dim) -> (videos, snippets)."""
        return self(features)[0].sigmoid()  # type: ignore[no-any-return]

    def embed(self, features: Tensor) -> Tensor:
        """Return the features behind the scores, mean over crops: (videos, crops, snippets, dim) -> (…, D)."""
        return self(features)[1].mean(1)  # type: ignore[no-any-return]
