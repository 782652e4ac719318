"""What lies beside features in their folder: time stamps and frame rates, and other modalities of the same videos."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from benchmark.importing.feature_files.formats import ArrayFile
from benchmark.importing.feature_files.search import FoundArray
from benchmark.system.errors import InputError
from benchmark.system.text_files import and_more

_MODALITY = re.compile(r"(?i)[-_. ](rgb|flow|joint|fused|audio|vggish|depth|pose|skeleton)(?=(__\d+)?(\.npy)?$)")


def without_side_arrays(found: Sequence[FoundArray]) -> tuple[list[FoundArray], list[str]]:
    """Leave out arrays of one axis that stand beside arrays of rows, such as time stamps.

    An array of one axis that is as long as the others' vectors may be a video's only row, and is kept.

    Returns
    -------
    found
        What is left.
    notes
        What was left out, in one sentence, or none.
    """
    lengths = {each.array.shape[-1] for each in found if not _is_vector(each.array)}
    left = [each for each in found if not lengths or not _is_vector(each.array) or each.array.shape[-1] in lengths]
    names = [each.name for each in found if each not in left]
    names += dict.fromkeys(name for each in left for name in each.array.beside)
    return left, [f"Passed over, as they hold no rows of features: {and_more(names)}."] if names else []


def _is_vector(array: ArrayFile) -> bool:
    """Whether an array has one axis, or is from MATLAB, which has none of fewer than two, and has one row."""
    of_matlab = array.path.suffix.lower() == ".mat"
    return len(array.shape) == 1 or (of_matlab and len(array.shape) == 2 and array.shape[0] == 1)


def check_one_modality(folder: Path, found: Sequence[FoundArray]) -> None:
    """Refuse features of several modalities of the same videos.

    Raises
    ------
    InputError
        If two files of one video differ in a word such as ``_rgb`` and ``_flow``; the message says how many there are.
    """
    words: dict[str, dict[str, None]] = defaultdict(dict)
    counts: dict[str, int] = defaultdict(int)
    for each in found:
        if match := _MODALITY.search(each.array.name):
            words[_MODALITY.sub("", each.array.name)][match[0].lower()] = None
            counts[match[0].lower()] += 1
    if any(len(kinds) > 1 for kinds in words.values()):
        said = " and ".join(f"{count} files of {word}" for word, count in counts.items())
        raise InputError(
            f"{folder}: holds {said} of the same videos; choose one, with a folder of its files alone or "
            "a list of them for --list"
        )


def check_one_video_each(found: Sequence[FoundArray], annotated: Collection[str]) -> None:
    """Refuse a few arrays that hold the rows of many videos, one after the other.

    Raises
    ------
    InputError
        If there are fewer arrays than annotated videos, and none is named by one of them.
    """
    places = "\n".join("/".join((*each.array.path.parts[-2:], *each.array.folders, each.array.name)) for each in found)
    if len(found) < len(annotated) and not any(
        re.search(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])", places) for name in annotated
    ):
        largest = max(found, key=lambda each: each.array.shape[0])
        raise InputError(
            f"{largest.place}: {largest.array.shape[0]} rows under no annotated name, so these seem to be several of "
            f"the {len(annotated)} annotated videos in one file; save a file per video, named as it is annotated"
        )
