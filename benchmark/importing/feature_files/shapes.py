"""Shapes of the files of a set: what they say together of which axis is that of the snippets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from typing import NamedTuple

from benchmark.importing.strides import PUBLISHED_SEGMENTS, fits

Shape = tuple[int, ...]

USUAL_CROPS = frozenset({1, 2, 3, 5, 10})


class Sized(NamedTuple):
    """A file's array: where it is, its shape, and the number of the video's frames, None where it is not known."""

    place: str
    shape: Shape
    frames: int | None


class Shapes(NamedTuple):
    """The files of a set without axes of length one: two axes are left of each, or three of each.

    Attributes
    ----------
    values
        Values of the sizes along each axis, over all files.
    fitting
        Axes of one size in all files that fits all known frame counts as a number of snippets or, where none does, of
        as many as segments are published in; None if no frame count is known.
    segmented
        Whether it is the latter.
    one_fits
        Whether one snippet does.
    with_ones
        Whether an axis of length one is left out of every file.
    in_front
        Whether an axis of length one stands before those that are left, in every file.
    """

    values: list[Counter[int]]
    fitting: Set[int] | None
    segmented: bool
    one_fits: bool
    with_ones: bool
    in_front: bool

    @property
    def sizes(self) -> list[int]:
        """The most common size along each axis."""
        return [counts.most_common(1)[0][0] for counts in self.values]

    def because(self, axis: int) -> str:
        """Why an axis that fits is that of the snippets."""
        size = self.sizes[axis]
        return f"videos are cut into {size} segments" if self.segmented else f"the frame counts make {size} snippets"

    def differs(self, axis: int) -> bool:
        """Whether files differ along an axis; one that differs from all others is taken for a mistake in that file."""
        most = max(self.values[axis].values())
        mistake = axis > 0 and self.values[axis].total() - most == 1 < most
        suspicious = len(self.values[0]) == 1 and (self.sizes[0] in USUAL_CROPS or may_be_dim(self.sizes[0]))
        return len(self.values[axis]) > 1 and (suspicious or not mistake)


def kept_axes(shapes: Sequence[Shape]) -> dict[int, tuple[int, ...]]:
    """Return, by number of axes, which are left without those of length one in every file: two or three."""
    kept: dict[int, tuple[int, ...]] = {}
    for count in {len(shape) for shape in shapes}:
        sizes = [set(axis) for axis in zip(*(shape for shape in shapes if len(shape) == count), strict=True)]
        left = tuple(axis for axis in range(count) if count == 2 or sizes[axis] != {1})
        if len(left) < 2:  # snippets or dimensions of one; where one of several sizes is left, it is the snippets'
            (axis,) = left or (count - 1,)
            last = axis > 0 and len(sizes[axis]) == 1
            left = (0, axis) if last else (axis, count - 1) if axis < count - 1 else (0, axis)
        kept[count] = left
    return kept


def shapes_of(files: Sequence[Sized], kept: Mapping[int, tuple[int, ...]], stride: int) -> Shapes:
    """Say what the files of a set have along each axis that is left of them, and which axes fit the frame counts.

    Parameters
    ----------
    kept
        Which axes are left, by number of axes, as `kept_axes` gives them: as many of each file.
    stride
        Frames from one row to the next.
    """
    squeezed = [[file.shape[axis] for axis in kept[len(file.shape)]] for file in files]
    values = [Counter(sizes) for sizes in zip(*squeezed, strict=True)]
    known = [file.frames for file in files if file.frames is not None]

    def fit(rows: int) -> bool:
        return all(fits(rows, frames, stride) for frames in known)

    equal = {axis: next(iter(sizes)) for axis, sizes in enumerate(values) if len(sizes) == 1}
    fitting = {axis for axis, size in equal.items() if fit(size)}
    segments = {axis for axis, size in equal.items() if size == PUBLISHED_SEGMENTS}
    in_front = all(0 not in kept[len(file.shape)] for file in files)
    with_ones = all(len(file.shape) > len(kept[len(file.shape)]) for file in files)
    return Shapes(
        values, (fitting or segments) if known else None, not fitting, bool(known) and fit(1), with_ones, in_front
    )


def may_be_dim(size: int) -> bool:
    """Return whether a size is usual for features."""
    return size >= 64 and size % 64 == 0
