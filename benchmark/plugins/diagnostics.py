"""What a method's `diagnostics` may give: checked where a run is diagnosed, and by the contract's suite."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from torch import Tensor

from benchmark.api import Diagnostics, FeatureSpec, MethodError

FUSED = "score"
"""What the method's own score is called beside those of its parts."""


def check_diagnosed(found: object, features: Tensor, told: FeatureSpec) -> Diagnostics:
    """Return what `diagnostics` gave for features (videos, crops, T, dim), once each tensor is what its kind is.

    Parameters
    ----------
    told
        What the method knows of the features.

    Raises
    ------
    MethodError
        If one is not.
    """
    if not isinstance(found, Diagnostics):
        raise MethodError(f"diagnostics() gave a {type(found).__name__}, expected a Diagnostics")
    videos, _, length, _ = features.shape
    shapes = {"motion": (videos, length), "objects": (videos, None, told.object_classes)}
    for kind in fields(found):
        named: Mapping[str, object] = getattr(found, kind.name)
        for name, values in named.items():
            where = f"diagnostics().{kind.name}[{name!r}]"
            if kind.name == "predictions":
                if told.sources.get(name, "none") == "none":
                    raise MethodError(f"{where} predicts what the method has no pseudo-label of")
                _check(where, values, shapes[name])
            else:
                _check(where, values, (videos, length) if kind.name == "scores" else (videos, videos, length), True)
    if FUSED in found.scores:
        raise MethodError(f"diagnostics().scores[{FUSED!r}] has the name of the method's own score; choose another")
    return found


def _check(where: str, values: object, shape: tuple[int | None, ...], score: bool = False) -> None:
    if not isinstance(values, Tensor):
        raise MethodError(f"{where} is a {type(values).__name__}, expected a tensor")
    fits = values.ndim == len(shape) and all(s in (None, n) for n, s in zip(values.shape, shape, strict=True))
    if not fits:
        expected = ", ".join("any" if size is None else str(size) for size in shape)
        raise MethodError(f"{where} has shape {tuple(values.shape)}, expected ({expected})")
    if not bool(values.isfinite().all()):
        raise MethodError(f"{where} has values that are not finite")
    if score and not bool(((values >= 0) & (values <= 1)).all()):
        raise MethodError(f"{where} has values outside [0, 1]")
