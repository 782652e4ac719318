"""Times, sizes and shares of a GPU, as they are written on the command line."""

from __future__ import annotations

import re
from collections.abc import Mapping

import typer

_SECONDS = {"": 1, "S": 1, "M": 60, "H": 3600}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LONGEST = 366 * 24 * 3600  # the system's alarms go wrong beyond centuries
_LARGEST = 1 << 50
_NUMBER = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([A-Z]?)", re.ASCII | re.IGNORECASE)


def parse_time(text: str) -> float:
    """Return seconds: ``90``, ``90s``, ``10m``, ``2h``."""
    seconds = _parse(text, _SECONDS)
    if seconds is None or not 0 < seconds <= _LONGEST:
        raise typer.BadParameter(f"{text}: write seconds above 0, or such as 90s, 10m or 2h, up to a year")
    return seconds


def parse_size(text: str) -> int:
    """Return bytes: ``500M``, ``4G``, ``1.5G``, or a plain number; units are powers of 1024."""
    size = _parse(text, _BYTES)
    if size is None or not 1 <= size <= _LARGEST:
        raise typer.BadParameter(f"{text}: write bytes, or such as 500M, 4G or 1.5T, up to 1024T")
    return int(size)


def parse_gpus(given: str | float) -> float:
    """Return GPUs: a share of one, or a whole number of them. Typer passes the default here too."""
    gpus = _parse(str(given), {"": 1})
    if not gpus or not (gpus <= 1 or gpus.is_integer()):
        raise typer.BadParameter(f"{given}: write a share of a GPU such as 0.25, or a whole number of them")
    return gpus


def _parse(text: str, units: Mapping[str, int]) -> float | None:
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found[2].upper() not in units:
        return None
    return float(found[1]) * units[found[2].upper()]
