"""Finding datasets by name below the data root."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import Manifest
from benchmark.system.amounts import Progress
from benchmark.system.entry_points import Plugin, list_plugins
from benchmark.system.errors import InputError
from benchmark.system.files import entries, is_there
from benchmark.system.near_names import did_you_mean
from benchmark.terms import SCENES_PREFIX

# A name is a folder's; it stands in comma-separated lists and, joined by "+", in names of result folders.
_NAME = re.compile(r"\w[\w.-]*")


@dataclass(frozen=True)
class CatalogEntry:
    """A dataset below the data root: its manifest, or why it cannot be opened."""

    name: str
    manifest: Manifest | None
    problem: str = ""


class DatasetPlugin(Plugin):
    """A function that opens a dataset below the data root, and makes it first if it is not there."""

    kind = "dataset"
    group = "wvad_bench.datasets"

    def open(self, root: Path, progress: Progress) -> Dataset:
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
        opened = self.call(self.name, root, progress)
        if not isinstance(opened, Dataset) or opened.path != root / self.name or opened.name != self.name:
            raise InputError(f"dataset {self.name}: {self.attribute} does not give the dataset {root / self.name}")
        return opened


def data_root(option: Path | None) -> Path:
    """Return where datasets lie: the option, else `$WVAD_DATA`, else `./data`."""
    return option if option is not None else Path(os.environ.get("WVAD_DATA") or "data")


def check_name(name: str) -> None:
    """Raise an error if a dataset cannot be called so.

    Raises
    ------
    InputError
        If the name holds anything but letters, digits, ``_``, ``-`` and dots, or begins with a dot or hyphen.
    """
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r}: not a name for a dataset; use letters, digits, `_`, `-` and `.` inside, no folders"
        )


def list_datasets(root: Path) -> list[CatalogEntry]:
    """List the datasets below a data root by name; one that is broken is listed with its reason."""
    folders = [path for path in entries(root) if _NAME.fullmatch(path.name)]
    return [entry for folder in folders if (entry := _entry(folder)) is not None]


def open_or_make(name: str, root: Path, progress: Progress) -> Dataset:
    """Open a dataset by name; one that a plug-in gives, such as the simulated ones, is made if it is not there yet.

    Raises
    ------
    InputError
        If there is none of that name, or it is damaged.
    """
    plugin = list_plugins(DatasetPlugin).get(name)
    return open_dataset(name, root) if plugin is None else plugin.open(root, progress)


def open_dataset(name: str, root: Path) -> Dataset:
    """Open a dataset by name.

    Raises
    ------
    InputError
        If there is none of that name, or it is damaged.
    """
    check_name(name)
    if is_there(root / name / "manifest.json"):
        return _open(root / name)
    known = [entry.name for entry in list_datasets(root)]
    command = (
        "data scenes" if name.startswith(SCENES_PREFIX) else f"data import {name} --features DIR --annotations PATH"
    )
    what_to_do = did_you_mean(name, known) or f"; make it with `wvad {command}`"
    raise InputError(f"{name}: no such dataset in {root} (known: {', '.join(known) or 'none'}){what_to_do}")


def _open(folder: Path) -> Dataset:
    dataset = Dataset(folder)
    if dataset.name != folder.name:
        raise InputError(
            f"{folder}: its manifest calls it {dataset.name}; rename the folder, or import it as {folder.name}"
        )
    return dataset


def _entry(folder: Path) -> CatalogEntry | None:
    try:
        return CatalogEntry(folder.name, _open(folder).manifest) if is_there(folder / "manifest.json") else None
    except InputError as error:
        return CatalogEntry(folder.name, None, str(error))
