"""Settings as users name them: ``[METHOD.][SECTION.]KEY``, and ``=VALUE``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from benchmark.plugins.pipelines import Pipeline
from benchmark.system.errors import InputError
from benchmark.system.yaml_text import YamlTextError, parse_yaml
from benchmark.terms import Source, Training

SECTIONS = ("config", "training", "inputs")
"""Sections of a method's recipe; each add-on has one more."""

_SHOWN = 80
"""Characters of a setting that a message repeats."""


@dataclass(frozen=True)
class Setting:
    """A resolved value with its source."""

    value: Any
    source: Source | Literal["command line"]
    note: str = ""


def known_settings(pipeline: Pipeline) -> dict[str, Iterable[str]]:
    """Return the keys that can be set, by section."""
    method, add_ons = pipeline.load()
    return {
        **{plugin.name: add_on.Config.model_fields for plugin, add_on in zip(pipeline.add_ons, add_ons, strict=True)},
        "config": method.Config.model_fields,
        "training": Training.model_fields,
        "inputs": method.inputs,
    }


def find_setting(
    path: str, known: Mapping[str, Iterable[str]], pipeline: Pipeline, where: str
) -> tuple[str, str] | None:
    """Find the section and key of a setting as users name it: ``[METHOD.][SECTION.]KEY``; None if none is called so.

    Parameters
    ----------
    known
        See `known_settings`.
    where
        What a message begins with.

    Raises
    ------
    InputError
        If several are called so.
    """
    names = (pipeline.name, pipeline.method_name, pipeline.method.name)
    prefix = next((f"{name}." for name in names if path.casefold().startswith(f"{name}.".casefold())), "")
    path = path[len(prefix) :]
    matches = [(section, key) for section, keys in known.items() for key in keys if path in (key, f"{section}.{key}")]
    if prefix and len(matches) > 1:  # the method is named, not its add-ons
        matches = [match for match in matches if match[0] in SECTIONS]
    if len(matches) > 1:
        places = " or ".join(".".join(match) for match in matches)
        raise InputError(f"{where}: several settings are called {path}; write {places}")
    return matches[0] if matches else None


def set_setting(
    sections: dict[str, dict[str, Setting]], known: Mapping[str, Iterable[str]], pipeline: Pipeline, text: str
) -> bool:
    """Set what a user gives as ``[METHOD.][SECTION.]KEY=VALUE``, if there is such a setting; return whether there is.

    Raises
    ------
    InputError
        If it is written otherwise, or several settings are called so.
    """
    path, equals, value = text.partition("=")
    if not equals:
        raise InputError(f"--set {text}: write KEY=VALUE")
    found = find_setting(path, known, pipeline, f"--set {text}")
    if found is None:
        return False
    try:
        section, key = found
        sections[section][key] = Setting(parse_yaml(value), "command line")
    except YamlTextError as error:
        raise InputError(f"--set {text[:_SHOWN]}: the value cannot be read: {error}") from None
    return True
