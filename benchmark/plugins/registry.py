"""Methods and add-ons as plug-ins: installed ones (ours are declared the same way), or files of the user's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from importlib.machinery import ModuleSpec, PathFinder
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmark.system.entry_points import Plugin
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.api import AddOn, Method

_Class = TypeVar("_Class")

_DECLARED: Mapping[str, type] = {
    "title": str,
    "version": int,
    "inputs": Mapping,
    "built_in_add_ons": Mapping,
    "training_only": tuple,
}
_DECLARED_AS: Mapping[type, str] = {
    str: "a text",
    int: "a whole number",
    Mapping: "a dictionary",
    tuple: "a tuple of texts",
}
"""What a class declares for the engine, which relies on it before anything of the class is run."""


class RecipePlugin(Plugin):
    """A method or an add-on: a plug-in whose settings lie in a recipe beside it."""

    from_files = True

    def load(self) -> type[Method] | type[AddOn]:
        """Import the class.

        Raises
        ------
        InputError
            If that fails or it is of another kind.
        """
        raise NotImplementedError

    def recipe_path(self) -> Path | None:
        """Path of the recipe, ``NAME.yaml`` beside the plug-in's module or in ``recipes/`` there; None without one."""
        if self.is_file:
            source = Path(self.module)
        else:
            spec = _find_spec(self.module)
            if spec is None or spec.origin is None:
                return None
            source = Path(spec.origin)
        for folder in (source.parent, source.parent / "recipes"):
            path = folder / f"{source.stem}.yaml"
            if path.is_file():
                return path
        return None


class MethodPlugin(RecipePlugin):
    """A `benchmark.api.Method` that can be loaded."""

    kind = "method"
    group = "wvad_bench.methods"

    def load(self) -> type[Method]:
        """Import the method's class.

        Raises
        ------
        InputError
            If the import fails or the class is not a `benchmark.api.Method`.
        """
        from benchmark.api import Method, MethodConfig

        return _load(self, Method, MethodConfig)


class AddOnPlugin(RecipePlugin):
    """A `benchmark.api.AddOn` that can be loaded."""

    kind = "add-on"
    group = "wvad_bench.addons"

    def load(self) -> type[AddOn]:
        """Import the add-on's class.

        Raises
        ------
        InputError
            If the import fails or the class is not a `benchmark.api.AddOn`.
        """
        from benchmark.api import AddOn, AddOnConfig

        return _load(self, AddOn, AddOnConfig)


def _find_spec(module: str) -> ModuleSpec | None:
    """Find an installed module as `importlib.util.find_spec` does, but without importing the packages around it."""
    first, *others = accumulate(module.split("."), "{}.{}".format)
    spec = importlib.util.find_spec(first)
    for name in others:
        if spec is not None:
            spec = PathFinder.find_spec(name, spec.submodule_search_locations or ())
    return spec


def _load(plugin: Plugin, base: type[_Class], config_base: type[object]) -> type[_Class]:
    loaded = plugin.import_it()
    if not (isinstance(loaded, type) and issubclass(loaded, base)):
        raise InputError(
            f"{plugin.kind} {plugin.name}: {plugin.attribute} is not a subclass of benchmark.api.{base.__name__}"
        )
    config = getattr(loaded, "Config", None)
    if not (isinstance(config, type) and issubclass(config, config_base)):
        raise InputError(
            f"{plugin.kind} {plugin.name}: its Config is not a subclass of benchmark.api.{config_base.__name__}"
        )
    for name, kind in _DECLARED.items():
        declared = getattr(loaded, name, None)
        if hasattr(base, name) and (not isinstance(declared, kind) or isinstance(declared, bool)):
            raise InputError(
                f"{plugin.kind} {plugin.name}: its {name} is {type(declared).__name__}; write {_DECLARED_AS[kind]}"
            )
    return loaded
