"""A figure drawn for a page and for files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from benchmark.terms import FigureForm
from reports.figures.figure import Figure
from reports.figures.style import render
from reports.page.pictures import PagePicture


class Drawn(NamedTuple):
    """A drawn figure: its picture for a page, and the content of its file in each form that was asked for."""

    picture: PagePicture
    contents: Mapping[FigureForm, bytes]


def draw_figure(figure: Figure, forms: Sequence[FigureForm]) -> Drawn:
    """Draw a figure for a page and for files."""
    rendered = render(figure.draw, list(dict.fromkeys(("png", *forms))))
    return Drawn(PagePicture.of(rendered), {form: rendered.contents[form] for form in forms})
