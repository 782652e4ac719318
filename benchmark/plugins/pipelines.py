"""A method as it is asked for: ``METHOD[@PRESET][+ADD-ON...]``, such as ``mmil@official-code+ica``."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.plugins.registry import AddOnPlugin, MethodPlugin, RecipePlugin
from benchmark.system.entry_points import find_plugin, list_plugins
from benchmark.system.errors import InputError
from benchmark.system.names import check_name
from benchmark.system.near_names import find_alike

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
    """Find a method with its preset and add-ons, each by its name or title or as ``path/to/file.py:Class``.

    This is how every command finds what a user names: ``rtfm``, ``RTFM``, ``mmil@official-code+ica`` and
    ``MMIL (official-code)+ICA`` alike.

    Raises
    ------
    InputError
        If one is not known, or two add-ons have the same name.
    """
    method, *add_ons = _by_names(_split(reference))
    named = re.fullmatch(r"(.+)@([\w.-]+)", method)  # not the @ of a path, which goes on with a colon
    method, preset = named.groups() if named else (method, None)
    if not find_alike(method, list_plugins(MethodPlugin)) and find_alike(method, list_plugins(AddOnPlugin)):
        raise InputError(f"{method} is an add-on: name the method that it is put in front of, as METHOD+{method}")
    pipeline = Pipeline(
        find_plugin(MethodPlugin, method), tuple(find_plugin(AddOnPlugin, add_on) for add_on in add_ons), preset
    )
    names = [add_on.name for add_on in pipeline.add_ons]  # also those of the sections with their settings
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{reference}: two add-ons are called {name}")
    return pipeline


def _by_names(parts: list[str]) -> list[str]:
    """Put names in the place of titles, such as CLAV+CoMo, where a part is no name."""
    kinds: tuple[type[RecipePlugin], ...] = (MethodPlugin, *[AddOnPlugin] * (len(parts) - 1))
    names = [part.partition("@")[0] for part in parts]
    if all(".py:" in n or find_alike(n, list_plugins(kind)) for n, kind in zip(names, kinds, strict=True)):
        return parts
    methods, add_ons = _names_by_title(MethodPlugin), _names_by_title(AddOnPlugin)
    for end in range(len(parts), 0, -1):  # a title may have plus signs of its own
        title, preset = "+".join(parts[:end]), ""
        found = find_alike(title, methods)
        if found is None and (titled := re.fullmatch(r"(.+) \(([\w.-]+)\)", title)):
            title, preset = titled[1], f"@{titled[2]}"
            found = find_alike(title, methods)
        if found is not None:
            parts = [methods[found] + preset, *parts[end:]]
            break
    return [parts[0], *(add_ons[known] if (known := find_alike(part, add_ons)) else part for part in parts[1:])]


def _names_by_title(kind: type[RecipePlugin]) -> dict[str, str]:
    """Return the names of plug-ins by their titles, and by themselves; those that cannot be imported have no title."""
    names: dict[str, str] = {}
    for plugin in list_plugins(kind).values():
        names[plugin.name] = plugin.name
        with suppress(InputError):
            names.setdefault(plugin.load().title, plugin.name)
    return names


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
