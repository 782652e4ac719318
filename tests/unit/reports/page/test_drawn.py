"""Figures are drawn side by side as they are one by one."""

import os
import signal
from dataclasses import replace

import pandas as pd
import pytest

from benchmark.system.errors import InputError
from reports.figures.figure import Figure
from reports.figures.style import canvas
from reports.page.drawn import draw_figure, drawing_side_by_side


def figure_of(number: int) -> Figure:
    data = pd.DataFrame({"x": range(number + 2), "y": [number * x % 7 for x in range(number + 2)]})

    def draw():  # type: ignore[no-untyped-def]
        made = canvas(2, 1)
        made.subplots().plot(data["x"], data["y"])
        return made

    return Figure("folder", f"line-{number}", "A line", (), "", draw, data)


@pytest.mark.parametrize("cores", [1, 3])
def test_in_their_order_and_byte_for_byte(cores: int) -> None:
    figures = [figure_of(number) for number in range(5)]
    with drawing_side_by_side(figures, ["pdf", "png"], cores) as drawn:
        assert list(drawn) == [draw_figure(figure, ["pdf", "png"]) for figure in figures]


def test_no_figure_is_drawn_by_nobody() -> None:
    with drawing_side_by_side([], ["png"], 4) as drawn:
        assert list(drawn) == []


@pytest.mark.parametrize("cores", [1, 2])
def test_what_goes_wrong_in_a_figure_is_told(cores: int) -> None:
    def draw():  # type: ignore[no-untyped-def]
        raise ZeroDivisionError("of this figure")

    figures = [figure_of(0), replace(figure_of(1), draw=draw)]
    with pytest.raises(ZeroDivisionError, match="of this figure"), drawing_side_by_side(figures, [], cores) as drawn:
        list(drawn)


def test_a_process_that_dies_is_told() -> None:
    def die():  # type: ignore[no-untyped-def]
        os.kill(os.getpid(), signal.SIGKILL)

    figures = [figure_of(0), replace(figure_of(1), draw=die)]
    with pytest.raises(InputError, match="lack of memory"), drawing_side_by_side(figures, [], 2) as drawn:
        list(drawn)
