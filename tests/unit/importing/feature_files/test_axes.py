"""The axes of feature files: read as they are meant, or refused with the call that turns them."""

import re
from collections.abc import Sequence

import numpy as np
import pytest

from benchmark.importing.feature_files.axes import find_axes
from benchmark.importing.feature_files.shapes import Shape, Sized
from benchmark.system.errors import InputError
from benchmark.terms import Layout
from tests.fuzz.harness import compare
from tests.fuzz.shapes import GENERATOR

ROWS = (12, 13, 17, 40)


def _sizes(
    shapes: Sequence[Shape], frames: Sequence[int | None] = (), layout: Layout | None = None
) -> list[tuple[int, int, int]]:
    files = [
        Sized(f"v{i}.npy", shape, count)
        for i, (shape, count) in enumerate(zip(shapes, frames or [None] * len(shapes), strict=True))
    ]
    return [axes.sizes(shape) for axes, shape in zip(find_axes(files, layout, 16), shapes, strict=True)]


def _refused(*arguments: object) -> str:
    with pytest.raises(InputError) as caught:
        _sizes(*arguments)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("rows", [ROWS, (1, 12, 17, 40), (1, 1, 1, 2)])
@pytest.mark.parametrize(
    ("form", "crops"),
    [
        ("T 64", 1),
        ("T 1 64", 1),
        ("1 T 64", 1),
        ("T 1 1 64", 1),
        ("T 64 1 1 1", 1),
        ("1 T 1 64 1", 1),
        ("T 3 64", 3),
        ("T 10 64", 10),
        ("T 7 64", 7),
        ("T 1 10 64", 10),
        ("1 T 10 64", 10),
        ("1 T 1 10 64 1", 10),
        ("T 1", 1),
    ],
)
def test_axes_of_length_one_are_dropped(form: str, crops: int, rows: tuple[int, ...]) -> None:
    shapes = [tuple(int(word) for word in form.replace("T", str(count)).split()) for count in rows]
    assert _sizes(shapes) == [(count, crops, 1 if form == "T 1" else 64) for count in rows]


def test_files_with_and_without_such_axes_make_one_set() -> None:
    assert _sizes([(12, 64), (13, 1, 64), (1, 14, 64, 1), (1, 64)]) == [(n, 1, 64) for n in (12, 13, 14, 1)]


@pytest.mark.parametrize(
    ("form", "seems", "turned"),
    [
        ("10 T 64", "(crops, snippets, dim)", "np.transpose(x, (1, 0, 2))"),
        ("2 T 64", "(crops, snippets, dim)", "np.transpose(x, (1, 0, 2))"),
        ("3 T 64", "(crops, snippets, dim)", "np.transpose(x, (1, 0, 2))"),
        ("T 64 10", "(snippets, dim, crops)", "np.transpose(x, (0, 2, 1))"),
        ("10 64 T", "(crops, dim, snippets)", "np.transpose(x, (2, 0, 1))"),
        ("64 10 T", "(dim, crops, snippets)", "np.transpose(x, (2, 1, 0))"),
        ("64 T 10", "(dim, snippets, crops)", "np.transpose(x, (1, 2, 0))"),
        ("1024 T", "(dim, snippets)", "x.T"),
        ("1 64 T", "(dim, snippets)", "np.transpose(x, (2, 0, 1))"),
        ("64 T 1 1", "(dim, snippets)", "np.transpose(x, (1, 2, 3, 0))"),
        ("1 10 T 64", "(crops, snippets, dim)", "np.transpose(x, (2, 0, 1, 3))"),
    ],
)
@pytest.mark.parametrize("layout", [None, "plain", "ten-crop"])
@pytest.mark.parametrize("rows", [ROWS, (32, 32, 32, 57)])
def test_another_order_is_refused_with_the_call_that_turns_it(
    form: str, seems: str, turned: str, layout: Layout | None, rows: tuple[int, ...]
) -> None:
    shapes = [tuple(int(word) for word in form.replace("T", str(count)).split()) for count in rows]
    message = _refused(shapes, (), layout)
    assert f"v0.npy: shape {shapes[0]} seems to be {seems}" in message
    assert f"with `{turned}`" in message
    if "x.T" not in turned:
        order = tuple(map(int, re.findall(r"\d+", turned)))
        turned_shapes = [np.zeros(shape, np.int8).transpose(order).shape for shape in shapes]
    else:
        turned_shapes = [shape[::-1] for shape in shapes]
    assert [sizes[0] for sizes in _sizes(turned_shapes)] == list(rows)


@pytest.mark.parametrize("shape", [(10, 32, 2048), (5, 32, 1024), (10, 200, 2048), (2, 16, 512)])
@pytest.mark.parametrize("layout", [None, "ten-crop"])
def test_crops_before_equally_many_snippets_are_refused(shape: Shape, layout: Layout | None) -> None:
    assert "seems to be (crops, snippets, dim), as" in _refused([shape] * 4, (), layout)


@pytest.mark.parametrize(
    "shape", [(1024, 32), (2048, 10), (1024, 10, 32), (10, 1024, 32), (32, 1024, 10), (1, 1024, 32)]
)
def test_dimensions_that_do_not_come_last_are_refused_where_all_files_are_alike(shape: Shape) -> None:
    for layout in (None, "plain", "ten-crop"):
        assert "seems to be" in _refused([shape] * 3, (), layout)


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [
        ((32, 10, 1024), (32, 10, 1024)),
        ((32, 1024), (32, 1, 1024)),
        ((32, 4096), (32, 1, 4096)),
        ((20, 64), (20, 1, 64)),
        ((20, 10, 2048), (20, 10, 2048)),
        ((1, 10, 1, 64), (10, 1, 64)),
        ((1, 16, 64), (16, 1, 64)),
        ((1, 32, 1024), (32, 1, 1024)),
        ((1, 64), (1, 1, 64)),
    ],
)
def test_equal_files_are_read_where_one_order_is_likely(shape: Shape, sizes: Shape) -> None:
    layout: Layout | None = "plain" if shape == (1, 10, 1, 64) else None
    assert _sizes([shape] * 4, (), layout) == [sizes] * 4


def test_segments_for_training_and_snippets_for_testing_are_one_set() -> None:
    assert _sizes([(32, 10, 1024), (32, 10, 1024), (57, 10, 1024)])[2] == (57, 10, 1024)
    assert _sizes([(32, 1024), (32, 1024), (57, 1024)])[2] == (57, 1, 1024)


@pytest.mark.parametrize(
    ("shape", "frames", "sizes"),
    [
        ((10, 10, 64), None, None),
        ((12, 16, 64), None, None),
        ((10, 5, 64), None, None),
        ((12, 16, 64), 12 * 16, (12, 16, 64)),
        ((10, 5, 64), 10 * 16 + 9, (10, 5, 64)),
        ((10, 32, 64), 10 * 16, (10, 32, 64)),
        ((256, 512), None, None),
        ((256, 512), 256 * 16, (256, 1, 512)),
        ((1024, 40), 1024 * 16, (1024, 1, 40)),
        ((1, 10, 64), None, None),
        ((1, 10, 64), 20, (1, 10, 64)),
        ((1, 10, 64), 160, (10, 1, 64)),
    ],
)
def test_frame_counts_or_the_layout_decide_what_two_orders_are_likely_for(
    shape: Shape, frames: int | None, sizes: Shape | None
) -> None:
    if sizes is None:
        assert re.search(r"shape .* in every file, .*--layout", _refused([shape] * 3))
        expected = shape if len(shape) == 3 else (shape[0], 1, shape[1])
        assert _sizes([shape] * 3, (), "ten-crop" if len(shape) == 3 else "plain") == [expected] * 3
    else:
        assert _sizes([shape] * 3, [frames, None, frames]) == [sizes] * 3


@pytest.mark.parametrize(
    ("shape", "frames", "count"),
    [((10, 32, 64), 512, 32), ((1024, 512), 512 * 16, 512), ((5, 10, 64), 160, 10), ((3, 64, 40), 640, 40)],
)
def test_frame_counts_that_fit_another_axis_refuse_the_order(shape: Shape, frames: int, count: int) -> None:
    assert f"the frame counts make {count} snippets; save it as" in _refused([shape] * 2, [frames] * 2)


@pytest.mark.parametrize("layout", [None, "plain", "ten-crop", "crop-files"])
def test_a_batch_axis_is_never_one_snippet_of_many_crops(layout: Layout | None) -> None:
    assert _sizes([(1, n, 1024) for n in ROWS], (), layout) == [(n, 1, 1024) for n in ROWS]
    assert _sizes([(1, 16, 1024)] * 3, (), layout) == [(16, 1, 1024)] * 3


def test_an_unusual_number_of_crops_in_front_is_refused() -> None:
    assert "seems to be (crops, snippets, dim)" in _refused([(7, n, 64) for n in ROWS])
    assert "seems to be (snippets, dim, crops)" in _refused([(1, 64, 10)] * 3, [20] * 3)


def test_one_file_that_differs_from_all_others_is_left_to_be_named() -> None:
    assert _sizes([(4, 6), (4, 6), (4, 5)])[2] == (4, 1, 5)
    assert "only the second axis differs" in _refused([(10, 4, 6), (10, 4, 6), (10, 5, 6)])


@pytest.mark.parametrize("shape", [(6,), (), (4, 7, 7, 512), (4, 2, 5, 6, 7)])
def test_too_few_or_too_many_axes_are_refused(shape: Shape) -> None:
    assert "features are (snippets, dim) or (snippets, crops, dim)" in _refused([(5, 3, 6), shape, shape])


@pytest.mark.parametrize(
    ("shape", "frames", "why"),
    [
        ((2, 1, 64), 16, "seems to be (crops, snippets, dim), as the frame counts make one snippet"),
        ((64, 1, 10), 16, "seems to be (dim, snippets, crops), as the frame counts make one snippet"),
        ((1, 2, 10), 160, "seems to be (dim, snippets), as the frame counts make 10 snippets"),
        ((48, 32), 200, "seems to be (dim, snippets), as videos are cut into 32 segments"),
        ((100, 1), None, "(snippets, dim) or (dim, snippets)"),
    ],
)
def test_what_contradicts_the_frame_counts_or_has_one_dimension_is_refused(
    shape: Shape, frames: int | None, why: str
) -> None:
    assert why in _refused([shape] * 3, [frames] * 3)


def test_a_layout_of_several_crops_is_believed_where_their_number_is_usual() -> None:
    assert _sizes([(n, 10, 6) for n in ROWS], (), "ten-crop") == [(n, 10, 6) for n in ROWS]
    assert "100 crops of 10 dimensions are unlikely" in _refused([(n, 100, 10) for n in ROWS], (), "ten-crop")


def test_any_permutation_of_the_axes_is_read_as_meant_or_refused() -> None:
    outcomes = compare(GENERATOR, 400)
    assert min(outcomes["as meant"], outcomes["refused"]) > 400 / 5
    assert outcomes["assumed"] < 400 / 5


@pytest.mark.parametrize("size", [8, 10, 64])
def test_as_many_crops_as_dimensions_are_read_where_the_layout_is_said(size: int) -> None:
    shapes = [(rows, size, size) for rows in ROWS]
    assert "if the first, give its --layout" in _refused(shapes)
    assert _sizes(shapes, (), "ten-crop") == shapes
