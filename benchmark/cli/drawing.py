"""What the commands that draw have in common: a results folder looked at under one selection, and figures rendered."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmark import terms
from benchmark.cli import options
from benchmark.cli.common import err, warn
from benchmark.runs.results_folder import Results
from benchmark.system.errors import InputError

if TYPE_CHECKING:
    from benchmark.runs.table_plan import TablePlan
    from benchmark.tables.cells import Table
    from benchmark.tables.line_ups import LineUp
    from reports.figures.evidence import Evidence
    from reports.figures.figure import Figure
    from reports.page.pictures import PagePicture
    from reports.page.report import LineUpSection

MOST_RANKED = 1000
"""Runs that a page ranks and shows in its views: each takes milliseconds, also where what was found is kept."""

MOST_SHOWN = 36
"""Methods that figures show unless others are chosen: four pages of them."""

_Choice = TypeVar("_Choice")


class Stored:
    """A results folder, looked at under one selection.

    Parameters
    ----------
    plans
        The tables to look at; all that were planned unless given.

    Raises
    ------
    InputError
        If no table was ever planned there.
    """

    def __init__(self, results: Path, selection: terms.Selection, plans: Sequence[TablePlan] | None = None) -> None:
        from benchmark.runs.store import RunStore
        from benchmark.tables.line_ups import find_line_ups

        self.results, self._selection = Results(results), selection
        self.runs = RunStore(self.results.runs, remember=True)
        found = self.results.plans(None) if plans is None else plans
        self.plans = [plan for plan in found if plan.tested]
        if not self.plans:
            raise InputError(f"{results}: no table planned there; run `wvad reproduce` or `wvad train` first")
        self.line_ups = find_line_ups(self.plans, self.runs, selection)

    def tables(self) -> list[Table]:
        """Fill all planned tables."""
        from benchmark.execution.side_by_side import side_by_side
        from benchmark.tables.cells import fill_table

        with side_by_side(lambda plan: fill_table(plan, self.runs, self._selection), self.plans) as filled:
            import reports.page.report  # noqa: F401 -- with what draws: seconds, in which the copies are at work

            return list(counted(filled, len(self.plans), "filling tables"))

    def table(self, of: str | None) -> Table:
        """Fill the table that is named, alone or with its folder."""
        from benchmark.tables.cells import fill_table

        known = {f"{plan.folder}/{plan.table}": plan for plan in self.plans}
        plan = _pick(of, {name: plan for name, plan in known.items() if of in (None, name, plan.table)}, known)
        return fill_table(plan, self.runs, self._selection)

    def line_up(self, of: str | None) -> LineUp:
        """Return the line-up that is named, by itself or by its dataset."""
        known = {line_up.name: line_up for line_up in self.line_ups if line_up.contenders}
        if of in known:
            return known[of]
        return _pick(of, {n: line_up for n, line_up in known.items() if of in (None, line_up.dataset.name)}, known)

    def choose(self, line_up: LineUp, labels: Sequence[str] | None) -> LineUp:
        """Return a line-up with the methods to show: `labels` as `LineUp.choose` takes them, the best first if None."""
        from benchmark.tables.ranking import leading, rank

        chosen = line_up.choose(labels)
        if labels is not None:
            return chosen
        if len(chosen.contenders) > MOST_SHOWN:
            seeds = max(len(contender.seeds) for contender in chosen.contenders)
            chosen = leading(chosen, MOST_SHOWN * seeds, (), self.runs)
        ranking = rank(self._ranked_of(line_up, chosen), self.runs)
        places = {ranked.contender: place for place, ranked in enumerate(ranking)}
        ordered = sorted(chosen.contenders, key=lambda contender: places.get(contender, len(places)))
        return replace(chosen, contenders=tuple(ordered))

    def pages(self, line_up: LineUp) -> list[Evidence]:
        """Return what the figures of a line-up are drawn from, page by page."""
        from reports.figures.evidence import Evidence
        from reports.figures.style import Palette

        palette = Palette.of_plans(self.plans)
        return [Evidence(page, self.runs, palette) for page in line_up.pages()]

    def sections(
        self, asked: Sequence[tuple[LineUp, Sequence[str] | None]], data: Path | None, device: terms.Device
    ) -> list[LineUpSection]:
        """Return the sections of line-ups in the report, with their figures; methods as `choose` takes them."""
        from benchmark.execution.side_by_side import side_by_side

        with side_by_side(lambda one: self.choose(*one), asked) as ranked:
            chosen = list(counted(ranked, len(asked), "ranking methods"))
        # One after the other: each takes all cores or the GPU, and shows how far it is.
        reasons = [self.project(shown.pages()[0], data, device) if shown.contenders else {} for shown in chosen]

        def make(place: int) -> LineUpSection:
            line_up, labels = asked[place]
            return self._section(line_up, chosen[place], labels is None, reasons[place])

        with side_by_side(make, range(len(asked))) as made:
            return list(counted(made, len(asked), "comparing methods"))

    def _section(self, line_up: LineUp, shown: LineUp, best: bool, not_projected: Mapping[str, str]) -> LineUpSection:
        from benchmark.tables.ranking import rank
        from reports.figures.catalogue import FigureChoices, figures_of_line_up
        from reports.figures.figure import Absence
        from reports.island.line_up import MOST_SCORES, line_up_content
        from reports.page.report import LineUpSection

        if not shown.contenders:
            reason = f"no stored run that was trained and tested there has the selection {self._selection}."
            return LineUpSection(shown, (Absence(line_up.name, "all", "Figures", reason),), ())
        figures = tuple(figures_of_line_up(self.pages(shown), FigureChoices(not_projected=not_projected)))
        left_out = tuple(c for c in line_up.contenders if c not in shown.contenders)
        compared = self._ranked_of(line_up, shown) if best else shown
        ranked = rank(compared, self.runs)
        room = MOST_SCORES // len(self.line_ups)
        content = line_up_content(compared, ranked, self.runs, room) if ranked else None
        stored = len(line_up.contenders if best else shown.contenders)
        return LineUpSection(shown, figures, left_out, ranked, content, stored - len(compared.contenders))

    def _ranked_of(self, line_up: LineUp, shown: LineUp) -> LineUp:
        """Return what a page has room to rank: all, but of a large store each line-up's best, and those in figures."""
        from benchmark.tables.ranking import leading

        runs = sum(len(contender.seeds) for one in self.line_ups for contender in one.contenders)
        room = runs if runs <= MOST_RANKED else MOST_RANKED // len(self.line_ups)
        return leading(line_up, room, shown.contenders, self.runs)

    def project(self, line_up: LineUp, data: Path | None, device: terms.Device) -> dict[str, str]:
        """Project what the methods make of the features, unless it is stored; return why some are not."""
        from benchmark.tables.projections import projection_names, stored_projections

        stored = stored_projections(line_up, self.runs)
        missing = [label for label in projection_names(line_up, self.runs) if label not in stored]
        if not missing:
            return {}
        from benchmark.datasets.catalog import data_root, open_dataset

        name = line_up.dataset.name
        try:
            dataset = open_dataset(name, data_root(data))
        except InputError as error:
            return dict.fromkeys(missing, str(error))
        if dataset.manifest.test_hash() != line_up.dataset.test_hash:
            reason = f"{name} in {data_root(data)} has other test videos or labels than when the runs were tested"
            return dict.fromkeys(missing, reason)
        import torch  # and what needs it: seconds, where there is something to embed

        from benchmark.execution.display import counting
        from benchmark.tables.embeddings import project_line_up
        from benchmark.training.choices import choose_device

        with counting(f"embedding snippets of {name}", err) as progress:
            return project_line_up(line_up, dataset, self.runs, torch.device(choose_device(device)), progress)


def _pick(of: str | None, fitting: Mapping[str, _Choice], known: Mapping[str, object]) -> _Choice:
    if len(fitting) == 1:
        return next(iter(fitting.values()))
    if not known:
        raise InputError("no run is stored yet that a figure could show; `wvad status` lists what is planned")
    what = "name one of" if of is None else f"{of}: known are" if not fitting else f"{of} is several: name one of"
    raise InputError(f"{what} {', '.join(fitting or known)}")


def draw(
    figures: Sequence[Figure], forms: Sequence[terms.FigureForm], where: Path | None
) -> dict[tuple[str, str], PagePicture]:
    """Draw figures for a page, and write their files where a folder is given; what is there unchanged is kept.

    Returns
    -------
    Folder and stem of a figure -> its picture.
    """
    from benchmark.execution.side_by_side import side_by_side
    from reports.page.drawn import draw_figure
    from reports.page.kept_pictures import KeptPictures

    kept = None if where is None else KeptPictures(where)
    found = [kept.find(figure, forms) if kept else None for figure in figures]
    waiting = [figure for figure, picture in zip(figures, found, strict=True) if picture is None]
    pictures = {(f.folder, f.stem): picture for f, picture in zip(figures, found, strict=True) if picture is not None}
    with side_by_side(lambda figure: draw_figure(figure, forms), waiting) as drawn:
        shown = counted(drawn, len(waiting), "drawing figures")
        for figure, (picture, contents) in zip(waiting, shown, strict=True):
            pictures[figure.folder, figure.stem] = picture
            if where is not None and kept:
                kept.keep(figure, picture, figure.write(where, contents))
    if kept:
        kept.write()
    warn_of_letters(letter for picture in pictures.values() for letter in picture.lacking)
    return pictures


def counted(results: Iterable[_Choice], total: int, what: str) -> Iterator[_Choice]:
    """Pass on results as they come, and show how many there are."""
    from benchmark.execution.display import counting

    with counting(what, err) as progress:
        for done, result in enumerate(results, start=1):
            yield result
            progress(done, total)


def warn_of_letters(lacking: Iterable[str]) -> None:
    """Say once which letters of names the figures show as boxes."""
    if lacking := sorted(set(lacking)):
        warn(
            f"No font of this machine has {''.join(lacking)}: figures show boxes for these letters; their captions and "
            "CSV files have the names. Install a font that has them, such as Noto Sans CJK, and draw again."
        )


def given(selection: terms.Selection, data: Path | None, results: Path) -> list[str]:
    """Return the options that repeat a figure's command on the same results."""
    words = ["--selection", selection] if selection != "last" else []
    words += ["--data", str(data)] if data is not None else []
    return words + (["--results", str(results)] if results != options.DEFAULT_RESULTS else [])


def today() -> str:
    """Return the date, as a page shows it."""
    return f"{date.today():%d %B %Y}".lstrip("0")
