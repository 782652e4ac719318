"""A report as one web page that needs no network, no scripts and no other file."""

from __future__ import annotations

import base64
import hashlib
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import files

from reports.figures.figure import Absence, Figure
from reports.figures.style import Format, Rendered
from reports.forms.html import STYLE, escape, part_lines, row_line
from reports.page.report import LineUpSection, Report, TableSection
from reports.tables.paths import shown_command, without_folders

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-{script}'"
"""The page may load nothing from anywhere, and of what stands in it run nothing but its own script."""
REM_PER_INCH = 8.0
"""How large a figure is shown: text a little larger than in print."""
TYPES: Mapping[Format, str] = {"svg": "image/svg+xml", "png": "image/png"}

Pictures = Mapping[tuple[str, str], Rendered]
"""Folder and name of a figure -> the drawn figure."""


def to_page(report: Report, pictures: Pictures, options: Sequence[str], title: str = "wvad-bench report") -> str:
    """Render a report.

    Parameters
    ----------
    options
        What the command of a figure needs besides its name, such as where the results are.
    title
        Heading of the page.
    """
    heading, script = escape(title), f"\n{_asset('page.js')}"
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        "<head>",
        '<meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY.format(script=_digest(script))}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<link rel="icon" href="data:,">',
        f"<title>{heading}</title>",
        f"<style>\n{STYLE}{_asset('page.css')}</style>",
        "</head>",
        "<body>",
        f"<h1>{heading}</h1>",
        *_summary(report),
        *(line for section in report.tables for line in _table(section, pictures, options)),
        *(line for section in report.line_ups for line in _line_up(section, pictures, options)),
        *_provenance(report),
        f"<script>{script}</script>",
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _asset(name: str) -> str:
    return (files("reports.page") / name).read_text(encoding="utf-8")


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def _summary(report: Report) -> Iterator[str]:
    yield '<section id="summary">'
    yield "<h2>Summary</h2>"
    yield from (f"<p>{escape(line)}</p>" for line in report.summary())
    yield "<ul>"
    for table in report.tables:
        yield f'<li><a href="#{escape(_id(table))}">{escape(table.plan.title)}</a> ({escape(table.plan.folder)})'
        yield from _list(table.verdicts)
        yield "</li>"
    yield "</ul>"
    if report.line_ups:
        links = (f'<a href="#{escape(_id(section))}">{escape(section.line_up.name)}</a>' for section in report.line_ups)
        yield f"<p>Figures by dataset: {' · '.join(links)}</p>"
    yield '<p><a href="#provenance">Provenance</a>: datasets, commands, environments, failures.</p>'
    yield "</section>"


def _list(lines: Sequence[str]) -> Iterator[str]:
    yield f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"


def _table(section: TableSection, pictures: Pictures, options: Sequence[str]) -> Iterator[str]:
    plan = section.plan
    yield f'<section id="{escape(_id(section))}">'
    yield f"<h2>{escape(plan.title)} <small>{escape(plan.table)}, {escape(plan.folder)}</small></h2>"
    yield from _list(section.verdicts)
    for part in section.document.parts:
        yield from part_lines(part, prefix=f"{_id(section)}-")
    yield f"<p>Made by <code>{escape(section.document.command)}</code>.</p>"
    for figure in section.figures:
        yield from _figure(figure, pictures, options)
    yield "</section>"


def _line_up(section: LineUpSection, pictures: Pictures, options: Sequence[str]) -> Iterator[str]:
    line_up = section.line_up
    yield f'<section id="{escape(_id(section))}">'
    yield f"<h2>{escape(line_up.dataset.name)} <small>figures, {escape(line_up.name)}</small></h2>"
    if line_up.contenders:
        yield f"<p>Shown: {escape(', '.join(c.label for c in line_up.contenders))}.</p>"
    if section.left_out:
        labels: dict[str, list[str]] = {}
        for contender in section.left_out:
            labels.setdefault(contender.table, []).append(contender.label)
        named = "; ".join(f"of {table} {', '.join(found)}" for table, found in labels.items())
        yield f"<p>Also stored, and shown by <code>--methods</code> of the commands below: {escape(named)}.</p>"
    for figure in section.figures:
        yield from _figure(figure, pictures, options)
    yield "</section>"


def _figure(figure: Figure | Absence, pictures: Pictures, options: Sequence[str]) -> Iterator[str]:
    if isinstance(figure, Absence):
        yield f'<p class="absence"><b>{escape(figure.title)}</b>: none, {escape(without_folders(figure.reason))}</p>'
        return
    picture = pictures[figure.folder, figure.name]
    content = base64.b64encode(picture.contents[figure.page_form]).decode()
    source = f"data:{TYPES[figure.page_form]};base64,{content}"
    width, height = picture.size
    style = f"width: {REM_PER_INCH * width:.1f}rem; aspect-ratio: {width:.3f} / {height:.3f}"
    command = shown_command(shlex.join(["wvad", "figure", figure.name, figure.folder, *options]))
    yield f'<figure class="picture" id="{escape(_anchor(figure.folder, figure.name))}">'
    yield f"<h3>{escape(figure.title)}</h3>"
    yield f'<img src="{source}" alt="{escape(figure.alt)}" style="{style}" loading="lazy">'
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
