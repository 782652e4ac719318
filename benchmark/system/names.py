"""The one rule for names that come from outside, whatever they name, and how a text is shown that may break it."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator

LONGEST_NAME = 255
"""Bytes of a name: those of the longest name of a file."""
LONGEST_TITLE = 2000
"""Bytes of a title, which may be put together from several names and settings."""


def printable(text: str) -> str:
    r"""Return a text in one line, with all that does not print escaped: ``\x1b[2J`` in place of a cleared screen.

    Blanks of every width stay.
    """
    if text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    stays = character.isprintable() or unicodedata.category(character) == "Zs"
    return character if stays else character.encode("unicode_escape").decode()


@lru_cache(maxsize=4096)  # a large store says the same few names many thousands of times
def check_name(name: str, longest: int = LONGEST_NAME) -> str:
    """Return a name from outside if it can be one.

    Escapes, ends of lines, marks that turn the direction of writing and the separators of our own files do not print.

    Parameters
    ----------
    longest
        How many bytes it may have.

    Raises
    ------
    ValueError
        If it is blank, too long, or holds anything that does not print.
    """
    if not name.strip():
        raise ValueError("a name is empty")
    if (size := len(name.encode(errors="replace"))) > longest:
        raise ValueError(f"a name has {size} bytes, {longest} at most are possible: {name[:40]!r}...")
    if not name.isprintable():
        raise ValueError(f"a name holds characters that do not print: {name!r}")
    return name


def check_file_name(name: str) -> str:
    """Return a name from outside if it can also be that of a file or folder.

    Raises
    ------
    ValueError
        If it is no name, see `check_name`, holds slashes, or is ``.`` or ``..``.
    """
    if re.search(r"[/\\]", name) or name in (".", ".."):
        raise ValueError(f"a name would lead to another folder: {name[:40]!r}")
    return check_name(name)


def _check_title(title: str) -> str:
    return check_name(title, LONGEST_TITLE)


def _check_heading(title: str) -> str:
    return title and _check_title(title)


Name = Annotated[str, AfterValidator(check_name)]
"""What something is called: a class, a dataset, a method."""
FileName = Annotated[str, AfterValidator(check_file_name)]
"""A name that files or folders are called by."""
Title = Annotated[str, AfterValidator(_check_title)]
"""What something is called in tables."""
Heading = Annotated[str, AfterValidator(_check_heading)]
"""A title that may be left out."""
