"""The base of every typed record, declaration and setting, and what is wrong with one in a line."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, ClassVar, Literal, Self, get_args, get_origin

from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_serializer,
)
from pydantic_core import PydanticCustomError

from benchmark.system.json_text import parse_json
from benchmark.system.text_files import shown


class FrozenModel(BaseModel):
    """A model that cannot be changed, knows all its keys, and holds only finite numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def model_validate_json(cls, json_data: str | bytes | bytearray, **options: Any) -> Self:
        """Read from JSON, by its one reader: pydantic's own takes the last of two values of a key."""
        try:
            content = parse_json(bytes(json_data) if isinstance(json_data, bytearray) else json_data)
        except ValueError as error:
            reason = PydanticCustomError("json_invalid", "Invalid JSON: {error}", {"error": str(error)})
            raise ValidationError.from_exception_data(cls.__name__, [{"type": reason, "input": None}]) from None
        return cls.model_validate(content, **options)


class Settings(FrozenModel):
    """Settings as recipes and options give them, where pydantic would take ``true`` for 1 and text for a number."""

    added_later: ClassVar[frozenset[str]] = frozenset()
    """Names of settings that are younger than stored runs: they are written only where they are not at their defaults,
    so that those runs keep their keys."""

    @model_serializer(mode="wrap")
    def _write_as_before(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        fields = type(self).model_fields
        young = {name for kind in type(self).__mro__ for name in vars(kind).get("added_later", ())}
        usual = {name for name in young if getattr(self, name) == fields[name].get_default(call_default_factory=True)}
        written: dict[str, Any] = write(self)
        return {name: value for name, value in written.items() if name not in usual}

    @field_validator("*", mode="before")
    @classmethod
    def _are_of_their_kind(cls, value: object, info: ValidationInfo) -> object:
        kinds = _kinds_of(cls, info.field_name or "")
        wanted = "a number" if kinds & {int, float} else "true or false" if bool in kinds else ""
        for leaf in _leaves(value) if wanted else ():
            if isinstance(leaf, bool | str) and type(leaf) not in kinds:
                given = str(leaf).lower() if isinstance(leaf, bool) else shown(leaf)
                raise PydanticCustomError(
                    "kind", "{wanted} is expected, not {given}", {"wanted": wanted, "given": given}
                )
        return value


@cache  # thousands of stored runs are read at once
def _kinds_of(model: type[BaseModel], field: str) -> frozenset[Any]:
    return frozenset(_kinds(model.model_fields[field].annotation))


def _kinds(annotation: Any) -> Iterator[Any]:
    """Iterate over the types that a value of an annotation is made of; a `Literal` stands for those of its values."""
    inner = get_args(annotation)
    if get_origin(annotation) is Literal:
        yield from map(type, inner)
    elif isinstance(annotation, type) and not inner:
        yield annotation
    for one in inner:
        yield from _kinds(one)


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from _leaves(item)
    elif isinstance(value, dict):
        for item in (*value, *value.values()):
            yield from _leaves(item)
    else:
        yield value


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
