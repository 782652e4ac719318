"""Relations between the names that files have and the annotated ones, where one holds for all of a set."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from functools import partial
from itertools import takewhile
from typing import NamedTuple

_MOST_CUTS = 4
_CODEC = re.compile(r"[_\-.][xh]26[45]$", re.IGNORECASE)


class Relation(NamedTuple):
    """How names in the files are related to the annotated ones, but for what all files carry before or after them.

    Attributes
    ----------
    key
        What of a name counts.
    shorten
        What of an annotated name the files have.
    """

    key: Callable[[str], str] = str
    shorten: Callable[[str], str] = str
    said: str = ""
    keeps_endings: bool = False
    affixed: bool = True


def relations(annotated: Collection[str]) -> Iterator[Relation]:
    """Yield how names may differ from the annotated ones, in the order in which less is taken to be the same."""
    yield Relation(keeps_endings=True)
    yield Relation(said="Endings in the feature files' names, such as `.mp4`, are left out.")
    shortened: list[tuple[Callable[[str], str], bool, str]] = [(str, True, "")]
    if all(map(_CODEC.search, annotated)):
        said = "The annotated names carry the codec at their end, such as `_x264`, which the feature files lack."
        shortened.append((partial(_CODEC.sub, ""), True, said))
    for prefix, suffix in _common_affixes(annotated):
        affixes = " and ".join(f"`{affix}`" for affix in (prefix, suffix) if affix)
        said = f"All annotated names carry {affixes}, which the feature files lack."
        shortened.append((partial(_without, prefix, suffix), False, said))
    letters, signs = "capital and small letters", "the signs `-`, `_`, `.` and blanks"
    keys: list[tuple[Callable[[str], str], str]] = [
        (str, ""),
        (str.lower, f"In names, {letters} are taken as the same."),
        (_alike, f"In names, {signs} are taken as the same."),
        (lambda name: _alike(name.lower()), f"In names, {letters} are taken as the same, and {signs}."),
    ]
    for key, same in keys:
        for shorten, affixed, lacking in shortened:
            if said := " ".join(filter(None, (lacking, same))):
                yield Relation(key, shorten, said, affixed=affixed)


def _without(prefix: str, suffix: str, name: str) -> str:
    return name.removeprefix(prefix).removesuffix(suffix)


def _alike(name: str) -> str:
    return re.sub(r"[\-. ]", "_", name)


def _common_affixes(annotated: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield what all annotated names begin with, end with or both, up to a sign; something is left of each."""
    before = _common_beginning(annotated)
    after = _common_beginning([name[::-1] for name in annotated])[::-1]
    prefixes = ["", *(before[:cut] for cut in range(1, len(before) + 1) if not before[cut - 1].isalnum())]
    suffixes = [*(after[cut:] for cut in range(len(after)) if not after[cut].isalnum()), ""]
    shortest = min(map(len, annotated))
    for prefix in prefixes[:_MOST_CUTS]:
        for suffix in suffixes[-_MOST_CUTS:]:
            if 0 < len(prefix) + len(suffix) < shortest:
                yield prefix, suffix


def _common_beginning(names: Collection[str]) -> str:
    first, last = min(names), max(names)
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False)))
