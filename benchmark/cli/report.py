"""Commands that draw: a report on the whole run store, and single figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from benchmark.cli import options
from benchmark.cli.common import say, warn
from benchmark.cli.drawing import Stored, draw, given, today, warn_of_letters
from benchmark.system.errors import InputError
from benchmark.system.names import check_name
from benchmark.system.near_names import find_alike
from benchmark.terms import FigureForm, selection_suffix

if TYPE_CHECKING:
    from benchmark.tables.line_ups import LineUp
    from reports.figures.figure import Absence, Figure

FIGURES = (
    *("class-wise", "curves", "events", "scores", "t-sne", "selection", "training"),
    *("cross-dataset", "study", "forest", "gains", "cost"),
)
"""Of a dataset, and of a table; `reports.figures.catalogue` draws them."""
PAPER_FORMATS = "pdf,png"
"""What is written unless chosen: for a manuscript and for everything else."""


VideosFrom = Annotated[
    Path | None, typer.Option(help="Show key frames of the test videos whose files are in this folder.")
]


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (report, figure):
        app.command()(command)


def report(
    selection: options.Selection = "last",
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    formats: options.Formats = PAPER_FORMATS,
    device: options.Device = "auto",
    tracking: options.Tracking = "mlflow",
    title: Annotated[str, typer.Option(help="Give the page this title.")] = "wvad-bench report",
    pdf: Annotated[
        bool, typer.Option("--pdf", help="Print the page to PDF as well, on A4, by Chromium or Chrome.")
    ] = False,
    videos_from: VideosFrom = None,
    anonymous: Annotated[
        bool,
        typer.Option("--anonymous", help="Leave out the machines as well; folders, user and host are never in it."),
    ] = False,
) -> None:
    """Write one HTML file on the whole run store, and all its figures; train nothing."""
    from benchmark.runs.results_folder import FigureIndex
    from benchmark.system.files import write_atomically, writing_to
    from reports.page.printing import find_browser, print_page

    try:
        check_name(title)
    except ValueError as error:
        raise InputError(f"--title: {error}") from None
    browser = find_browser() if pdf else None
    forms, stored = _forms(formats), Stored(results, selection)
    tables = stored.tables()  # first: what they compare need not be ranked again
    # Most of what these need was imported while the tables were filled.
    from benchmark.tracking import follow_again, saying_once
    from reports.island.key_frames import add_key_frames
    from reports.page.html_page import to_page
    from reports.page.report import make_report

    sections = stored.sections([(line_up, None) for line_up in stored.line_ups], data, device)
    if videos_from is not None:
        add_key_frames([section.content for section in sections if section.content is not None], videos_from)
    made = make_report(tables, sections, selection, stored.runs, anonymous)
    figures = list(made.figures())
    where = stored.results.figure_folder(selection)
    path = stored.results.report_page(selection_suffix(selection))
    with writing_to(where, "--results"):
        pictures = draw(figures, forms, where)
        stored.results.write_figure_index(FigureIndex(shown=made.shown()), selection)
        page = to_page(made, pictures, given(selection, data, results), title, today())
        write_atomically(path, page)
        if browser:
            print_page(path, path.with_suffix(".pdf"), browser)
    warn_once = saying_once(warn)
    for call in stored.results.latest_calls() if tracking != "none" else ():
        artifacts = [*stored.results.table_files(call.plan), *stored.results.report_files(call.plan)]
        follow_again(stored.results, call, tracking, warn_once).table_finished(artifacts)
    for line in made.summary():
        say(line)
    say(f"{len(figures)} figures in {where}, as {', '.join(forms)} and their numbers as CSV")
    say(f"Written: {path} ({len(page.encode()) / 1e6:.1f} MB){f', {path.stem}.pdf' if browser else ''}")


def figure(
    name: Annotated[str, typer.Argument(help=f"Name a figure: {', '.join(FIGURES)}.")],
    of: Annotated[
        str | None,
        typer.Argument(
            metavar="OF", help="Name a dataset or a table as the report calls it; needed only where there are several."
        ),
    ] = None,
    methods: Annotated[str | None, typer.Option(help="Show these methods, by their labels, joined by commas.")] = None,
    videos: Annotated[
        str | None, typer.Option(help="Show these test videos, joined by commas (figure scores).")
    ] = None,
    videos_from: VideosFrom = None,
    selection: options.Selection = "last",
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    formats: options.Formats = PAPER_FORMATS,
    device: options.Device = "auto",
) -> None:
    """Draw one figure, for methods and videos of your choice; train nothing."""
    from benchmark.system.files import writing_to
    from reports.figures.catalogue import TABLE_FIGURES, FigureChoices, draw_pages, suits
    from reports.figures.figure import Absence, Figure
    from reports.figures.style import render

    if name not in FIGURES:
        raise InputError(f"no figure is called {name}; there are {', '.join(FIGURES)}")
    if name != "scores" and (videos is not None or videos_from is not None):
        raise InputError(f"--videos and --videos-from are for the figure scores, not for {name}")
    forms, stored = _forms(formats), Stored(results, selection)
    drawn: list[Figure | Absence]
    if name in TABLE_FIGURES:
        if methods is not None:
            raise InputError(f"--methods is for figures of a dataset, not for {name}")
        table = stored.table(of)
        if not suits(name, table.plan):
            raise InputError(f"{table.plan.table} is no table for the figure {name}; see docs/figures.md")
        drawn = [TABLE_FIGURES[name](table)]
    else:
        line_up = stored.line_up(of)
        pages = stored.pages(stored.choose(line_up, _labels(methods, line_up)))
        reasons = stored.project(pages[0].line_up, data, device) if name == "t-sne" else {}
        named = None if videos is None else options.split(videos)
        drawn = draw_pages(name, pages, FigureChoices(named, videos_from, reasons))
    where = stored.results.figure_folder(selection, single=True)
    lacking: set[str] = set()
    paths = []
    for one in drawn:
        if isinstance(one, Absence):
            raise InputError(f"{name} of {one.folder}: none, {one.reason}")
        with writing_to(where, "--results"):
            rendered = render(one.draw, forms)
            paths += one.write(where, rendered.contents)
        lacking |= rendered.lacking
    warn_of_letters(lacking)
    for line in dict.fromkeys(line for one in drawn if isinstance(one, Figure) for line in one.caption):
        say(line)
    say(f"Written: {', '.join(map(str, paths))}")


def _forms(text: str) -> list[FigureForm]:
    known: tuple[FigureForm, ...] = get_args(FigureForm)
    forms = [form for form in known if form in options.split(text)]
    for name in options.split(text):
        if name not in forms:
            raise InputError(f"--format {name}: no such form; there are {', '.join(known)}")
    return forms


def _labels(methods: str | None, line_up: LineUp) -> list[str] | None:
    """Split at commas, unless the whole is a label itself."""
    if methods is None or find_alike(methods, [contender.label for contender in line_up.contenders]):
        return None if methods is None else [methods]
    return options.split(methods)
