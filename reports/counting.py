"""Numbers in sentences."""

from __future__ import annotations


def count(number: int, what: str, several: str = "") -> str:
    """Count things: ``1 video``, ``2 videos``; the plural may be given where it is not formed by an s."""
    return f"{number} {what if number == 1 else several or what + 's'}"
