"""The options of the commands that train: one for each of a call's choices, given to each of these commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Any, Concatenate, get_type_hints

from benchmark.cli import options
from benchmark.training.choices import Choices

OPTIONS: Mapping[str, Any] = {
    "profile": options.Profile,
    "seeds": options.Seeds,
    "data": options.Data,
    "results": options.ResultsFolder,
    "holdout": options.Holdout,
    "looks": options.Looks,
    "device": options.Device,
    "executor": options.ExecutorOption,
    "workers": options.Workers,
    "gpus_per_run": options.GpusPerRun,
    "address": options.Address,
    "timeout": options.Timeout,
    "memory": options.Memory,
    "cached": options.Cached,
    "tracking": options.Tracking,
    "settings": options.Settings,
}
"""A field of `Choices` -> how it is written on the command line."""


def takes_choices(command: Callable[Concatenate[Choices, ...], None]) -> Callable[..., None]:
    """Give a command the options of `Choices` after its own; it takes them as its first argument.

    Typer reads a function's signature, so it is shown one in which each field is a parameter.
    """
    named = get_type_hints(command, include_extras=True)
    _, *own = signature(command).parameters.values()
    parameters = [parameter.replace(annotation=named[parameter.name]) for parameter in own]
    parameters += [
        Parameter(field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=OPTIONS[field.name])
        for field in fields(Choices)
    ]

    @wraps(command)
    def parsed(**given: Any) -> None:
        chosen = {field.name: given.pop(field.name) for field in fields(Choices)}
        command(Choices(**chosen | {"settings": tuple(chosen["settings"])}), **given)

    vars(parsed)["__signature__"] = Signature(parameters)
    parsed.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return parsed
