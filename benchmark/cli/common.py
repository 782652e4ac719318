"""What the commands that train have in common: datasets opened, runs done and tables written."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from benchmark import terms
from benchmark.runs.results_folder import Results
from benchmark.system.amounts import duration
from benchmark.system.errors import InputError
from benchmark.system.names import printable

if TYPE_CHECKING:
    from benchmark.datasets.dataset import Dataset
    from benchmark.execution.call import Planned
    from benchmark.runs.table_plan import TablePlan
    from benchmark.tables.cells import FilledTable, Table
    from benchmark.training.choices import Choices
    from benchmark.training.jobs import Job, Outcome
    from reports.tables.document import Part
    from reports.tables.single_runs import Metrics

PIPE_WIDTH = 160
"""Columns of a table that is not printed on a terminal."""


class Screen(Console):
    """Where all is printed: what comes from files is shown as it is, and what does not print is escaped.

    So nothing that a name, a note or the message of somebody's plug-in holds acts on the terminal.
    """

    def __init__(self, stream: TextIO | None, stderr: bool = False) -> None:
        width = None if stream is not None and stream.isatty() else PIPE_WIDTH
        super().__init__(stderr=stderr, width=width, markup=False, highlight=False, emoji=False)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render something, with the text of its segments escaped; Rich's own commands to the terminal stay."""
        for segment in super().render(renderable, options):
            if segment.control or segment.text.isprintable() or segment.text == "\n":
                yield segment
            else:
                yield Segment("\n".join(map(printable, segment.text.split("\n"))), segment.style)


out = Screen(sys.stdout)
err = Screen(sys.stderr, stderr=True)


def open_datasets(names: Sequence[str], data: Path | None) -> list[Dataset]:
    """Open datasets by name; those that plug-ins give, such as the scenes, are made if they are not there yet.

    Raises
    ------
    InputError
        If a name is unknown or given twice, or a dataset is damaged.
    """
    from benchmark.datasets.catalog import DatasetPlugin, data_root, open_or_make
    from benchmark.execution.display import counting
    from benchmark.system.entry_points import list_plugins

    root = data_root(data)
    opened = []
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"dataset {name} is named twice")
        made = name not in list_plugins(DatasetPlugin) or (root / name).is_dir()
        with nullcontext(lambda done, total: None) if made else counting(f"making {name}", err) as progress:
            opened.append(open_or_make(name, root, progress))
    return opened


def check_order(method: str, dataset: str, data: Path | None) -> None:
    """Refuse a dataset and a method in each other's place.

    Raises
    ------
    InputError
        If they are.
    """
    from benchmark.datasets.catalog import data_root, list_datasets
    from benchmark.plugins.registry import MethodPlugin
    from benchmark.system.entry_points import list_plugins
    from benchmark.system.near_names import find_alike

    methods = list_plugins(MethodPlugin)
    if find_alike(method, methods) is None and method in {entry.name for entry in list_datasets(data_root(data))}:
        named = find_alike(dataset, methods)
        meant = f"wvad train {named} {method}" if named else f"wvad train METHOD {method}"
        raise InputError(f"{method} is a dataset, and the method comes first; the form is: {meant}")


def default_datasets(benchmarks: Sequence[str], data: Path | None) -> list[str]:
    """Return the benchmarks themselves if all of them are imported, else the scenes in their place."""
    from benchmark.datasets.catalog import data_root, list_datasets

    imported = {entry.name for entry in list_datasets(data_root(data))}
    return (
        list(benchmarks) if imported.issuperset(benchmarks) else [f"{terms.SCENES_PREFIX}{name}" for name in benchmarks]
    )


def say_simulated(scenes: Sequence[str], data: Path | None) -> None:
    """Say loudly that scenes stand in the place of benchmarks."""
    from benchmark.datasets.catalog import data_root

    err.print(
        f"not all of {', '.join(name.removeprefix(terms.SCENES_PREFIX) for name in scenes)} are imported in "
        f"{data_root(data)}: using the SIMULATED datasets {', '.join(scenes)}. "
        "Their numbers compare with nothing published.",
        style="bold yellow",
    )


def say_plan(planned: Sequence[Planned], choices: Choices) -> None:
    """Print what tables need together: the runs, how many of them are stored, and how long the rest takes."""
    from benchmark.training.jobs import distinct_jobs

    store = Results(choices.results).store
    jobs = distinct_jobs(job for _, jobs in planned for job in jobs)
    missing = [job for job in jobs if store.record(job.spec.key) is None]
    to_train = {"use": missing, "refresh": jobs, "only": []}[choices.cached]
    rest = f"{len(jobs) - len(missing)} stored, {len(to_train)} to train{_how_long(planned, to_train, choices)}"
    lines = [f"{plan.table}: {len(of)} runs on {', '.join(d.name for d in plan.datasets)}" for plan, of in planned]
    if len(lines) == 1:
        say(f"{lines[0]}: {rest}")
        return
    for line in lines:
        say(line)
    say(f"All together: {len(jobs)} distinct runs, {rest}")


def _how_long(planned: Sequence[Planned], jobs: Sequence[Job], choices: Choices) -> str:
    from benchmark.execution.executors.choice import count_side_by_side
    from benchmark.execution.forecast import expect_seconds, guess_seconds

    if not jobs:
        return ""
    workers = count_side_by_side(choices)
    seconds = expect_seconds([job.spec for job in jobs], Results(choices.results).store.records(), workers)
    if seconds is not None:
        return f", about {duration(seconds)}"
    seconds = guess_seconds((plan for plan, _ in planned), jobs, workers)
    return "" if seconds is None else f", about {duration(seconds)} by what they compute"


def do_and_show(
    planned: Sequence[Planned],
    choices: Choices,
    details: bool,
    selection: terms.Selection = "last",
    then: Callable[[Table], None] = lambda table: None,
) -> tuple[list[Outcome], list[FilledTable]]:
    """Do the distinct runs of planned tables; write, log and show the tables, and return them with the outcomes.

    The table of the last step is written whatever selection is shown. Verdicts are for the caller to say once more.

    Parameters
    ----------
    then
        What else is done with a table that has been shown, before it is logged.
    """
    from benchmark.execution import call
    from benchmark.tables.cells import fill_selections

    filled: list[FilledTable] = []

    def finish(plan: TablePlan) -> None:
        table = fill_selections(plan, Results(choices.results).store)
        filled.append(table)
        for wanted in dict.fromkeys(("last", selection)):
            paths = write_table(table, Results(choices.results), wanted)
        show_table(table[selection], paths, details)
        then(table[selection])

    return call.do_tables(planned, choices, err, finish), filled


def write_table(filled: FilledTable, results: Results, selection: terms.Selection) -> list[Path]:
    """Write a table's files under a selection, and return where; the CSV of `last` holds all that its runs have."""
    from reports.forms.files import table_texts

    shown = filled[selection]
    tables = filled.values() if selection == "last" else [shown]
    used = [t for t in tables if t is shown or any(cell.summary for cell in t.cells)]
    folder, texts = results.table_folder(shown.plan.folder), table_texts(shown, used, results.store)
    files = {f"{shown.name}.{end}": text.encode() for end, text in texts.items()}
    if shown.plan.study:
        from reports.figures.study import study_picture

        files |= {f"{shown.name}.png": picture for picture in study_picture(shown)}
    return write_files(folder, files)


def write_files(folder: Path, files: Mapping[str, bytes], option: str = "--results") -> list[Path]:
    """Write files into a folder that an option names, each whole or not at all, and return where."""
    from benchmark.system.files import replacing, writing_to

    with writing_to(folder, option):
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files.items():
            with replacing(folder / name) as file:
                file.write(content)
    return [folder / name for name in files]


def show_table(table: Table, paths: Sequence[Path], details: bool) -> None:
    """Print what a table says, the table with its caption and notes, and where its files are.

    Parameters
    ----------
    details
        Whether to print what stands below it, too; else it is named.
    """
    from reports.tables.document import make_document

    main, *below = make_document(table).parts
    say_verdicts([table])
    show_parts([main, *below] if details else [main])
    if below and not details:
        titles = ", ".join(part.title for part in below)
        say(f"Below it in the files, and printed with --details: {titles}.")
    say(f"Written: {', '.join(str(path) for path in paths)}")


def say_verdicts(tables: Sequence[Table]) -> None:
    """Print what tables say, in sentences that stand out."""
    from reports.tables.verdicts import verdicts

    for table in tables:
        name = f"{table.name}: " if len(tables) > 1 else ""
        for verdict in verdicts(table):
            out.print(f"{name}{verdict}", style="bold cyan", soft_wrap=not out.is_terminal)


def show_parts(parts: Iterable[Part]) -> None:
    """Print grids with their captions and notes."""
    from reports.forms.terminal import to_terminal

    for part in parts:
        out.print(to_terminal(part))
        for line in (*part.caption, *part.notes):
            say(line)


def show_metrics(metrics: Metrics) -> None:
    """Print all metrics of runs."""
    out.print(metrics.grid)
    for note in metrics.notes:
        say(note)


def say(line: str) -> None:
    """Print a line as it is; broken into several only on a terminal, by words."""
    out.print(line, soft_wrap=not out.is_terminal)


def warn(line: str) -> None:
    """Print a warning."""
    err.print(line, style="yellow", soft_wrap=not err.is_terminal)


def command_line() -> str:
    """Return the command line of this call, for whoever wants to repeat it."""
    return shlex.join(["wvad", *sys.argv[1:]])


def say_failures(outcomes: Sequence[Outcome]) -> int:
    """Print a line for each run that did not succeed; return the exit code."""
    from benchmark.runs.records import trouble_line

    code = 0
    for outcome in outcomes:
        if outcome.status != "ok":
            line = trouble_line(outcome.status, outcome.job.spec, outcome.reason)
            err.print(line, style="red", soft_wrap=True)
            code = 1
    return code
