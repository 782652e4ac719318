"""A method as it is asked for: ``METHOD[@PRESET][+ADD-ON...]``, such as ``mmil@official-code+ica``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmark.errors import InputError
from benchmark.registry import AddOnPlugin, MethodPlugin, find_plugin

if TYPE_CHECKING:
    from benchmark.api import AddOn, Method
    from benchmark.records import RunSpec


@dataclass(frozen=True)
class Pipeline:
    """A method, the add-ons that features pass on their way to it, and the preset of its recipe, if any."""

    method: MethodPlugin
    add_ons: tuple[AddOnPlugin, ...] = ()
    preset: str | None = None

    @property
    def method_name(self) -> str:
        """The method with its preset, without add-ons."""
        return f"{self.method.name}@{self.preset}" if self.preset else self.method.name

    @property
    def name(self) -> str:
        """What the user calls it."""
        return "+".join([self.method_name, *(add_on.name for add_on in self.add_ons)])

    def load(self) -> tuple[type[Method], list[type[AddOn]]]:
        """Import the classes.

        Raises
        ------
        InputError
            If one cannot be used, or if the method contains an add-on already.
        """
        method = self.method.load()
        for add_on in self.add_ons:
            if add_on.name in method.built_in_add_ons:
                setting = method.built_in_add_ons[add_on.name]
                raise InputError(
                    f"method {self.method.name} contains the add-on {add_on.name}: "
                    f"instead of {self.name}, write {self.method_name} with --set {self.method.name}.{setting}"
                )
        return method, [add_on.load() for add_on in self.add_ons]

    def title(self) -> str:
        """Return the name in tables."""
        method, add_ons = self.load()
        preset = f" ({self.preset})" if self.preset else ""
        return "+".join([(method.title or method.__name__) + preset, *(a.title or a.__name__ for a in add_ons)])


def find_pipeline(reference: str) -> Pipeline:
    """Find a method with its preset and add-ons, each by its registered name or as ``path/to/file.py:Class``.

    Raises
    ------
    InputError
        If one is not known, or an add-on is named twice.
    """
    method, *add_ons = _split(reference)
    named = re.fullmatch(r"(.+)@([\w.-]+)", method)  # not the @ of a path, which goes on with a colon
    method, preset = named.groups() if named else (method, None)
    for add_on in add_ons:
        if add_ons.count(add_on) > 1:
            raise InputError(f"{reference}: add-on {add_on} is named twice")
    found = tuple(find_plugin(AddOnPlugin, add_on) for add_on in add_ons)
    return Pipeline(find_plugin(MethodPlugin, method), found, preset)


def find_pipeline_of(spec: RunSpec) -> Pipeline:
    """Find the method and the add-ons of a stored run.

    Raises
    ------
    InputError
        If one of them is unknown today, or is of another version.
    """
    pipeline = Pipeline(
        find_plugin(MethodPlugin, spec.method),
        tuple(find_plugin(AddOnPlugin, add_on.name) for add_on in spec.add_ons),
    )
    method, add_ons = pipeline.load()
    today = [(pipeline.method.name, method.version, pipeline.method.source_hash())]
    today += [(p.name, a.version, p.source_hash()) for p, a in zip(pipeline.add_ons, add_ons, strict=True)]
    stored = [(spec.method, spec.version, spec.source), *((a.name, a.version, a.source) for a in spec.add_ons)]
    for part, known in zip(today, stored, strict=True):
        if part != known:
            raise InputError(f"run {spec.key} is of another version of {part[0]}; train it again")
    return pipeline


def _split(reference: str) -> list[str]:
    """Split at the plus signs, but for those in the path of a file."""
    parts: list[str] = []
    for piece in reference.split("+"):
        unfinished = bool(parts) and "/" in parts[-1] and ".py:" not in parts[-1]
        if unfinished:
            parts[-1] += f"+{piece}"
        else:
            parts.append(piece)
    return parts
