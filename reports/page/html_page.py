"""A report as one web page that needs no network, no scripts and no other file."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence

from benchmark.system.amounts import count
from reports.figures.figure import Absence, Figure
from reports.forms.html import STYLE, escape, part_lines, row_line
from reports.page.assets import asset, islands, own_script, plotly_script, policy
from reports.page.first_screen import dataset_names, headline, ranking, thinned, title
from reports.page.pictures import PagePicture, fitting
from reports.page.report import LineUpSection, Report, TableSection
from reports.tables.paths import shown_command, without_folders

REM_PER_INCH = 8.0
"""How large a figure is shown: text a little larger than in print."""

MOST_BYTES = 8_000_000
"""Of a page, beyond which it leaves pictures out."""
Pictures = Mapping[tuple[str, str], PagePicture]
"""Folder and stem of a figure -> its picture."""

MOST_NAMED = 100
"""Methods that a section names beside those that it shows."""
VIEWS = {"class-wise": "classes", "curves": "curves", "events": "curves", "scores": "scores", "t-sne": "embedding"}
"""Name of a figure -> the view that stands in its place where scripts run, a part of the page's script."""
VIEW_NAMES = {"classes": "Classes", "curves": "Thresholds", "scores": "Videos", "embedding": "Embeddings"}
"""What the navigation calls the views."""
DETAILS = {"events", "t-sne", "selection", "training"}
"""Figures of the appendix."""


def to_page(
    report: Report,
    pictures: Pictures,
    options: Sequence[str],
    heading: str = "wvad-bench report",
    made: str = "",
) -> str:
    """Render a report; pictures for which there is no room are left out, which the page says.

    Parameters
    ----------
    pictures
        Of all figures.
    options
        What the command of a figure needs besides its name, such as where the results are.
    heading
        Title of the page.
    made
        The day on which it is made, as people read it; left out if empty.
    """
    plotly = plotly_script()
    numbers = list(islands([section.content for section in report.line_ups if section.content], plotly))

    def page(pictures: Pictures) -> str:
        return "\n".join(_lines(report, pictures, options, heading, made, plotly, numbers)) + "\n"

    room = MOST_BYTES - len(page({}).encode())
    return page(dict(fitting(pictures, _by_importance(report), room)))


def _lines(
    report: Report,
    pictures: Pictures,
    options: Sequence[str],
    heading: str,
    made: str,
    plotly: str,
    numbers: Sequence[str],
) -> Iterator[str]:
    script = own_script()
    yield from ("<!DOCTYPE html>", '<html lang="en">', "<head>", '<meta charset="utf-8">')
    yield f'<meta http-equiv="Content-Security-Policy" content="{policy([script, plotly])}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield '<link rel="icon" href="data:,">'
    yield f"<title>{escape(heading)}</title>"
    yield f"<style>\n{STYLE}{asset('page.css')}</style>"
    yield from ("</head>", "<body>", *_navigation(report), "<main>", f'<h1 id="top">{escape(heading)}</h1>')
    yield from _summary(report, made)
    yield from (line for section in report.line_ups for line in _line_up(section, pictures, options))
    yield from (line for section in report.tables for line in _table(section, pictures, options))
    yield from _appendix(report, pictures, options)
    yield from ("</main>", *numbers, f"<script>{script}</script>", "</body>", "</html>")


def _by_importance(report: Report) -> list[tuple[str, str]]:
    """Return folder and stem of each figure: first pages, then further ones, details last."""
    ordered = sorted(report.figures(), key=lambda figure: (figure.name in DETAILS, figure.page))
    return [(figure.folder, figure.stem) for figure in ordered]


def _navigation(report: Report) -> Iterator[str]:
    """Link to all sections, and below a dataset to its views; the script adds search and choice."""
    yield '<nav class="bar" aria-label="Sections"><ul>'
    yield '<li><a href="#top">Summary</a></li>'
    for section, name in zip(report.line_ups, dataset_names(report.line_ups), strict=True):
        full = escape(section.line_up.name)
        yield f'<li><a href="#{escape(_id(section))}" title="{full}">{escape(name)}</a>'
        links = (
            f'<li><a href="#{escape(_anchor(view, section.line_up.name))}">{words}</a></li>'
            for view, words in VIEW_NAMES.items()
        )
        yield f"<ul>{''.join(links)}</ul></li>" if section.content else "</li>"
    for table in report.tables:
        yield f'<li><a href="#{escape(_id(table))}">{escape(table.plan.table)} <small>{escape(table.plan.folder)}'
        yield "</small></a></li>"
    yield '<li><a href="#appendix">Appendix</a></li></ul></nav>'


def _summary(report: Report, made: str) -> Iterator[str]:
    yield '<section id="summary">'
    yield f'<p class="made">{escape(made)}</p>' if made else ""
    yield from (f'<p class="verdict">{escape(line)}</p>' for line in headline(report.line_ups))
    yield from (f"<p>{escape(line)}</p>" for line in report.summary())
    yield from ranking(report.line_ups)
    yield "</section>"


def _list(lines: Sequence[str]) -> Iterator[str]:
    yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _table(section: TableSection, pictures: Pictures, options: Sequence[str]) -> Iterator[str]:
    plan = section.plan
    yield f'<section id="{escape(_id(section))}">'
    yield f"<h2>{escape(plan.title)} <small>{escape(plan.table)}, {escape(plan.folder)}</small></h2>"
    yield from _list(section.verdicts)
    for part in section.document.parts[:1]:
        yield from part_lines(part, prefix=f"{_id(section)}-")
    yield f"<p>Made by <code>{escape(section.document.command)}</code>.</p>"
    for figure in section.figures:
        yield from _figure(figure, pictures, options)
    yield "</section>"


def _line_up(section: LineUpSection, pictures: Pictures, options: Sequence[str]) -> Iterator[str]:
    line_up = section.line_up
    name = escape(line_up.name)
    yield f'<section id="{escape(_id(section))}" data-dataset="{name}">'
    yield f"<h2>{escape(title(section))} <small>{name}</small></h2>"
    if line_up.contenders:
        names, pages = ", ".join(contender.label for contender in line_up.contenders), line_up.pages()
        some = f"; details of the first {len(pages[0].contenders)}" if len(pages) > 1 else ""
        yield f'<p class="static">Shown: {escape(names + some)}.</p>'
    if section.unranked:
        yield f"<p>{escape(thinned(section))}</p>"
    if section.left_out:
        labels: dict[str, list[str]] = {}
        for contender in section.left_out[:MOST_NAMED]:
            labels.setdefault(contender.table, []).append(contender.label)
        named = "; ".join(f"of {table} {', '.join(found)}" for table, found in labels.items())
        if more := len(section.left_out[MOST_NAMED:]):
            named += f" and {count(more, 'more method')}, named in {'its table' if more == 1 else 'their tables'}"
        yield (
            '<p class="static">Also stored, and shown by <code>--methods</code> of the commands below: '
            f"{escape(named)}.</p>"
        )
    shown = [figure for figure in section.figures if figure.name not in DETAILS]
    for view in dict.fromkeys(VIEWS.values()) if section.content else ():
        anchor = escape(_anchor(view, line_up.name))
        yield f'<div class="view" id="{anchor}" data-view="{view}" data-dataset="{name}" hidden></div>'
    for figure in shown:
        yield from _figure(figure, pictures, options, replaced=section.content is not None)
    yield "</section>"


def _appendix(report: Report, pictures: Pictures, options: Sequence[str]) -> Iterator[str]:
    yield '<div id="appendix">'
    yield "<h2>Appendix</h2>"
    for section in report.tables:
        for part in section.document.parts[1:]:
            yield from part_lines(part, prefix=f"{_id(section)}-")
    for shown in report.line_ups:
        details = [figure for figure in shown.figures if figure.name in DETAILS]
        if details:
            yield f'<section data-dataset="{escape(shown.line_up.name)}"><h2>{escape(title(shown))}</h2>'
            for figure in details:
                yield from _figure(figure, pictures, options, replaced=shown.content is not None)
            yield "</section>"
    yield from _provenance(report)
    yield "</div>"


def _figure(
    figure: Figure | Absence, pictures: Pictures, options: Sequence[str], replaced: bool = False
) -> Iterator[str]:
    """Render a figure or why there is none; where a view may stand in its place, it says which."""
    anchor = escape(_anchor(figure.folder, figure.stem if isinstance(figure, Figure) else figure.name))
    view = f' data-replaced="{VIEWS[figure.name]}"' if replaced and figure.name in VIEWS else ""
    if isinstance(figure, Absence):
        reason = escape(without_folders(figure.reason))
        yield f'<p class="absence" id="{anchor}"><b>{escape(figure.title)}</b>: none, {reason}</p>'
        return
    command = shown_command(shlex.join(["wvad", "figure", figure.name, figure.folder, *options]))
    picture = pictures.get((figure.folder, figure.stem))
    if picture is None:
        yield f'<p class="absence" id="{anchor}"{view}><b>{escape(figure.title)}</b>: left out, to keep the '
        yield f"page small; it is drawn by <code>{escape(command)}</code>.</p>"
        return
    width, height = picture.size
    style = f"width: {REM_PER_INCH * width:.1f}rem; aspect-ratio: {width:.3f} / {height:.3f}"
    yield f'<figure class="picture" id="{anchor}"{view}>'
    yield f"<h3>{escape(figure.title)}</h3>"
    yield f'<img src="{picture.source}" alt="{escape(figure.alt)}" style="{style}">'
    yield f"<figcaption>{''.join(f'<p>{escape(line)}</p>' for line in figure.caption)}"
    yield f"<p><code>{escape(command)}</code></p></figcaption>"
    yield "</figure>"


def _provenance(report: Report) -> Iterator[str]:
    yield '<section id="provenance">'
    yield "<h2>Provenance</h2>"
    yield "<h3>Datasets</h3>"
    headers = ("dataset", "benchmark", "feature set", "crops", "test videos", "without features", "test part")
    yield from _plain_table(
        headers,
        (
            (d.name, d.benchmark, d.feature_set, d.crops, d.test_videos, d.missing, d.test_hash[:16])
            for d in report.datasets
        ),
    )
    yield "<h3>Commands</h3>"
    yield from _plain_table(
        ("table", "folder", "seeds", "command"),
        ((s.plan.table, s.plan.folder, s.plan.seeds, s.document.command) for s in report.tables),
    )
    if report.environments:
        yield "<h3>Environments of the runs</h3>"
        yield from _plain_table(
            ("runs", "wvad-bench", "Python", "PyTorch", "NumPy", "machine, processor, device"),
            ((n, e.wvad_bench, e.python, e.torch, e.numpy, e.place) for e, n in report.environments),
        )
    if report.failures:
        yield "<h3>Runs without success</h3>"
        yield from _plain_table(
            ("run", "method", "dataset", "seed", "status", "reason"),
            (
                (f.key, f.spec.name, f.spec.dataset, f.spec.seed, f.status, without_folders(f.reason))
                for f in report.failures
            ),
        )
    yield "<p>Runs and evaluations behind each cell: the files <code>*.provenance.json</code> beside the tables.</p>"
    yield "</section>"


def _plain_table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    yield '<div class="wide"><table><thead>'
    yield row_line(f'<th scope="col">{escape(header)}</th>' for header in headers)
    yield "</thead><tbody>"
    for row in rows:
        yield row_line(f"<td>{escape(str(value))}</td>" for value in row)
    yield "</tbody></table></div>"


def _id(section: TableSection | LineUpSection) -> str:
    if isinstance(section, TableSection):
        return _anchor(section.plan.folder, section.plan.table)
    return _anchor("figures", section.line_up.name)


def _anchor(*names: str) -> str:
    return "-".join(names).replace("/", "-")
