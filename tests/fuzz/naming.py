"""Ways in which people name the files of videos: what is matched is matched as meant, or nothing is."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from benchmark.datasets.naming.parts import FilePath
from benchmark.importing.matching import match_features

from .generator import Generator, Outcome, made

File = tuple[str, int]
"""The video and the crop that a file is meant to be of."""

# Names around the edges: numbers at the end, names that begin as others do, letters of other scripts, signs.
_WORDS = st.sampled_from(
    ["Fire", "Fall", "gate", "01", "001", "0014", "a", "A", "L\u00e9on", "label", "B1", "test", "火"]
)
_SIGNS = st.sampled_from(["_", "-", "__", ".", " ", "#"])


@st.composite
def _names(draw: st.DrawFn) -> str:
    words = draw(st.lists(_WORDS, min_size=1, max_size=3))
    name = words[0]
    for word in words[1:]:
        name += draw(_SIGNS) + word
    return name + draw(st.sampled_from(["", "", "_0", "_1", "_2", "_10", "_x264"]))


annotated_names = st.lists(_names(), min_size=2, max_size=8, unique=True)

_AFFIXES = st.sampled_from(["", "", "_i3d", "_1", ".v2", "_x264", "-rgb", "__5"])
_PREFIXES = st.sampled_from(["", "", "", "v_", "resnet_", "1_"])
_SPELLINGS = st.sampled_from([str, str, str.lower, str.upper, lambda name: name.replace("_", "-")])
_ENDINGS = st.sampled_from(["", "", ".mp4", ".AVI", ".mp4.npy"])
_FORMS = st.sampled_from(["NFC", "NFD"])


@dataclass(frozen=True)
class Case:
    """Files and what each is meant to be of, and the names that are annotated."""

    annotated: list[str]
    missing: list[str]
    meant: dict[FilePath, File]


def _in_folders(draw: st.DrawFn) -> Callable[[str, int], FilePath]:
    """Draw how folders and crops are written."""
    marker = draw(st.sampled_from(["_", "__", "_crop", "."]))
    first = draw(st.sampled_from([0, 1]))
    ways: list[Callable[[str, int], FilePath]] = [
        lambda stem, crop: (f"{stem}{marker}{crop + first}",),
        lambda stem, crop: ("train", f"{stem}{marker}{crop + first}"),
        lambda stem, crop: (stem, f"{crop + first}"),
        lambda stem, crop: (f"crop_{crop + first}", stem),
    ]
    return draw(st.sampled_from(ways))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw annotated names, and files that are named after them in one way."""
    annotated = draw(annotated_names)
    prefix, suffix = draw(_PREFIXES), draw(_AFFIXES)
    spelling, ending, form = draw(_SPELLINGS), draw(_ENDINGS), draw(_FORMS)
    crops = draw(st.sampled_from([1, 1, 1, 2, 3, 10]))
    where = (
        _in_folders(draw)
        if crops > 1
        else draw(
            st.sampled_from(
                [lambda stem, _: (stem,), lambda stem, _: ("Abuse", stem), lambda stem, _: (stem, "features")]
            )
        )
    )
    present = draw(st.lists(st.sampled_from(annotated), unique=True, min_size=1)) if draw(st.booleans()) else annotated
    meant: dict[FilePath, File] = {}
    for name in present:
        for crop in range(crops):
            stem = unicodedata.normalize(form, prefix + spelling(name) + suffix) + ending
            meant[where(stem, crop)] = (name, crop)
    for stray in draw(st.lists(_names(), max_size=1)) if draw(st.integers(0, 3)) == 0 else []:
        if not any(path[-1] == stray for path in meant):
            meant[(stray,)] = (f"stray {stray}", 0) if stray not in present else (stray, 0)
    return Case(annotated, [name for name in annotated if name not in present], meant)


def compare(case: Case) -> Outcome:
    """Match the files: none is of another video than meant, and crops are in their order."""
    paths = list(case.meant)
    found = [made(path, value=place) for place, path in enumerate(paths)]
    meant = {id(each): case.meant[path] for each, path in zip(found, paths, strict=True)}
    features = match_features(Path("features"), found, case.annotated, case.missing)
    assert features.videos.keys() == set(case.annotated) - set(case.missing)
    for name, video in features.videos.items():
        files = [meant[id(each)] for each in video.arrays]
        assert {of for of, _ in files} == {name}, f"{name} is taken to be {files}"
        assert files == sorted(files), f"crops of {name} are in another order: {files}"
    return "as meant"


GENERATOR = Generator("names", cases(), compare)
