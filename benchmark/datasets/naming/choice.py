"""Which video, and which crop of it, each file is of: the annotated names decide, by one rule for all files."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from benchmark.datasets.naming.parts import FilePath
from benchmark.datasets.naming.rules import Rule, rules

_RANKED = 100


@dataclass(frozen=True)
class Naming:
    """What files are of, each given by its place in the sequence of files.

    Attributes
    ----------
    files
        Annotated name -> the file of each crop; of crop 0 alone, where there are no crops.
    unnamed
        Files that are of no annotated video.
    twice
        Pairs of different files that are of one video and crop; the second of each is in no other list.
    copies
        Pairs of such files of equal content; the first of each is taken.
    gaps
        Videos that lack a crop that another has, or that all lack, and its number.
    numbered
        Whether numbers in the names are those of crops.
    said
        The rule of naming, in sentences; empty if names are as annotated.
    """

    files: Mapping[str, Mapping[int, int]]
    unnamed: tuple[int, ...] = ()
    twice: tuple[tuple[int, int], ...] = ()
    copies: tuple[tuple[int, int], ...] = ()
    gaps: tuple[tuple[str, int], ...] = ()
    numbered: bool = False
    said: str = field(default="", compare=False)

    def absent(self, annotated: Collection[str]) -> list[str]:
        """Return the annotated names that have no file."""
        return [name for name in annotated if name not in self.files]


def name_files(
    paths: Sequence[FilePath],
    annotated: Collection[str],
    *,
    without: Collection[str] = (),
    crops: bool = True,
    others: bool = False,
    same: Callable[[int, int], bool] = lambda first, second: False,
) -> Naming:
    """Tell which video each file is of, by the plainest rule that holds for all files and gives each video its own.

    Parameters
    ----------
    paths
        Folders and stem of each file.
    annotated
        The annotated names, in NFC.
    without
        Annotated names that are known to have no file.
    crops
        Whether names may carry numbers of crops.
    others
        Whether there may be files of other videos.
    same
        Whether two files, given by their places, have equal content; asked only of those that are of one video.

    Returns
    -------
    Where no rule holds, what the one that comes nearest makes of the files: something is unnamed, twice, absent, or a
    gap then, or a video of `without` has a file.
    """
    paths = [tuple(unicodedata.normalize("NFC", part) for part in path) for path in paths]
    if not paths or not annotated:
        return Naming({}, tuple(range(len(paths))))
    wanted = set(annotated) - set(without)
    spare = len(paths) - len(wanted) if others else 0
    near: list[Naming] = []
    tried: list[Rule] = []
    for rule in rules(paths, annotated, crops):
        naming = _named(rule, paths, same, spare)
        if naming is None:
            tried.append(rule)
        elif not (without and _is_contradicted(naming, paths, annotated)):
            if naming.files.keys() == wanted and not naming.twice and not naming.gaps:
                return naming
            near.append(naming)
    if not near and tried:
        few = paths[:: 1 + len(paths) // _RANKED]
        best = max(tried, key=lambda rule: sum(rule.read(path) is not None for path in few))
        near = [naming for naming in [_named(best, paths, same, len(paths))] if naming is not None]
    unread = Naming({}, tuple(range(len(paths))))
    return max(
        near, key=lambda each: (-len(each.unnamed), len(each.files.keys() & wanted), -len(each.gaps)), default=unread
    )


def find_named(parts: FilePath, names: Collection[str]) -> str | None:
    """Return which name an entry of a list means: its last part, or that and folders before it, joined by `_`."""
    joined = ("_".join(parts[-count:]) for count in range(len(parts), 0, -1))
    return next((name for name in joined if name in names), None)


def _named(rule: Rule, paths: Sequence[FilePath], same: Callable[[int, int], bool], spare: int) -> Naming | None:
    """Return what a rule makes of the files; None if more than `spare` stay unnamed, or it cannot be meant."""
    files: defaultdict[str, dict[int, int]] = defaultdict(dict)
    unnamed, twice, numbers = [], [], set()
    for place, path in enumerate(paths):
        named = rule.read(path)
        if named is None:
            unnamed.append(place)
            # What is said to stand before or after all names does so in those of other videos, too.
            if len(unnamed) > spare or (rule.affixed and spare < len(paths) and rule.carried(path) is None):
                return None
            continue
        numbers.add(named.crop)
        first = files[named.name].setdefault(named.crop or 0, place)
        if first != place:
            twice.append((first, place))
    if rule.numbered and (numbers == {None} or (len(numbers) == 1 and not rule.first_unnumbered)):
        return None
    copies = [pair for pair in twice if same(*pair)]
    gaps = _gaps(files) if rule.numbered else []
    different = tuple(pair for pair in twice if pair not in copies)
    return Naming(files, tuple(unnamed), different, tuple(copies), tuple(gaps), rule.numbered, rule.said)


def _is_contradicted(naming: Naming, paths: Sequence[FilePath], annotated: Collection[str]) -> bool:
    """Whether a file that has an annotated name is taken to be of another video."""
    placed = ((name, paths[place][-1]) for name, crops in naming.files.items() for place in crops.values())
    return any(stem != name and stem in annotated for name, stem in placed)


def _gaps(files: Mapping[str, Mapping[int, int]]) -> list[tuple[str, int]]:
    """Return the first crop that is missing of each video that has not all that any has, or that no video has."""
    wanted = {number for crops in files.values() for number in crops}
    # One crop of all videos, such as the centre, may be chosen for testing.
    if len(wanted) > 1:
        wanted |= set(range(1, max(wanted)))
    return [(name, min(lacking)) for name, crops in files.items() if (lacking := wanted - set(crops))]
