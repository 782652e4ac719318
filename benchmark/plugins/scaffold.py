"""A new method's first file, and the test of it."""

from __future__ import annotations

import importlib.util
import keyword
from importlib.resources import files
from pathlib import Path

from benchmark.system.errors import InputError
from benchmark.system.files import writing_to


def class_name(name: str) -> str:
    """Return a method's name as that of its class: ``my_method`` becomes ``MyMethod``."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def render(template: str, name: str) -> str:
    """Return a file of `benchmark.plugins.templates` for a method of another name."""
    text = files("benchmark.plugins.templates").joinpath(template).read_text(encoding="utf-8")
    return text.replace("my_method", name).replace("MyMethod", class_name(name))


def write_method(name: str, folder: Path) -> tuple[Path, Path]:
    """Write ``NAME.py`` and ``test_NAME.py`` into a folder, or neither; return their paths.

    Raises
    ------
    InputError
        If the name cannot be that of a method's file, a file is there already, or the folder cannot be written.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or not class_name(name).isidentifier():
        raise InputError(f"{name!r} cannot name a method: choose a Python name such as my_method")
    method, test = folder / f"{name}.py", folder / f"test_{name}.py"
    for path in (method, test):
        if path.exists():
            raise InputError(f"{path} is there already: choose another name, or another folder with --folder")
    if importlib.util.find_spec(name) is not None:
        raise InputError(f"{name} is the name of an installed package, which {method} would hide: choose another name")
    written: list[Path] = []
    with writing_to(folder, "--folder"):
        try:
            for path, template in ((method, "my_method.py"), (test, "test_my_method.py")):
                with path.open("x", encoding="utf-8") as file:
                    written.append(path)
                    file.write(render(template, name))
        except OSError:
            for path in written:
                path.unlink(missing_ok=True)
            raise
    return method, test
