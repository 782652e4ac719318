"""Axes of feature files: which one is that of the snippets, told from all files of a set together.

One order is read, (snippets, dim) or (snippets, crops, dim), with axes of length one anywhere. What seems to be in
another order, or could be in two, is refused with the call that turns it: along a wrong axis, numbers look as good.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from benchmark.importing.feature_files.shapes import USUAL_CROPS, Shape, Shapes, Sized, kept_axes, may_be_dim, shapes_of
from benchmark.importing.strides import PUBLISHED_SEGMENTS
from benchmark.system.errors import InputError
from benchmark.terms import Layout

_FORMS = "features are (snippets, dim) or (snippets, crops, dim); save it so"
_WORDS = {"S": "snippets", "C": "crops", "D": "dim"}
_Order = Literal["SD", "DS", "CD", "SCD", "CSD", "SDC", "DSC", "CDS", "DCS"]
_READ: tuple[_Order, ...] = ("SD", "CD", "SCD")


@dataclass(frozen=True)
class Axes:
    """Where an array's axes stand; all others are of length one.

    Attributes
    ----------
    crops
        None where a file holds one crop.
    """

    snippets: int
    crops: int | None
    dim: int

    def sizes(self, shape: Shape) -> tuple[int, int, int]:
        """Return (rows, crops, dim) of an array."""
        return shape[self.snippets], 1 if self.crops is None else shape[self.crops], shape[self.dim]


class _Verdict(NamedTuple):
    """Which axis is which, why, and another order that is as likely; the second is refused."""

    order: _Order
    why: str = ""
    other: _Order | None = None


def find_axes(files: Sequence[Sized], layout: Layout | None, stride: int) -> list[Axes]:
    """Tell the axes of each file of a set.

    Parameters
    ----------
    layout
        The layout as asked for, or as names tell; decides where shapes allow two orders that are likely.
    stride
        Frames from one row to the next.

    Raises
    ------
    InputError
        If the axes seem to be in another order than (snippets, crops, dim), or that cannot be told; or a file has
        another number of axes than most.
    """
    for file in files:
        _check_shape(file)
    kept = kept_axes([file.shape for file in files])
    for file in files:
        if len(kept[len(file.shape)]) > 3:
            raise InputError(f"{file.place}: shape {file.shape}; {_FORMS}")
    rank, _ = Counter(len(kept[len(file.shape)]) for file in files).most_common(1)[0]
    example = next(file for file in files if len(kept[len(file.shape)]) == rank)
    for file in files:
        if len(kept[len(file.shape)]) != rank:
            raise InputError(
                f"{file.place}: shape {file.shape}, but {example.place} has {example.shape}; save all files alike"
            )
    found = shapes_of(files, kept, stride)
    verdict = (
        _three(found, layout) if rank == 3 else _in_front(found, layout) if found.in_front else _two(found, layout)
    )
    if verdict.other or verdict.order not in _READ:
        raise _refusal(example, kept[len(example.shape)], verdict, several=len(files) > 1)
    axes = {count: _axes(verdict.order, places) for count, places in kept.items()}
    return [axes[len(file.shape)] for file in files]


def _check_shape(file: Sized) -> None:
    shape = file.shape
    if len(shape) < 2:
        raise InputError(f"{file.place}: shape {shape}; {_FORMS}")
    if shape[0] == 0:
        raise InputError(
            f"{file.place}: shape {shape}, so zero snippets; extract the video again or list it with --missing"
        )
    if 0 in shape:
        raise InputError(f"{file.place}: shape {shape} holds nothing; extract the video again")


def _two(found: Shapes, layout: Layout | None) -> _Verdict:
    """Tell snippets from dimensions."""
    first, last = found.sizes
    if len(found.values[0]) > 1:
        return _Verdict("SD")
    if found.differs(1):
        return _Verdict("DS", "only the last axis differs from file to file")
    if found.fitting == {0}:
        return _Verdict("SD")
    if found.fitting == {1}:
        return _Verdict("DS", found.because(1))
    if found.one_fits and not found.fitting and found.with_ones:
        return _one_snippet(found)
    if found.fitting and layout is None:  # both do
        return _Verdict("SD", other="DS")
    if first == PUBLISHED_SEGMENTS:
        return _Verdict("SD")
    if may_be_dim(first) and not may_be_dim(last):
        return _Verdict("DS", f"{first} is a size of features and {last} is not")
    several = found.values[0].total() > 1
    long = first > max(last, 63) or (may_be_dim(first) and first >= 128)
    if several and layout is None and (long or first > last == 1):
        return _Verdict("SD", other="DS")
    return _Verdict("SD")


def _in_front(found: Shapes, layout: Layout | None) -> _Verdict:
    """Tell (1, snippets, dim) from one snippet of several crops."""
    all_fit = found.fitting is not None and 0 in found.fitting
    if found.differs(0) or found.differs(1) or (found.fitting and not found.one_fits):
        return _two(found, layout)
    if found.one_fits and not all_fit:
        crops, dim = found.sizes
        return _Verdict("CD") if crops < dim else _one_snippet(found)
    if found.sizes[0] not in USUAL_CROPS:
        return _two(found, layout)
    if layout is None:
        return _Verdict("SD", other="CD")
    return _Verdict("CD" if layout == "ten-crop" else "SD")


def _one_snippet(found: Shapes) -> _Verdict:
    first, last = found.sizes
    return _Verdict("CSD" if first < last else "DSC", "the frame counts make one snippet")


def _three(found: Shapes, layout: Layout | None) -> _Verdict:
    first, second, third = found.sizes
    differing = [axis for axis in range(3) if found.differs(axis)]
    said = "only the {} axis differs from file to file"
    if not differing:
        return _equal(found, layout)
    if differing == [1]:
        return _Verdict("CSD" if first < third else "DSC", said.format("second"))
    if differing == [2]:
        return _Verdict("CDS" if first <= second else "DCS", said.format("last"))
    return _crops_or_dim(second, third, layout)


def _crops_or_dim(second: int, third: int, layout: Layout | None) -> _Verdict:
    """Tell the two axes after the snippets: there are more dimensions than crops."""
    if second < third or (layout == "ten-crop" and (second in USUAL_CROPS or second == third)):
        return _Verdict("SCD")
    if second == third:
        return _Verdict("SCD", other="SDC")
    return _Verdict("SDC", f"{second} crops of {third} dimensions are unlikely")


def _equal(found: Shapes, layout: Layout | None) -> _Verdict:
    """Tell the axes where all files have one shape: by frame counts, else by what crops and segments are usual."""
    first, second, third = found.sizes
    if found.fitting and 0 not in found.fitting:
        why = found.because(min(found.fitting))
        if 1 in found.fitting:
            return _Verdict("CSD" if first < third else "DSC", why)
        return _Verdict("CDS" if first <= second else "DCS", why)
    by_size = _crops_or_dim(second, third, layout)
    if by_size.order != "SCD" or by_size.other or found.fitting == {0}:
        return by_size
    if found.fitting and 2 in found.fitting and layout is None:
        return _Verdict("SCD", other="DCS")
    if first in USUAL_CROPS and second not in USUAL_CROPS:
        return _Verdict("CSD", f"{first} is a usual number of crops and {second} is not")
    if may_be_dim(first) and first > third:
        return _Verdict("DCS", f"{first} is a size of features and {third} is not")
    if second in USUAL_CROPS and first not in USUAL_CROPS:
        return by_size
    return by_size if layout == "ten-crop" else _Verdict("SCD", other="CSD")


def _axes(order: _Order, kept: tuple[int, ...]) -> Axes:
    places = dict(zip(order, kept, strict=True))
    return Axes(places.get("S", 0), places.get("C"), places["D"])


def _refusal(file: Sized, kept: tuple[int, ...], verdict: _Verdict, several: bool) -> InputError:
    wrong = verdict.other or verdict.order
    right: _Order = "SCD" if "C" in wrong else "SD"
    wanted = "(" + ", ".join(_WORDS[letter] for letter in right) + ")"
    place = f"{file.place}: shape {file.shape}{' in every file' if several and not verdict.why else ''}"
    if wrong == "CD":
        return InputError(
            f"{place}, {file.shape[kept[0]]} snippets or one snippet of as many crops; give the frame counts in "
            "frames.csv, or say which with --layout plain or --layout ten-crop"
        )
    places = dict(zip(wrong.replace("S", "") if len(kept) < len(wrong) else wrong, kept, strict=True))
    places.setdefault("S", min(set(range(len(file.shape))) - set(kept), default=0))  # of one snippet, left out above
    turned = _turn(file.shape, places, right)
    named = "(" + ", ".join(_WORDS[letter] for letter in sorted(places, key=places.__getitem__)) + ")"
    if verdict.other:
        return InputError(
            f"{place}, {wanted} or {named}; if the first, give its --layout; "
            f"if the second, save it as {wanted} with `{turned}`"
        )
    return InputError(f"{place} seems to be {named}, as {verdict.why}; save it as {wanted} with `{turned}`")


def _turn(shape: Shape, places: Mapping[str, int], right: _Order) -> str:
    """Return the call of NumPy that turns an array into the order that is read; axes of length one come second."""
    if len(shape) == 2:
        return "x.T"
    snippets, *others = (places[letter] for letter in right)
    ones = [axis for axis in range(len(shape)) if axis not in places.values()]
    return f"np.transpose(x, ({', '.join(map(str, (snippets, *ones, *others)))}))"
