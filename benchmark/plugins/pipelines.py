"""A method as it is asked for: ``METHOD[@PRESET][+ADD-ON...]``, such as ``mmil@official-code+ica``."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
from benchmark.system.entry_points import find_plugin, list_plugins
from benchmark.system.errors import InputError
from benchmark.system.names import check_name

if TYPE_CHECKING:
    from benchmark.api import AddOn, Method, MethodConfig


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

    @property
    def reference(self) -> str:
        """How to find it again from anywhere on this machine."""
        preset = f"@{self.preset}" if self.preset else ""
        return "+".join([self.method.reference + preset, *(add_on.reference for add_on in self.add_ons)])

    def load(self) -> tuple[type[Method], list[type[AddOn]]]:
        """Import the classes.

        Raises
        ------
        InputError
            If one cannot be used, or if the method contains an add-on already.
        """
        method = self.method.load()
        if self.add_ons and not method.takes_add_ons:
            raise InputError(f"method {self.method.name} is fitted, not trained: an add-on before it learns nothing")
        for add_on in self.add_ons:
            if add_on.name in method.built_in_add_ons:
                others = replace(self, add_ons=tuple(other for other in self.add_ons if other != add_on))
                setting = method.built_in_add_ons[add_on.name]
                raise InputError(
                    f"method {self.method.name} contains the add-on {add_on.name}: "
                    f"instead of {self.name}, write {others.name} with --set {self.method.name}.{setting}"
                )
        return method, [add_on.load() for add_on in self.add_ons]

    def title(self, config: MethodConfig) -> str:
        """Return the name in tables of the method with this configuration, its preset and its add-ons.

        Raises
        ------
        InputError
            If one of them calls itself what no table can print.
        """
        method, add_ons = self.load()
        preset = f" ({self.preset})" if self.preset else ""
        try:
            titles = [
                check_name(name) for name in (method.title_for(config), *(a.title or a.__name__ for a in add_ons))
            ]
        except ValueError as error:
            raise InputError(f"{self.name}: its `title` cannot be used: {error}") from None
        return "+".join([titles[0] + preset, *titles[1:]])


def find_pipeline(reference: str) -> Pipeline:
    """Find a method with its preset and add-ons, each by its registered name or as ``path/to/file.py:Class``.

    Raises
    ------
    InputError
        If one is not known, or two add-ons have the same name.
    """
    method, *add_ons = _split(reference)
    named = re.fullmatch(r"(.+)@([\w.-]+)", method)  # not the @ of a path, which goes on with a colon
    method, preset = named.groups() if named else (method, None)
    if method not in list_plugins(MethodPlugin) and method in list_plugins(AddOnPlugin):
        raise InputError(f"{method} is an add-on: name the method that it is put in front of, as METHOD+{method}")
    pipeline = Pipeline(
        find_plugin(MethodPlugin, method), tuple(find_plugin(AddOnPlugin, add_on) for add_on in add_ons), preset
    )
    names = [add_on.name for add_on in pipeline.add_ons]  # also those of the sections with their settings
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{reference}: two add-ons are called {name}")
    return pipeline


def _split(reference: str) -> list[str]:
    """Split at the plus signs, but for those in the path of a file."""
    pieces, parts = reference.split("+"), []
    while pieces:
        heads = {end: "+".join(pieces[:end]) for end in range(len(pieces), 0, -1)}
        end = next((end for end, head in heads.items() if _is_file(head)), 1)
        if "/" in pieces[0] and end == 1:  # a path that leads nowhere: whole, so that it can be named
            end = next((end for end, head in reversed(heads.items()) if ".py:" in head), 1)
        parts.append("+".join(pieces[:end]))
        del pieces[:end]
    return parts


def _is_file(reference: str) -> bool:
    named = re.fullmatch(r"(.+\.py):\w+(?:@[\w.-]+)?", reference)
    return named is not None and Path(named[1]).is_file()
