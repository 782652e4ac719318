"""Find methods by name: an installed plug-in (ours are declared the same way), or ``path/to/file.py:Class``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from benchmark.errors import InputError

if TYPE_CHECKING:
    from benchmark.api import Method

METHODS = "wvad_bench.methods"


@dataclass(frozen=True)
class Plugin:
    """A method that can be loaded, known without importing it.

    Attributes
    ----------
    name
        What the user calls it: the entry point's name, or ``file.py:Class`` for a file.
    module, attribute
        Where the class is: a module's name, or the path of a file.
    distribution
        Who ships it; empty for a file.
    """

    name: str
    module: str
    attribute: str
    distribution: str = ""

    @property
    def is_file(self) -> bool:
        """Whether the method is a file of the user's own rather than part of an installed package."""
        return self.module.endswith(".py")

    def source_hash(self) -> str | None:
        """Hash of a file plug-in's content, which is its version; None for an installed one."""
        return hashlib.sha256(Path(self.module).read_bytes()).hexdigest() if self.is_file else None

    def recipe_path(self) -> Path | None:
        """Path of the recipe, ``NAME.yaml`` beside the method's module or in ``recipes/`` there; None without one."""
        if self.is_file:
            source = Path(self.module)
        else:
            spec = importlib.util.find_spec(self.module)
            if spec is None or spec.origin is None:
                return None
            source = Path(spec.origin)
        for folder in (source.parent / "recipes", source.parent):
            path = folder / f"{source.stem}.yaml"
            if path.is_file():
                return path
        return None

    def load(self) -> type[Method]:
        """Import the method's class.

        Raises
        ------
        InputError
            If the import fails or the class is not a `benchmark.api.Method`.
        """
        from benchmark.api import Method, MethodConfig

        try:
            module = _import_file(Path(self.module)) if self.is_file else importlib.import_module(self.module)
            loaded = getattr(module, self.attribute)
        except (Exception, SystemExit) as error:  # a script that was not meant to be imported calls sys.exit
            raise InputError(f"method {self.name} is unavailable: {type(error).__name__}: {error}") from error
        if not (isinstance(loaded, type) and issubclass(loaded, Method)):
            raise InputError(f"method {self.name}: {self.attribute} is not a subclass of benchmark.api.Method")
        if not (isinstance(loaded.Config, type) and issubclass(loaded.Config, MethodConfig)):
            raise InputError(f"method {self.name}: its Config is not a subclass of benchmark.api.MethodConfig")
        return loaded


def list_methods() -> dict[str, Plugin]:
    """Return the installed methods by name, importing none of them.

    Raises
    ------
    InputError
        If two distributions declare the same name.
    """
    found: dict[str, Plugin] = {}
    for point in sorted(entry_points(group=METHODS), key=lambda point: point.name):
        plugin = _from_entry_point(point)
        other = found.setdefault(point.name, plugin)
        if (other.module, other.attribute) != (plugin.module, plugin.attribute):
            raise InputError(
                f"method {point.name} is declared by {other.distribution} and by {plugin.distribution}; uninstall one"
            )
    return found


def find_method(reference: str) -> Plugin:
    """Find a method by its registered name or as ``path/to/file.py:Class``.

    Raises
    ------
    InputError
        If there is no such method or file.
    """
    path, colon, attribute = reference.rpartition(":")
    if colon and path.endswith(".py"):
        if not Path(path).is_file():
            raise InputError(f"method {reference}: there is no file {path}")
        return Plugin(f"{Path(path).name}:{attribute}", str(Path(path).resolve()), attribute)
    methods = list_methods()
    if reference not in methods:
        raise InputError(f"unknown method {reference}; known: {', '.join(methods)}, or path/to/file.py:Class")
    return methods[reference]


def _from_entry_point(point: EntryPoint) -> Plugin:
    return Plugin(point.name, point.module, point.attr, point.dist.name if point.dist else "")


def _import_file(path: Path) -> ModuleType:
    # A name of its own for each content keeps two versions of one file apart, and lets its classes be pickled.
    name = f"wvad_plugin_{path.stem}_{hashlib.sha256(path.read_bytes()).hexdigest()[:12]}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
