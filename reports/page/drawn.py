"""Figures drawn for a page, side by side where there are several cores."""

from __future__ import annotations

import multiprocessing
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import NamedTuple

from benchmark.system.errors import InputError
from reports.figures.figure import Figure
from reports.figures.style import Format, render
from reports.page.pictures import PagePicture

MOST_PROCESSES = 8
"""Each may hold a picture of 200 MB."""


class Drawn(NamedTuple):
    """A drawn figure: its picture for a page, and the content of its file in each form that was asked for."""

    picture: PagePicture
    contents: Mapping[Format, bytes]


def draw_figure(figure: Figure, forms: Sequence[Format]) -> Drawn:
    """Draw a figure for a page and for files."""
    rendered = render(figure.draw, list(dict.fromkeys((figure.page_form, "png", *forms))))
    return Drawn(PagePicture.of(rendered), {form: rendered.contents[form] for form in forms})


@contextmanager
def drawing_side_by_side(figures: Sequence[Figure], forms: Sequence[Format], cores: int) -> Iterator[Iterator[Drawn]]:
    """Draw figures on several cores, and yield them in their order.

    Each process is a copy of this one as it is when the block begins, with all that figures are drawn from. Elsewhere
    than on Linux copies are not safe, and this process draws.

    Raises
    ------
    InputError
        If a process was ended by the system.
    """
    workers = min(cores, len(figures), MOST_PROCESSES)
    if workers < 2 or sys.platform != "linux":
        yield (draw_figure(figure, forms) for figure in figures)
        return
    copies = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, copies, _begin, (figures, forms)) as pool:
        try:
            yield pool.map(_draw_at, range(len(figures)))
        except BrokenProcessPool:
            reason = "a process that drew figures was ended, for lack of memory as a rule; free some and call again"
            raise InputError(reason) from None


_task: tuple[Sequence[Figure], Sequence[Format]] = ((), ())
"""In a copy: what it draws."""


def _begin(figures: Sequence[Figure], forms: Sequence[Format]) -> None:
    global _task
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the process that waits for it decides
    _task = figures, forms


def _draw_at(place: int) -> Drawn:
    figures, forms = _task
    return draw_figure(figures[place], forms)
