"""Names as people write them: which known name is meant, and which is nearest to one that is not known."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

NEAR = 0.6
"""Least likeness of names that are taken for slips of one another."""


def alike(name: str) -> str:
    """Return what names have in common that differ in capitals, spaces, hyphens and underscores alone."""
    return re.sub(r"[\s_-]+", "-", unicodedata.normalize("NFKC", name).casefold().strip())


def find_alike(wanted: str, known: Iterable[str]) -> str | None:
    """Return the known name that is meant: the same, or the only one that is alike; None without one."""
    names = list(known)
    if wanted in names:
        return wanted
    found = [name for name in names if alike(name) == alike(wanted)]
    return found[0] if len(found) == 1 else None


def nearest(wanted: str, known: Iterable[str], least: float = NEAR) -> str | None:
    """Return the known name that was probably meant, by likeness or by its initials; None where none is near."""
    by_form = {alike(name): name for name in known}
    initials = {"".join(word[0] for word in form.split("-") if word): form for form in by_form if "-" in form}
    form = alike(wanted)
    close = [initials[form]] if form in initials else difflib.get_close_matches(form, by_form, 1, least)
    return by_form[close[0]] if close else None


def did_you_mean(wanted: str, known: Iterable[str]) -> str:
    """Return the end of a message on a name that is not known; empty where none is near."""
    near = nearest(wanted, known)
    return "" if near is None else f"; did you mean {near}?"
