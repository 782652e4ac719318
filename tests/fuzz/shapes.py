"""Shapes of feature files: sets whose axes are in any order, with axes of length one between them.

A set is told by what differs from video to video and by frame counts. Where every video has as many snippets and no
frame count is known, or another axis fits the counts as well, two meanings have the same shapes, and no reader can be
right about both. There it is only demanded that what is read contradicts nothing that is known. That there are more
dimensions than crops is always given, as nothing else tells (snippets, 2, 3) from its transpose; a layout of several
crops that is asked for is believed where that number is usual, (snippets, 10, 6).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hypothesis import strategies as st

from benchmark.importing.feature_files.layouts import FeatureFolder, VideoFiles
from benchmark.importing.feature_files.shapes import USUAL_CROPS
from benchmark.importing.feature_files.video_features import read_axes
from benchmark.importing.strides import PUBLISHED_SEGMENTS, fits
from benchmark.system.errors import InputError
from benchmark.terms import SNIPPET_FRAMES, Layout

from .generator import Generator, Outcome, made

Shape = tuple[int, ...]

MOST_CROPS = 12
_DIMS = st.one_of(st.integers(2, 64), st.sampled_from([64, 100, 128, 512, 768, 1000, 1024, 2048]))
_ROWS = st.one_of(st.integers(1, 300), st.integers(1, 12), st.sampled_from([1, 10, PUBLISHED_SEGMENTS, 64, 512]))
_ORDERS = st.one_of(st.permutations("SCD"), st.just(list("SCD")))


@dataclass(frozen=True)
class ShapedSet:
    """A set of feature files.

    Attributes
    ----------
    axes
        The axes of each video's file: snippets (S), crops (C; none for one crop in some sets), dimensions (D), and
        such as are always of length one (1).
    rows
        The snippets that each video is meant to have.
    frames
        Each video's number of frames, None where it is not known.
    """

    axes: tuple[str, ...]
    rows: tuple[int, ...]
    crops: int
    dim: int
    shapes: tuple[Shape, ...]
    frames: tuple[int | None, ...]
    layout: Layout | None

    @property
    def meant(self) -> list[Shape]:
        """(snippets, crops, dim) of each video."""
        return [(rows, self.crops, self.dim) for rows in self.rows]

    @property
    def must_be_read(self) -> bool:
        """Whether the set is in the order that is read, with lengths that differ."""
        meaning = self.axes[0].replace("1", "").replace("C", "C" if self.crops > 1 else "")
        return meaning in ("SD", "SCD") and len(set(self.axes)) == 1 and self.layout is None and len(set(self.rows)) > 1


@st.composite
def shaped_sets(draw: st.DrawFn) -> ShapedSet:
    """Draw the shapes of 2 to 8 videos, and what is known of them."""
    count = draw(st.integers(2, 8))
    rows = draw(st.one_of(st.lists(_ROWS, min_size=count, max_size=count), _ROWS.map(lambda same: [same] * count)))
    crops = draw(st.one_of(st.just(1), st.integers(1, MOST_CROPS)))
    dim = max(draw(_DIMS), crops + 1)
    order = "".join(draw(_ORDERS))
    if crops == 1 and draw(st.booleans()):
        order = order.replace("C", "")
    alike = draw(st.booleans())
    with_ones = [_with_ones(draw, order)] * count if alike else [_with_ones(draw, order) for _ in rows]
    shapes = [
        tuple({"S": own, "C": crops, "D": dim, "1": 1}[axis] for axis in axes)
        for own, axes in zip(rows, with_ones, strict=True)
    ]
    segments = len(set(rows)) == 1 and rows[0] == PUBLISHED_SEGMENTS and draw(st.booleans())
    frames = [
        draw(st.integers(200, 9000)) if segments else SNIPPET_FRAMES * own + draw(st.integers(0, SNIPPET_FRAMES - 1))
        for own in rows
    ]
    known = draw(st.sampled_from([0, 0, 1, count]))
    layout = draw(st.sampled_from([None, None, "plain" if crops == 1 else "ten-crop"]))
    return ShapedSet(
        tuple(with_ones),
        tuple(rows),
        crops,
        dim,
        tuple(shapes),
        tuple(own if i < known else None for i, own in enumerate(frames)),
        layout,
    )


def _with_ones(draw: st.DrawFn, order: str) -> str:
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        place = draw(st.integers(0, len(order)))
        order = f"{order[:place]}1{order[place:]}"
    return order


def read_shapes(drawn: ShapedSet) -> list[Shape]:
    """Return (snippets, crops, dim) of each video, as the import reads its shape."""
    names = [f"v{i}" for i in range(len(drawn.shapes))]
    files = {name: VideoFiles((made([name], shape),), None) for name, shape in zip(names, drawn.shapes, strict=True)}
    frames: Mapping[str, int | None] = dict(zip(names, drawn.frames, strict=True))
    read = read_axes(FeatureFolder(Path("features"), drawn.layout, "", files), frames)
    return [read.videos[name].shape for name in names]


def compare(drawn: ShapedSet) -> Outcome:
    """Compare what is read with what is meant; a set in the order that is read must be read where it is told."""
    try:
        found = read_shapes(drawn)
    except InputError:
        assert not drawn.must_be_read, "a set in the order that is read is refused"
        raise
    if found == drawn.meant:
        return "as meant"
    rows, crops, dim = found[0]
    if drawn.layout and dim < crops:
        assert crops in USUAL_CROPS, f"{crops} crops are assumed"
        return "assumed"
    assert len(set(drawn.rows)) == 1, f"lengths differ, but the set is read as {found}"
    known = [frames for frames in drawn.frames if frames is not None]
    assert rows == PUBLISHED_SEGMENTS or all(fits(rows, frames) for frames in known), f"frames contradict {found[0]}"
    assert drawn.layout or crops <= MOST_CROPS, f"{crops} crops are assumed"
    assert drawn.layout or crops < dim, f"{crops} crops of {dim} dimensions are assumed"
    return "assumed"


GENERATOR = Generator("shapes", shaped_sets(), compare)
