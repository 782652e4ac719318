"""Amounts: how much of how much is done, and numbers and lengths of time in words."""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[int, int], None]
"""Is told how much is done, and how much there is in all."""


def count(number: int, what: str, several: str = "") -> str:
    """Count things: ``1 video``, ``2 videos``; the plural may be given where it is not formed by an s."""
    return f"{number} {what if number == 1 else several or what + 's'}"


def duration(seconds: float) -> str:
    """Say seconds in the largest unit that there are two of."""
    for unit, length in (("days", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"
