"""The features that a node of a cluster has: found there, and compared with the driver's, once per node and dataset."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from benchmark.datasets.catalog import data_root
from benchmark.datasets.check import is_as_imported
from benchmark.datasets.dataset import Dataset
from benchmark.datasets.manifest import TOLD
from benchmark.system.errors import InputError
from benchmark.system.files import cache_folder
from benchmark.system.hashing import digest


def fingerprint(dataset: Dataset) -> str:
    """Return what two copies of a dataset have in common: all that training and evaluations see of it."""
    return digest([dataset.manifest.train_hash(TOLD), dataset.manifest.test_hash()])


@cache
def find_on_node(path: Path, expected: str) -> Path:
    """Return where a dataset lies on this node: where it does on the driver's, or below its own `$WVAD_DATA`.

    Parameters
    ----------
    path
        Where it lies on the driver's machine.
    expected
        Its `fingerprint` there.

    Raises
    ------
    InputError
        If it is not there, is another one, or its arrays are not as its manifest says.
    """
    node = socket.gethostname()
    places = list(dict.fromkeys([path, data_root(None).absolute() / path.name]))
    present = [place for place in places if (place / "manifest.json").exists()]
    if not present:
        looked = " and ".join(map(str, places))
        raise InputError(f"node {node} has no dataset {path.name} (looked for {looked}); copy it there, set $WVAD_DATA")
    for place in present:
        dataset = Dataset(place)
        if fingerprint(dataset) == expected:
            _check_arrays(dataset)
            return place
    raise InputError(f"node {node}: {present[0]} is not the driver's {path.name}; copy the driver's dataset there")


def _check_arrays(dataset: Dataset) -> None:
    """Hash the arrays unless some process of this node has done so since they were last changed."""
    with _marked(_marker(dataset)) as known:
        if known:
            return
        for video in dataset.manifest.videos:
            if not is_as_imported(dataset, video):
                place = f"node {socket.gethostname()}: {dataset.path}"
                raise InputError(f"{place}: video {video.name} is damaged; copy the driver's dataset there")


def _marker(dataset: Dataset) -> Path:
    files = [(path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in sorted(dataset.path.iterdir())]
    name = digest([socket.gethostname(), str(dataset.path), files])  # homes may be shared between nodes, disks not
    return cache_folder() / "features" / name


@contextmanager
def _marked(marker: Path) -> Iterator[bool]:
    """Give whether a marker is set, and set it when the block ends well; one process of this node at a time."""
    with suppress(OSError):
        marker.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(marker, os.O_RDWR | os.O_CREAT)
    except OSError:  # a home that cannot be written: then every process checks for itself
        yield False
        return
    try:
        with suppress(OSError):  # a disk without locks: then several may check at once
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield os.fstat(handle).st_size > 0
        os.pwrite(handle, b"checked\n", 0)
    finally:
        os.close(handle)
