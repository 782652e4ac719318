"""Rules of naming: what in the paths of a set's files is the video's name, and what the crop's number.

A rule is for all files of a set. Whether it holds, the annotated names decide (`choice`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from benchmark.datasets.naming.parts import Carried, FilePath, Part, parts
from benchmark.datasets.naming.relations import Relation, relations
from benchmark.datasets.video_names import without_ending

# How many paths are looked at for what all carry, and how much of what they may carry is tried.
_SAMPLES = 9
_MOST_AFFIXES = 12
_MOST_CROPS = 6
_MOST_NUMBERS = 4

_NUMBER = re.compile(r"\d{1,2}$")
_CROP_IN_STEM = re.compile(r"([_\-. ]+(?:crop|c)?[_\-]?)\d{1,2}(?=((?:[_\-. ].*)?)$)", re.IGNORECASE)


class Named(NamedTuple):
    """What a file is of: the video, and the number of the crop; None where its name has none."""

    name: str
    crop: int | None


class _Crop(NamedTuple):
    """What stands before and after a crop's number at the end of a stem."""

    before: str
    after: str = ""


@dataclass(frozen=True)
class Rule:
    """A way to read all names of a set.

    Attributes
    ----------
    names
        What files are to carry, split and rest, -> annotated name.
    """

    part: Part
    crop: _Crop | None
    relation: Relation
    names: Mapping[tuple[str, str], str]
    prefix: str = ""
    suffix: str = ""

    @property
    def numbered(self) -> bool:
        """Whether numbers in the paths are those of crops."""
        return self.crop is not None or self.part.numbered

    @property
    def affixed(self) -> bool:
        """Whether something stands before or after all names."""
        return bool(self.prefix or self.suffix)

    @property
    def first_unnumbered(self) -> bool:
        """Whether the first crop's file may have no number, as of published ones: name.npy, name__1.npy, ..."""
        return self.crop in (None, _Crop("__"))

    @property
    def said(self) -> str:
        """What is to be said of it, in sentences; empty if names are as annotated."""
        affixes = ((self.prefix, "before"), (self.suffix, "after"))
        carried = " and ".join(f"`{affix}` {place}" for affix, place in affixes if affix)
        said = [self.part.said, f"The feature files carry {carried} the video's name." if carried else ""]
        if self.crop is not None and self.crop not in (_Crop("__"), _Crop("_")):
            said.append(f"The number after `{self.crop.before}` in a file's name is that of the crop.")
        return " ".join(filter(None, (*said, self.relation.said)))

    def carried(self, path: FilePath) -> Carried | None:
        """Return what a path carries of a name, annotated or not; None if it is not named by this rule."""
        *folders, stem = path if self.relation.keeps_endings else map(without_ending, path)
        stem, number = _cut(stem, self.crop)
        carried = self.part.carried((*folders, stem))
        if carried is None or (number is None and not self.first_unnumbered):
            return None
        rest = self.relation.key(carried.rest)
        inner = rest.removeprefix(self.prefix).removesuffix(self.suffix)
        if not inner or len(inner) + len(self.prefix) + len(self.suffix) != len(rest):
            return None
        return Carried(carried.split, inner, carried.crop if self.part.numbered else number)

    def read(self, path: FilePath) -> Named | None:
        """Return which annotated video a path is of, and which crop; None if it is of none."""
        carried = self.carried(path)
        name = self.names.get(carried[:2]) if carried else None
        return None if carried is None or name is None else Named(name, carried.crop)


def rules(paths: Sequence[FilePath], annotated: Collection[str], crops: bool = True) -> Iterator[Rule]:
    """Yield the rules that may hold, the plainest first.

    Parameters
    ----------
    paths
        Paths of all files, at least one; what all of them carry is looked for in a few.
    annotated
        The annotated names, at least one.
    crops
        Whether names may carry numbers of crops.
    """
    last = len(paths) - 1
    sample = list(dict.fromkeys(paths[i * last // _SAMPLES] for i in range(_SAMPLES + 1)))
    possible = [part for part in parts(paths, annotated) if crops or not part.numbered]
    for relation in relations(annotated):
        bare = [
            Rule(part, crop, relation, names)
            for part in possible
            if (names := _index(part, relation, annotated)) is not None
            for crop in (None, *(_crops(sample, relation) if crops and not part.numbered else ()))
        ]
        yield from bare
        if relation.affixed:
            # Of `name_i3d__0` the number is cut off first.
            for rule in sorted(bare, key=lambda rule: rule.crop != _Crop("__")):
                for prefix, suffix in _affixes(rule, sample):
                    yield replace(rule, prefix=prefix, suffix=suffix)


def _index(part: Part, relation: Relation, annotated: Collection[str]) -> dict[tuple[str, str], str] | None:
    """Return the annotated names by what files are to carry of them; None if two carry the same."""
    names: dict[tuple[str, str], str] = {}
    for name in annotated:
        short = relation.shorten(name)
        carried = part.carried((short,)) if part.of_split else Carried("", short)
        if carried is None or names.setdefault((carried.split, relation.key(carried.rest)), name) != name:
            return None
    return names


def _crops(sample: Sequence[FilePath], relation: Relation) -> list[_Crop]:
    """Return what may stand around the numbers of crops in a few stems; two underscores before all else."""
    found: Counter[_Crop] = Counter()
    for path in sample:
        stem = path[-1] if relation.keeps_endings else without_ending(path[-1])
        for match in list(_CROP_IN_STEM.finditer(stem))[-_MOST_NUMBERS:]:
            found.update({_Crop(match[1], match[2]), _Crop("__" if match[1].endswith("__") else match[1], match[2])})
    return sorted(found, key=lambda crop: (crop != _Crop("__"), crop.after != "", -found[crop]))[:_MOST_CROPS]


def _cut(stem: str, crop: _Crop | None) -> tuple[str, int | None]:
    """Cut the number of a crop off a stem, with what stands around it."""
    if crop is not None and stem.endswith(crop.after):
        before = stem.removesuffix(crop.after)
        if (number := _NUMBER.search(before)) and before[: number.start()].endswith(crop.before):
            return before[: number.start()].removesuffix(crop.before), int(number[0])
    return stem, None


def _affixes(rule: Rule, sample: Sequence[FilePath]) -> list[tuple[str, str]]:
    """Return what may stand before and after the annotated names in a few paths, the likeliest first."""
    found: Counter[tuple[str, str]] = Counter()
    for path in sample:
        if (carried := rule.carried(path)) is None:
            continue
        rest = carried.rest
        starts = [0, *(i for i in range(1, len(rest)) if not rest[i - 1].isalnum())]
        ends = [*(i for i in range(1, len(rest)) if not rest[i].isalnum()), len(rest)]
        found.update(
            (rest[:start], rest[end:])
            for start in starts
            for end in ends
            if start < end and end - start < len(rest) and (carried.split, rest[start:end]) in rule.names
        )
    return sorted(found, key=lambda affixes: (-found[affixes], len("".join(affixes)), affixes))[:_MOST_AFFIXES]
