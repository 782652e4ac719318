"""Names of weights that authors published, turned into ours."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

__all__ = ["rename_weights"]


def rename_weights(
    weights: Mapping[str, Tensor], names: Mapping[str, str], unused: tuple[str, ...] = ()
) -> dict[str, Tensor]:
    """Rename weights by how their names begin; names that no rule is for stay as they are.

    A prefix ``module.`` of all names, which data-parallel training leaves, is dropped.

    Parameters
    ----------
    names
        How official names begin, and what ours have there; the first that fits counts.
    unused
        How the names of weights begin that the official code has and never uses: they are dropped.
    """
    prefix = "module." if all(name.startswith("module.") for name in weights) else ""
    bare = {name.removeprefix(prefix): value for name, value in weights.items()}
    return {_our_name(name, names): value for name, value in bare.items() if not name.startswith(unused)}


def _our_name(name: str, names: Mapping[str, str]) -> str:
    for official, ours in names.items():
        if name.startswith(official):
            return ours + name.removeprefix(official)
    return name
