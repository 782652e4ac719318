"""Find plug-ins by name, by the entry points of installed packages, or as ``path/to/file.py:Class``."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import ClassVar, TypeVar

from benchmark.system.errors import NOT_THEIRS, InputError, describe
from benchmark.system.names import check_name
from benchmark.system.near_names import did_you_mean, find_alike

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
    from_files: ClassVar[bool] = False
    """Whether messages say that a plug-in of this kind may be a file of the user's own."""

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

    def import_it(self) -> object:
        """Import the class or function.

        Raises
        ------
        InputError
            If that fails.
        """
        try:
            module = _import_file(Path(self.module)) if self.is_file else importlib.import_module(self.module)
            return getattr(module, self.attribute)
        except NOT_THEIRS:
            raise
        except BaseException as error:  # a script that was not meant to be imported calls sys.exit
            raise InputError(f"{self.kind} {self.name} is unavailable: {describe(error)}") from error

    def call(self, *arguments: object) -> object:
        """Call what is declared.

        Raises
        ------
        InputError
            If the import or the call fails.
        """
        function = self.import_it()
        try:
            return function(*arguments) if callable(function) else None
        except (InputError, *NOT_THEIRS):
            raise
        except BaseException as error:
            raise InputError(f"{self.kind} {self.name}: {describe(error)}") from error


def list_plugins(kind: type[_Plugin]) -> dict[str, _Plugin]:
    """Return the installed plug-ins of a kind by name, importing none of them.

    Raises
    ------
    InputError
        If two distributions declare the same name.
    """
    found: dict[str, _Plugin] = {}
    for declared in _declared(kind.group, tuple((folder, _changed(folder)) for folder in sys.path)):
        plugin = kind(*declared)
        other = found.setdefault(plugin.name, plugin)
        if (other.module, other.attribute) != (plugin.module, plugin.attribute):
            raise InputError(
                f"{kind.kind} {plugin.name} is declared by {other.distribution} and by {plugin.distribution}; "
                "uninstall one"
            )
    return found


def find_plugin(kind: type[_Plugin], reference: str) -> _Plugin:
    """Find a plug-in of a kind by its registered name, in any capitals, or as ``path/to/file.py:Class``.

    Raises
    ------
    InputError
        If there is no such plug-in or file.
    """
    path, colon, attribute = reference.rpartition(":")
    if colon and path.endswith(".py"):
        if not Path(path).is_file():
            raise InputError(f"{kind.kind} {reference}: there is no file {path}")
        try:
            check_name(f"{Path(path).name}:{attribute}")
        except ValueError as error:
            raise InputError(f"{kind.kind} {reference}: {error}; rename the file") from None
        return kind(f"{Path(path).name}:{attribute}", str(Path(path).resolve()), attribute)
    plugins = list_plugins(kind)
    name = find_alike(reference, plugins)
    if name is None:
        from_files = ", or path/to/file.py:Class" if kind.from_files else ""
        known = f"known: {', '.join(plugins)}{from_files}"
        raise InputError(f"unknown {kind.kind} {reference}; {known}{did_you_mean(reference, plugins)}")
    return plugins[name]


@cache
def _declared(group: str, folders: tuple[tuple[str, int | None], ...]) -> tuple[tuple[str, str, str, str], ...]:
    """Return name, module, attribute and distribution of a group's entry points, by name.

    They are read once, and anew when something joined or left one of the folders of packages.
    """
    points = sorted(entry_points(group=group), key=lambda point: point.name)
    shipped_by = {dist: dist.name if dist else "" for dist in {point.dist for point in points}}  # each read once
    return tuple((point.name, point.module, point.attr, shipped_by[point.dist]) for point in points)


def _changed(folder: str) -> int | None:
    """Return when something last joined or left a folder; None where there is no folder."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return None


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
