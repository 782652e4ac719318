"""Which feature files belong to which annotated video, by their names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Matching:
    """Which file stem belongs to which annotated video.

    Attributes
    ----------
    stems
        Annotated name -> stem of its files.
    suffix
        What all stems carry after the name, such as ``_i3d``; empty if nothing.
    unknown
        Stems that belong to no annotated video.
    """

    stems: dict[str, str]
    suffix: str
    unknown: tuple[str, ...]


def match_names(stems: Iterable[str], annotated: Iterable[str]) -> Matching:
    """Match file stems to annotated names by name, allowing one suffix for the whole set."""
    stems, names = list(stems), set(annotated)
    suffixes = Counter(suffix for stem in stems if (suffix := _suffix(stem, names)))
    common, count = suffixes.most_common(1)[0] if suffixes else ("", 0)
    suffix = common if count > sum(stem in names for stem in stems) else ""
    matched, unknown = {}, []
    for stem in stems:
        name = stem.removesuffix(suffix)
        if name in names and stem == name + suffix:
            matched[name] = stem
        else:
            unknown.append(stem)
    return Matching(matched, suffix, tuple(unknown))


def _suffix(stem: str, names: set[str]) -> str:
    """Return what follows the longest annotated name that `stem` begins with, cut at a separator."""
    for cut in range(len(stem) - 1, 0, -1):
        if stem[cut] in "_-." and stem[:cut] in names:
            return stem[cut:]
    return ""
