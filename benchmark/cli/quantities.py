"""Numbers, times, sizes and shares of a GPU, as they are written on the command line."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import typer

from benchmark.training.choices import BOUNDS

_SECONDS = {"": 1, "S": 1, "M": 60, "H": 3600}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_NUMBER = re.compile(r"(\d{1,18}(?:\.\d{1,9})?)([A-Z]?)", re.ASCII | re.IGNORECASE)


def parse_time(text: str) -> float:
    """Return seconds: ``90``, ``90s``, ``10m``, ``2h``."""
    seconds = _parse(text, _SECONDS)
    if seconds is None or not _fits(seconds, "timeout"):
        raise typer.BadParameter(f"{text}: write seconds above 0, or such as 90s, 10m or 2h, up to a year")
    return seconds


def parse_size(text: str) -> int:
    """Return bytes: ``500M``, ``4G``, ``1.5G``, or a plain number; units are powers of 1024."""
    size = _parse(text, _BYTES)
    if size is None or not _fits(size, "memory"):
        raise typer.BadParameter(f"{text}: write bytes, or such as 500M, 4G or 1.5T, up to 1024T")
    return int(size)


def parse_gpus(given: str | float) -> float:
    """Return GPUs: a share of one, or a whole number of them. Typer passes the default here too."""
    gpus = _parse(str(given), {"": 1})
    if gpus is None or not _fits(gpus, "gpus_per_run") or not (gpus <= 1 or gpus.is_integer()):
        raise typer.BadParameter(
            f"{given}: write a share of a GPU such as 0.25, from 0.01 on, or a whole number of them up to 1024"
        )
    return gpus


def between(least: float, most: float) -> Callable[[str | float], float]:
    """Return a reader of numbers from `least` to `most`; Typer's own lets ``nan`` pass."""

    def parse(given: str | float) -> float:
        try:
            number = float(given)
        except ValueError:
            number = float("nan")
        if not least <= number <= most:
            raise typer.BadParameter(f"{given}: write a number from {least:g} to {most:g}")
        return number

    return parse


def _fits(number: float, choice: str) -> bool:
    least, most = BOUNDS[choice]
    return least <= number <= most


def _parse(text: str, units: Mapping[str, int]) -> float | None:
    found = _NUMBER.fullmatch(text.strip())
    if found is None or found[2].upper() not in units:
        return None
    return float(found[1]) * units[found[2].upper()]
