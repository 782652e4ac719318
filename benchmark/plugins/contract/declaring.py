"""Checks of what a method's class declares."""

from __future__ import annotations

from pydantic import ValidationError

from benchmark.plugins.contract.probes import ContractError
from benchmark.plugins.contract.subject import Subject, fields_without_default
from benchmark.plugins.recipes import first_error

SOURCES = {
    "motion": ("given", "feature-difference", "none"),
    "objects": ("given", "soft-kmeans", "none"),
    "classes": ("given", "none"),
    "class_vectors": ("given", "random", "none"),
}
"""What a method may ask for beside features and video labels, each with where it may come from."""


def check_config(subject: Subject) -> None:
    """Every field of Config has a default, and settings come back as they were from a worker process and a record."""
    missing = fields_without_default(subject.method)
    if missing:
        raise ContractError(
            f"the Config {_fields(missing)} no default. Give each field one, such as hidden: int = 64; "
            "a recipe and --set change it."
        )
    config = subject.settings()
    if unknown := sorted(config.added_later - type(config).model_fields.keys()):
        raise ContractError(f"added_later names {', '.join(unknown)}, which Config does not have. Name fields of it.")
    try:
        sent = config.model_dump(mode="json")
    except Exception as error:  # pydantic's error for this has no public base
        unsendable = [name for name, value in dict(config).items() if not _is_plain(value)]
        raise ContractError(
            f"Config cannot be sent to a worker process or stored: its {_fields(unsendable)} no plain value ({error}). "
            "Use numbers, texts, and tuples of them, and look the rest up by name."
        ) from None
    try:
        received = type(config).model_validate(sent)
    except ValidationError as error:
        raise ContractError(
            f"Config does not accept its own settings after they were stored: {first_error(error)}. "
            "Let each field accept what it is written as."
        ) from None
    changed = [name for name, value in dict(config).items() if dict(received)[name] != value]
    if changed:
        name = changed[0]
        raise ContractError(
            f"the Config field {name} changes when settings are sent to a worker process or stored: "
            f"{dict(config)[name]!r} comes back as {dict(received)[name]!r}. Let validators keep what is valid already."
        )


def check_inputs(subject: Subject) -> None:
    """Inputs and their sources are those that the suite knows."""
    inputs = subject.method.inputs_for(subject.settings())
    if "class_vectors" in inputs and "classes" not in inputs:
        raise ContractError('class_vectors are those of classes, which are not asked for. Add "classes" to the inputs.')
    for name, accepted in inputs.items():
        if name not in SOURCES or name not in subject.method.inputs:
            known = SOURCES if name not in SOURCES else subject.method.inputs
            raise ContractError(f"there is no input {name}. Choose of {', '.join(known) or 'none'}.")
        if isinstance(accepted, str) or not accepted:
            raise ContractError(
                f"the input {name} lists {accepted!r}. List the sources it accepts in a tuple, such as {SOURCES[name]}."
            )
        for source in accepted:
            if source not in SOURCES[name]:
                raise ContractError(f"{name} has no source {source!r}. Choose of {', '.join(SOURCES[name])}.")


def _fields(names: list[str]) -> str:
    return f"{'field' if len(names) == 1 else 'fields'} {', '.join(names)} {'has' if len(names) == 1 else 'have'}"


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, str | int | float | list | tuple | dict | set)
