"""Figures of many methods: pages of them, the best first, and legends in the order of their numbers."""

from pathlib import Path

import pytest

from benchmark.cli import run
from benchmark.cli.drawing import Stored
from benchmark.tables.line_ups import MOST
from benchmark.tables.ranking import rank
from reports.figures.catalogue import IN_PAGES, LINE_UP_FIGURES, FigureChoices, draw_pages, figures_of_line_up
from reports.figures.figure import Absence, Figure
from reports.figures.style import styled
from tests.wide_store import Size, make_wide_results

METHODS = 11


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_wide_results(tmp_path_factory.mktemp("results"), METHODS, [Size("street", 2, 2, 12)], 1).root


@pytest.fixture(scope="module")
def stored(folder: Path) -> Stored:
    return Stored(folder, "last")


def drawn(stored: Stored, name: str) -> list[Figure]:
    (line_up,) = stored.line_ups
    pages = stored.pages(stored.choose(line_up, None))
    return [one for one in draw_pages(name, pages, FigureChoices()) if isinstance(one, Figure)]


def methods(figures: list[Figure]) -> list[str]:
    return [method for figure in figures for method in dict.fromkeys(figure.data["method"])]


@pytest.mark.parametrize("name", IN_PAGES)
def test_pages_show_all_methods_the_best_first(stored: Stored, name: str) -> None:
    figures = drawn(stored, name)
    assert [figure.stem for figure in figures] == [name, f"{name}-2"]
    assert [figure.title.split(", ")[-1] for figure in figures] == ["page 1 of 2", "page 2 of 2"]
    (line_up,) = stored.line_ups
    assert methods(figures) == [ranked.contender.label for ranked in rank(line_up, stored.runs)]


def test_details_are_of_the_first_page(stored: Stored) -> None:
    for name in ("scores", "selection", "training"):
        figures = drawn(stored, name)
        assert [figure.stem for figure in figures] == [name]
        assert sorted(methods(figures)) == sorted(methods(drawn(stored, "class-wise")[:1]))


def test_methods_that_were_named_keep_their_order(stored: Stored) -> None:
    (line_up,) = stored.line_ups
    named = [contender.label for contender in line_up.contenders[:3]]
    (page,) = stored.pages(stored.choose(line_up, named))
    assert [contender.label for contender in page.line_up.contenders] == named


def test_legends_are_in_the_order_of_their_numbers(stored: Stored) -> None:
    for figure in drawn(stored, "curves"):
        with styled():
            axes = figure.draw().axes
        for axis in axes[:2]:
            numbers = [float(text.get_text().split()[0]) for text in axis.get_legend().get_texts()]
            assert len(numbers) == len(methods([figure]))
            assert numbers == sorted(numbers, reverse=True)


@pytest.mark.parametrize("count", [6, MOST])
@pytest.mark.parametrize("name", IN_PAGES)
def test_no_legend_is_cut(stored: Stored, name: str, count: int) -> None:
    (line_up,) = stored.line_ups
    pages = stored.pages(stored.choose(line_up, [contender.label for contender in line_up.contenders[:count]]))
    (figure,) = draw_pages(name, pages, FigureChoices())
    assert isinstance(figure, Figure)
    with styled():
        canvas = figure.draw()
        canvas.draw_without_rendering()
        legends = [*canvas.legends, *(found for axis in canvas.axes if (found := axis.get_legend()) is not None)]
        assert legends
        for text in (text for legend in legends for text in legend.get_texts()):
            box = text.get_window_extent()
            assert box.y0 >= 0
            assert box.y1 <= canvas.bbox.y1
            assert box.x0 >= 0
            assert box.x1 <= canvas.bbox.x1


def test_what_no_page_has_is_said_once(stored: Stored) -> None:
    (line_up,) = stored.line_ups
    pages = stored.pages(stored.choose(line_up, None))
    found = figures_of_line_up(pages, FigureChoices())
    assert [one.name for one in found if isinstance(one, Absence)] == ["t-sne"]
    assert len(found) == len(LINE_UP_FIGURES) + len(IN_PAGES)


def test_the_command_writes_every_page(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["figure", "class-wise", "--results", str(folder), "--format", "png"]) == 0
    lines = capsys.readouterr().out.splitlines()
    written = sorted(path.name for path in (folder / "reports" / "single" / "street-quick").iterdir())
    assert written == ["class-wise-2.csv", "class-wise-2.png", "class-wise.csv", "class-wise.png"]
    assert len(set(lines)) == len(lines)
