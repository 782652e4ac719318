"""Commands that take a record: each of its fields is an option or an argument."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, Concatenate, TypeVar, get_type_hints

_Record = TypeVar("_Record")


def takes(
    record: type[_Record], options: Mapping[str, Any] | None = None
) -> Callable[[Callable[Concatenate[_Record, ...], None]], Callable[..., None]]:
    """Give a command the fields of a dataclass as options after its own; it takes the record as its first argument.

    Typer reads a function's signature, so it is shown one in which each field is a parameter. What may be given several
    times is a tuple in the record.

    Parameters
    ----------
    options
        A field -> how it is written on the command line, where the field's own annotation does not say it.
    """
    named = fields(record)  # type: ignore[arg-type]
    written = get_type_hints(record, include_extras=True) | dict(options or {})

    def decorate(command: Callable[Concatenate[_Record, ...], None]) -> Callable[..., None]:
        hints = get_type_hints(command, include_extras=True)
        _, *own = signature(command).parameters.values()
        parameters = [parameter.replace(annotation=hints[parameter.name], kind=_KEYWORD) for parameter in own]
        parameters += [
            Parameter(field.name, _KEYWORD, default=_default(field), annotation=written[field.name]) for field in named
        ]

        @wraps(command)
        def parsed(**given: Any) -> None:
            chosen = {field.name: given.pop(field.name) for field in named}
            several = {name: tuple(value) for name, value in chosen.items() if isinstance(value, list)}
            command(record(**chosen | several), **given)

        vars(parsed)["__signature__"] = Signature(parameters)
        parsed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return parsed

    return decorate


_KEYWORD = Parameter.KEYWORD_ONLY


def _default(field: Field[Any]) -> Any:
    return Parameter.empty if field.default is MISSING else field.default
