"""Find plug-ins by name: installed ones (ours are declared the same way), or ``path/to/file.py:Class``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from importlib.metadata import entry_points
from itertools import accumulate
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, ClassVar, TypeVar, cast

from benchmark.errors import InputError

if TYPE_CHECKING:
    from benchmark.api import AddOn, Method
    from benchmark.datasets.store import Dataset
    from benchmark.executors import Executor, Resources

_Class = TypeVar("_Class")
_Plugin = TypeVar("_Plugin", bound="Plugin")


@dataclass(frozen=True)
class Plugin:
    """A class that can be loaded, known without importing it.

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

    kind: ClassVar[str]
    group: ClassVar[str]
    """Group of the entry points that declare plug-ins of this kind."""

    @property
    def is_file(self) -> bool:
        """Whether the plug-in is a file of the user's own rather than part of an installed package."""
        return self.module.endswith(".py")

    @property
    def reference(self) -> str:
        """How to find it again from anywhere on this machine: its name, or its file's whole path and the class."""
        return f"{self.module}:{self.attribute}" if self.is_file else self.name

    def source_hash(self) -> str | None:
        """Hash of a file plug-in's content, which is its version; None for an installed one."""
        return hashlib.sha256(Path(self.module).read_bytes()).hexdigest() if self.is_file else None

    def recipe_path(self) -> Path | None:
        """Path of the recipe, ``NAME.yaml`` beside the plug-in's module or in ``recipes/`` there; None without one."""
        if self.is_file:
            source = Path(self.module)
        else:
            spec = _find_spec(self.module)
            if spec is None or spec.origin is None:
                return None
            source = Path(spec.origin)
        for folder in (source.parent / "recipes", source.parent):
            path = folder / f"{source.stem}.yaml"
            if path.is_file():
                return path
        return None

    def _import(self) -> object:
        try:
            module = _import_file(Path(self.module)) if self.is_file else importlib.import_module(self.module)
            return getattr(module, self.attribute)
        except (Exception, SystemExit) as error:  # a script that was not meant to be imported calls sys.exit
            raise InputError(f"{self.kind} {self.name} is unavailable: {type(error).__name__}: {error}") from error

    def _call(self, *arguments: object) -> object:
        """Call what is declared; trouble in it is one line."""
        function = self._import()
        try:
            return function(*arguments) if callable(function) else None
        except InputError:
            raise
        except Exception as error:
            raise InputError(f"{self.kind} {self.name}: {type(error).__name__}: {error}") from error

    def _load(self, base: type[_Class], config_base: type[object]) -> type[_Class]:
        loaded = self._import()
        if not (isinstance(loaded, type) and issubclass(loaded, base)):
            raise InputError(
                f"{self.kind} {self.name}: {self.attribute} is not a subclass of benchmark.api.{base.__name__}"
            )
        config = getattr(loaded, "Config", None)
        if not (isinstance(config, type) and issubclass(config, config_base)):
            raise InputError(
                f"{self.kind} {self.name}: its Config is not a subclass of benchmark.api.{config_base.__name__}"
            )
        return loaded


class MethodPlugin(Plugin):
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

        return self._load(Method, MethodConfig)


class AddOnPlugin(Plugin):
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

        return self._load(AddOn, AddOnConfig)


class DatasetPlugin(Plugin):
    """A function that opens a dataset below the data root, and makes it first if it is not there."""

    kind = "dataset"
    group = "wvad_bench.datasets"

    def open(self, root: Path, progress: Callable[[int, int], None]) -> Dataset:
        """Open the dataset.

        Parameters
        ----------
        progress
            Called with what is done and what is to do, where the dataset has to be made.

        Raises
        ------
        InputError
            If the import fails, or what it gives is not the dataset of that name below the root.
        """
        from benchmark.datasets.store import Dataset

        opened = self._call(self.name, root, progress)
        if not isinstance(opened, Dataset) or opened.path != root / self.name or opened.name != self.name:
            raise InputError(f"dataset {self.name}: {self.attribute} does not give the dataset {root / self.name}")
        return opened


class ExecutorPlugin(Plugin):
    """A class or function that gives an executor for the resources of a call."""

    kind = "executor"
    group = "wvad_bench.executors"

    def create(self, resources: Resources) -> Executor:
        """Create the executor.

        Raises
        ------
        InputError
            If the import fails, or what it gives is no `benchmark.executors.Executor`.
        """
        executor = self._call(resources)
        if not callable(getattr(executor, "run", None)):
            raise InputError(f"executor {self.name}: {self.attribute} gives nothing that could run jobs")
        return cast("Executor", executor)


def list_plugins(kind: type[_Plugin]) -> dict[str, _Plugin]:
    """Return the installed plug-ins of a kind by name, importing none of them.

    Raises
    ------
    InputError
        If two distributions declare the same name.
    """
    found: dict[str, _Plugin] = {}
    for point in sorted(entry_points(group=kind.group), key=lambda point: point.name):
        plugin = kind(point.name, point.module, point.attr, point.dist.name if point.dist else "")
        other = found.setdefault(point.name, plugin)
        if (other.module, other.attribute) != (plugin.module, plugin.attribute):
            raise InputError(
                f"{kind.kind} {point.name} is declared by {other.distribution} and by {plugin.distribution}; "
                "uninstall one"
            )
    return found


def find_plugin(kind: type[_Plugin], reference: str) -> _Plugin:
    """Find a plug-in of a kind by its registered name or as ``path/to/file.py:Class``.

    Raises
    ------
    InputError
        If there is no such plug-in or file.
    """
    path, colon, attribute = reference.rpartition(":")
    if colon and path.endswith(".py"):
        if not Path(path).is_file():
            raise InputError(f"{kind.kind} {reference}: there is no file {path}")
        return kind(f"{Path(path).name}:{attribute}", str(Path(path).resolve()), attribute)
    plugins = list_plugins(kind)
    if reference not in plugins:
        if kind is MethodPlugin and reference in list_plugins(AddOnPlugin):
            raise InputError(
                f"{reference} is an add-on: name the method that it is put in front of, as METHOD+{reference}"
            )
        from_files = ", or path/to/file.py:Class" if issubclass(kind, MethodPlugin | AddOnPlugin) else ""
        raise InputError(f"unknown {kind.kind} {reference}; known: {', '.join(plugins)}{from_files}")
    return plugins[reference]


def _find_spec(module: str) -> ModuleSpec | None:
    """Find an installed module as `importlib.util.find_spec` does, but without importing the packages around it."""
    first, *others = accumulate(module.split("."), "{}.{}".format)
    spec = importlib.util.find_spec(first)
    for name in others:
        if spec is not None:
            spec = PathFinder.find_spec(name, spec.submodule_search_locations or ())
    return spec


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
