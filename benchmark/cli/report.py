"""Commands that draw: a report on the whole run store, and single figures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from benchmark.cli import options
from benchmark.cli.common import choose_device, err, follow_again, say
from benchmark.errors import InputError
from benchmark.invocations import Results

if TYPE_CHECKING:
    from benchmark.cells import Table
    from benchmark.lineups import LineUp
    from reports.figures.evidence import Evidence
    from reports.figures.figure import Absence, Figure
    from reports.figures.style import Format, Rendered
    from reports.report import LineUpSection

_Choice = TypeVar("_Choice")

FIGURES = (
    *("class-wise", "curves", "scores", "t-sne", "selection", "training"),
    *("cross-dataset", "study", "forest"),
)
"""Of a dataset, and of a table; `reports.figures.catalogue` draws them."""
PAPER_FORMATS = "pdf,png"
"""What is written unless chosen: for a manuscript and for everything else."""


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
) -> None:
    """Write one HTML file on the whole run store, and all its figures; train nothing."""
    from benchmark.display import counting
    from benchmark.files import write_atomically, writing_to
    from benchmark.invocations import FigureIndex
    from reports.figures.style import render
    from reports.page import to_page
    from reports.report import make_report

    forms, stored = _forms(formats), _Stored(results, selection)
    sections = [stored.section(line_up, data, device) for line_up in stored.line_ups]
    made = make_report(stored.tables(), sections, selection, stored.runs)
    figures = list(made.figures())
    where = stored.results.figure_folder(selection)
    path = stored.results.reports / f"report{'' if selection == 'last' else f'-{selection}'}.html"
    pictures: dict[tuple[str, str], Rendered] = {}
    with writing_to(where, "--results"), counting("drawing figures", err) as progress:
        for done, drawn in enumerate(figures, start=1):
            rendered = render(drawn.draw, list(dict.fromkeys((drawn.page_form, *forms))))
            pictures[drawn.folder, drawn.name] = rendered
            drawn.write(where, {form: rendered.contents[form] for form in forms})
            progress(done, len(figures))
        stored.results.write_figure_index(FigureIndex(shown=made.shown()), selection)
        page = to_page(made, pictures, _given(selection, data, results))
        write_atomically(path, page)
    for call in stored.results.latest_calls() if tracking != "none" else ():
        artifacts = [*stored.results.table_files(call.plan), *stored.results.figure_files(call.plan)]
        follow_again(stored.results, call, tracking).table_finished(artifacts)
    for line in made.summary():
        say(line)
    say(f"{len(figures)} figures in {where}, as {', '.join(forms)} and their numbers as CSV")
    say(f"Written: {path} ({len(page.encode()) / 1e6:.1f} MB)")


def figure(
    name: Annotated[str, typer.Argument(help="Which figure: " + ", ".join(FIGURES) + ".")],
    of: Annotated[
        str | None,
        typer.Argument(metavar="OF", help="A dataset or a table, as the report calls it; may be left out if only one."),
    ] = None,
    methods: Annotated[str | None, typer.Option(help="Methods to show, by their labels, joined by commas.")] = None,
    videos: Annotated[str | None, typer.Option(help="Test videos to show (scores), joined by commas.")] = None,
    videos_from: Annotated[Path | None, typer.Option(help="Folder of video files, for key frames (scores).")] = None,
    selection: options.Selection = "last",
    data: options.Data = None,
    results: options.ResultsFolder = options.DEFAULT_RESULTS,
    formats: options.Formats = PAPER_FORMATS,
    device: options.Device = "auto",
) -> None:
    """Draw one figure, for methods and videos of your choice; train nothing."""
    from benchmark.files import writing_to
    from reports.figures.catalogue import LINE_UP_FIGURES, TABLE_FIGURES, Choices, suits
    from reports.figures.figure import Absence
    from reports.figures.style import render

    if name not in FIGURES:
        raise InputError(f"no figure is called {name}; there are {', '.join(FIGURES)}")
    if name != "scores" and (videos is not None or videos_from is not None):
        raise InputError(f"--videos and --videos-from are for the figure scores, not for {name}")
    forms, stored = _forms(formats), _Stored(results, selection)
    drawn: Figure | Absence
    if name in TABLE_FIGURES:
        if methods is not None:
            raise InputError(f"--methods is for figures of a dataset, not for {name}")
        table = stored.table(of)
        if not suits(name, table.plan):
            raise InputError(f"{table.plan.table} is no table for the figure {name}; see docs/figures.md")
        drawn = TABLE_FIGURES[name](table)
    else:
        line_up = stored.line_up(of)
        line_up = line_up.choose(_labels(methods, line_up))
        reasons = stored.project(line_up, data, device) if name == "t-sne" else {}
        drawn = LINE_UP_FIGURES[name](stored.evidence(line_up), Choices(_split(videos), videos_from, reasons))
    if isinstance(drawn, Absence):
        raise InputError(f"{name} of {drawn.folder}: none, {drawn.reason}")
    where = stored.results.figure_folder(selection, single=True)
    with writing_to(where, "--results"):
        paths = drawn.write(where, render(drawn.draw, forms).contents)
    for line in drawn.caption:
        say(line)
    say(f"Written: {', '.join(map(str, paths))}")


class _Stored:
    """A results folder, looked at under one selection.

    Raises
    ------
    InputError
        If no table was ever planned there.
    """

    def __init__(self, results: Path, selection: options.SelectionName) -> None:
        from benchmark.lineups import find_line_ups
        from benchmark.runs import RunStore
        from reports.figures.style import Palette

        self.results, self._selection = Results(results), selection
        self.runs = RunStore(self.results.runs)
        self.plans = list(self.results.plans(None))
        if not self.plans:
            raise InputError(f"{results}: no table planned there; run `wvad reproduce` or `wvad train` first")
        self.line_ups = find_line_ups(self.plans, self.runs, selection)
        self._palette = Palette.of_plans(self.plans)

    def tables(self) -> list[Table]:
        """Fill all planned tables."""
        from benchmark.cells import fill_table

        return [fill_table(plan, self.runs, self._selection) for plan in self.plans]

    def table(self, of: str | None) -> Table:
        """Fill the table that is named, alone or with its folder."""
        from benchmark.cells import fill_table

        known = {f"{plan.folder}/{plan.table}": plan for plan in self.plans}
        plan = _pick(of, {name: plan for name, plan in known.items() if of in (None, name, plan.table)}, known)
        return fill_table(plan, self.runs, self._selection)

    def line_up(self, of: str | None) -> LineUp:
        """Return the line-up that is named, by itself or by its dataset."""
        known = {line_up.name: line_up for line_up in self.line_ups if line_up.contenders}
        if of in known:
            return known[of]
        return _pick(of, {n: line_up for n, line_up in known.items() if of in (None, line_up.dataset.name)}, known)

    def evidence(self, line_up: LineUp) -> Evidence:
        """Return what the figures of a line-up are drawn from."""
        from reports.figures.evidence import Evidence

        return Evidence(line_up, self.runs, self._palette)

    def section(self, line_up: LineUp, data: Path | None, device: options.DeviceName) -> LineUpSection:
        """Return a line-up's section of the report, with its figures."""
        from reports.figures.catalogue import Choices, figures_of_line_up
        from reports.figures.figure import Absence
        from reports.report import LineUpSection

        shown = line_up.choose(None)
        if not shown.contenders:
            reason = f"no stored run that was trained and tested there has the selection {self._selection}."
            return LineUpSection(shown, (Absence(line_up.name, "all", "Figures", reason),), ())
        choices = Choices(not_projected=self.project(shown, data, device))
        left_out = tuple(c for c in line_up.contenders if c not in shown.contenders)
        return LineUpSection(shown, tuple(figures_of_line_up(self.evidence(shown), choices)), left_out)

    def project(self, line_up: LineUp, data: Path | None, device: options.DeviceName) -> dict[str, str]:
        """Project what the methods make of the features, unless it is stored; return why some are not."""
        from benchmark.projections import projection_names, stored_projections

        stored = stored_projections(line_up, self.runs)
        missing = [label for label in projection_names(line_up, self.runs) if label not in stored]
        if not missing:
            return {}
        import torch

        from benchmark.datasets.catalog import data_root, open_dataset
        from benchmark.display import counting
        from benchmark.embeddings import project_line_up

        name = line_up.dataset.name
        try:
            dataset = open_dataset(name, data_root(data))
        except InputError as error:
            return dict.fromkeys(missing, str(error))
        if dataset.manifest.test_hash() != line_up.dataset.test_hash:
            reason = f"{name} in {data_root(data)} has other test videos or labels than when the runs were tested"
            return dict.fromkeys(missing, reason)
        with counting(f"embedding snippets of {name}", err) as progress:
            return project_line_up(line_up, dataset, self.runs, torch.device(choose_device(device)), progress)


def _pick(of: str | None, fitting: Mapping[str, _Choice], known: Mapping[str, object]) -> _Choice:
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if not known:
        raise InputError("no run is stored yet that a figure could show; `wvad status` lists what is planned")
    what = "name one of" if of is None else f"{of}: known are" if not fitting else f"{of} is several: name one of"
    raise InputError(f"{what} {', '.join(fitting or known)}")


def _forms(text: str) -> list[Format]:
    from reports.figures.style import FORMATS

    forms = [form for form in FORMATS if form in (_split(text) or [])]
    for name in _split(text) or []:
        if name not in forms:
            raise InputError(f"--format {name}: no such form; there are {', '.join(FORMATS)}")
    return forms


def _labels(methods: str | None, line_up: LineUp) -> list[str] | None:
    """Split at commas, unless the whole is a label itself."""
    whole = methods in [contender.label for contender in line_up.contenders]
    return [methods] if methods is not None and whole else _split(methods)


def _split(names: str | None) -> list[str] | None:
    return None if names is None else [name.strip() for name in names.split(",")]


def _given(selection: options.SelectionName, data: Path | None, results: Path) -> list[str]:
    """Return the options that repeat a figure's command on the same results."""
    given = ["--selection", selection] if selection != "last" else []
    given += ["--data", str(data)] if data is not None else []
    return given + (["--results", str(results)] if results != options.DEFAULT_RESULTS else [])
