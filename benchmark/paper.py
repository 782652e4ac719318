"""The numbers that the paper prints, for results on the same benchmark and the same features."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from pathlib import Path

PAPER_FEATURE_SETS = frozenset({"rtfm-i3d-r50-10crop", "rocng-i3d-inception"})
"""Ids of the feature sets that the paper's tables rest on: I3D ResNet-50 (2048) and I3D Inception (1024), RGB."""

NAMES = {
    "ucf-crime": "UCF-Crimes",
    "xd-violence": "XD-Violence",
    "shanghaitech": "ShanghaiTech",
    "avenue": "Avenue",
}
"""What the paper's tables call the benchmarks."""


def cross_dataset_value(method: str | None, source: str, target: str, feature_set: str) -> float | None:
    """Return a number of the paper's Table 4, in percent; None where it has none or the features are others.

    Parameters
    ----------
    method
        The row's name in the paper's table.
    source, target
        Benchmarks that the method is trained and tested on.
    """
    if feature_set not in PAPER_FEATURE_SETS:
        return None
    for row in _read("table4.csv"):
        if (row["method"], row["source"], row["target"]) == (method, NAMES.get(source), NAMES.get(target)):
            return float(row["value"])
    return None


@cache
def _read(name: str) -> list[dict[str, str]]:
    installed = Path(str(files("benchmark"))) / "paper" / name
    in_checkout = Path(str(files("benchmark"))).parent / "results" / "paper" / name
    path = installed if installed.is_file() else in_checkout
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
