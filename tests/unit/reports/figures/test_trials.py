"""The figure of a search: what is drawn where, and what it looks like at the edges."""

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.figure import Figure as Canvas
from matplotlib.text import Text

from benchmark.terms import Range
from benchmark.tuning.trials import Trials
from reports.figures.figure import Absence, Figure
from reports.figures.style import styled
from reports.figures.trials import draw_trials, trials_picture
from tests.unit.reports.made_up import RANGES, RECIPE, a_search

VALUES: Sequence[Mapping[str, tuple[float, ...]]] = [
    {"cameras": (0.70, 0.74)},
    {"cameras": (0.79, 0.79)},
    {"cameras": (0.80, 0.84)},
    {"cameras": (0.81, 0.80)},
    {},
]


def drawn(search: Trials) -> tuple[Figure, Canvas]:
    figure = draw_trials(search)
    assert isinstance(figure, Figure)
    with styled():
        return figure, figure.draw()


def panel(picture: Canvas, name: str) -> Axes:
    return next(axis for axis in picture.axes if axis.get_xlabel() == name)


def dots(axis: Axes) -> dict[str, list[tuple[float, float]]]:
    found = (part for part in axis.collections if isinstance(part, PathCollection))
    return {str(part.get_label()): [(float(x), float(y)) for x, y in np.asarray(part.get_offsets())] for part in found}


def test_each_setting_has_a_panel_with_a_dot_for_each_trial_that_has_a_value() -> None:
    figure, picture = drawn(a_search(VALUES))
    assert [axis.get_xlabel() for axis in picture.axes if axis.axison] == ["learning_rate", "steps", "dropout", "loss"]
    shown = dots(panel(picture, "dropout"))
    assert shown == {
        "other trials": [(0.1, pytest.approx(79))],
        "within one standard error of the best": [(0.0, pytest.approx(80.5))],
        "best": [(0.45, pytest.approx(82))],
    }
    assert panel(picture, "learning_rate").get_xscale() == "log"
    assert panel(picture, "dropout").get_xscale() == "linear"
    assert "Not drawn: 1 of 4 trials without a value." in figure.caption
    assert figure.data["standing"].tolist() == [
        "the recipe's own",
        "other trials",
        "best",
        "within one standard error of the best",
    ]
    assert figure.data["held_out"].tolist() == pytest.approx([0.72, 0.79, 0.82, 0.805])


def test_the_recipes_own_is_a_line_with_a_mark_where_its_value_has_a_place() -> None:
    _, picture = drawn(a_search(VALUES, recipe={**RECIPE, "training.learning_rate": 0.0}))
    for name, place in (("learning_rate", math.nan), ("steps", 2.0), ("dropout", 0.7), ("loss", 0.0)):
        line, mark = panel(picture, name).lines
        assert np.asarray(line.get_ydata()).tolist() == pytest.approx([72, 72])
        assert np.asarray(mark.get_ydata()).tolist() == pytest.approx([72])
        assert np.asarray(mark.get_xdata()).tolist() == pytest.approx([place], nan_ok=True)
    # Its 150 steps are none of the choices, and stand among them.
    assert [t.get_text() for t in panel(picture, "steps").get_xticklabels()] == ["50", "100", "150", "200"]


def test_a_recipe_whose_value_is_not_known_has_a_line_alone() -> None:
    recipe = {name: value for name, value in RECIPE.items() if name != "training.steps"}
    _, picture = drawn(a_search(VALUES, recipe=recipe))
    _, mark = panel(picture, "steps").lines
    assert len(np.asarray(mark.get_xdata())) == 0
    assert [t.get_text() for t in panel(picture, "steps").get_xticklabels()] == ["50", "100", "200"]


def test_the_whole_range_is_shown_however_few_values_were_drawn() -> None:
    _, picture = drawn(a_search(VALUES))
    for name in ("training.learning_rate", "config.dropout"):
        low, high = panel(picture, name.partition(".")[2]).get_xlim()
        values = RANGES[name]
        assert values.low is not None
        assert values.high is not None
        assert low <= values.low
        assert high >= values.high


def test_values_of_several_kinds_and_null_have_places() -> None:
    ranges = {
        "config.width": Range(choices=(None, 64, 128), source="estimate"),
        "config.norm": Range(choices=(True, False), source="estimate"),
    }
    settings: list[dict[str, Any]] = [
        {"config.width": None, "config.norm": True},
        {"config.width": 128, "config.norm": False},
    ]
    _, picture = drawn(a_search(VALUES[:3], ranges, settings[0], settings))
    assert dots(panel(picture, "width")) == {"other trials": [(0, pytest.approx(79))], "best": [(2, pytest.approx(82))]}
    assert [t.get_text() for t in panel(picture, "width").get_xticklabels()] == ["null", "64", "128"]
    assert [t.get_text() for t in panel(picture, "norm").get_xticklabels()] == ["false", "true"]


def test_no_value_is_no_figure_and_a_reason() -> None:
    figure = draw_trials(a_search([VALUES[0], {}, {}]))
    assert isinstance(figure, Absence)
    assert figure.reason == "no trial has a value yet."
    assert trials_picture(a_search([VALUES[0], {}, {}])) == []


def many(count: int) -> tuple[dict[str, Range], list[dict[str, Any]]]:
    """So many settings, of each kind in turn, and settings drawn from their ends."""
    words = tuple(f"a-long-name-of-a-choice-{n}" for n in range(4))
    kinds = (*RANGES.values(), Range(choices=words, source="estimate"))
    ranges = {f"config.setting_{n}_with_a_long_name": kinds[n % len(kinds)] for n in range(count)}
    ends = [{k: r.choices[i] if r.choices else (r.low, r.high)[i] for k, r in ranges.items()} for i in (0, -1)]
    return ranges, ends


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_texts_lie_in_the_picture_and_not_on_one_another(count: int) -> None:
    ranges, ends = many(count)
    figure = draw_trials(a_search(VALUES, ranges, ends[0], ends))
    assert isinstance(figure, Figure)
    with styled():
        picture = figure.draw()
        agg = FigureCanvasAgg(picture)
        agg.draw()
        for axis in (axis for axis in picture.axes if axis.axison):
            renderer = agg.get_renderer()
            texts: list[Text] = [label for label in axis.get_xticklabels() if label.get_text()]
            ends_shown = [t.get_window_extent(renderer) for t in texts if t.get_rotation() == 0]
            inside = sorted((box for box in ends_shown if box.x1 > 0), key=lambda box: box.x0)
            assert all(one.x1 <= other.x0 for one, other in pairwise(inside))
            whole = [axis.xaxis.label, *(t for t in texts if t.get_rotation())]
            for box in (text.get_window_extent(renderer) for text in whole):
                assert box.x0 >= 0
                assert box.y0 >= 0
                assert box.x1 <= picture.bbox.x1
    assert picture.get_figwidth() <= 7.17
    (png,) = trials_picture(a_search(VALUES, ranges, ends[0], ends))
    assert png.startswith(b"\x89PNG")
