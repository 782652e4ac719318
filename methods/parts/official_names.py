"""Weights that the authors of a method published, under the names of ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor


def rename_weights(weights: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """Exchange how names of weights begin; names that begin otherwise stay as they are.

    A prefix ``module.`` of all names, which data-parallel training leaves, is dropped.

    Parameters
    ----------
    names
        Ours, by how the authors' begin; the first that fits counts.
    """
    prefix = "module." if all(name.startswith("module.") for name in weights) else ""
    return {_renamed(name.removeprefix(prefix), names): value for name, value in weights.items()}


def _renamed(name: str, names: Mapping[str, str]) -> str:
    theirs = next((official for official in names if name.startswith(official)), "")
    return names.get(theirs, "") + name.removeprefix(theirs)
