"""The base of every typed record, declaration and setting, and what is wrong with one in a line."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, ValidationError


class FrozenModel(BaseModel):
    """A model that cannot be changed, knows all its keys, and holds only finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def first_error(error: ValidationError, depth: int | None = None) -> str:
    """Say where the first mistake is and which: ``videos.0.name: Field required``.

    Parameters
    ----------
    depth
        How much of the place is named; None for all of it.
    """
    first = error.errors(include_url=False)[0]
    return f"{'.'.join(map(str, first['loc'][:depth])) or 'the top level'}: {first['msg']}"
