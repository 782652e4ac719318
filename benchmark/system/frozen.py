"""The base of every typed record, declaration and setting, and what is wrong with one in a line."""

from __future__ import annotations

import codecs
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import PydanticCustomError

from benchmark.system.json_text import parse_json


class FrozenModel(BaseModel):
    """A model that cannot be changed, knows all its keys, and holds only finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Read from JSON, by its one reader: pydantic's own takes the last of two values of a key."""
        text = bytes(json_data) if isinstance(json_data, bytearray) else json_data
        try:
            parse_json(text)
        except ValueError as error:
            reason = PydanticCustomError("json_invalid", "Invalid JSON: {error}", {"error": str(error)})
            raise ValidationError.from_exception_data(cls.__name__, [{"type": reason, "input": None}]) from None
        bare = text.removeprefix(codecs.BOM_UTF8) if isinstance(text, bytes) else text.removeprefix("\ufeff")
        return super().model_validate_json(bare, **options)


def first_error(error: ValidationError, depth: int | None = None) -> str:
    """Say where the first mistake is and which: ``videos.0.name: Field required``.

    Parameters
    ----------
    depth
        How much of the place is named; None for all of it.
    """
    first = error.errors(include_url=False)[0]
    return (
        f"{'.'.join(map(str, first['loc'][:depth])) or 'the top level'}: {first['msg'].removeprefix('Value error, ')}"
    )
