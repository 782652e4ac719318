"""`wvad methods`: which methods and add-ons there are, and what one of them is made of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, get_args

import typer
from rich.table import Column, Table

from benchmark import terms
from benchmark.cli.common import out, say
from benchmark.system.errors import InputError, describe

if TYPE_CHECKING:
    from benchmark.plugins.about import About
    from benchmark.plugins.pipelines import Pipeline
    from benchmark.plugins.registry import AddOnPlugin, RecipePlugin
    from benchmark.plugins.settings import Setting
    from benchmark.plugins.sizes import Size

    Listed = tuple[RecipePlugin, About | str | None]
    """A plug-in and what its recipe says of it, or why it cannot be read."""

SHORT_NAMES: Mapping[terms.Benchmark, str] = {
    "ucf-crime": "UCF",
    "xd-violence": "XD",
    "shanghaitech": "ST",
    "avenue": "Avenue",
}
"""What narrow columns call the benchmarks."""


WIDE = 130
"""Columns of a terminal from which on titles of papers fit beside the rest."""


ON_FIDELITY = (
    "Fidelity: exact is equal to the authors' public code; exact given something is equal to it, given that; "
    "reconstructed is made from the text of the paper."
)
ON_FIGURES = (
    "Figures: as papers print them, in percent, on these features; * read elsewhere than in the method's own paper."
)
ON_NAMES = (
    "A method is asked for as METHOD[@PRESET][+ADD-ON...]. `wvad methods NAME` prints one's recipe with the source "
    "of every value, its presets, and its size."
)


def register(app: typer.Typer) -> None:
    """Add the command to the command line."""
    app.command()(methods)


def methods(
    name: Annotated[
        str | None,
        typer.Argument(help="Name a method as METHOD[@PRESET][+ADD-ON...], or an add-on; by default all are listed."),
    ] = None,
    benchmark: Annotated[
        terms.Benchmark | None, typer.Option(help="Show the recipe for this benchmark.", show_default="ucf-crime")
    ] = None,
    profile: Annotated[
        terms.Profile | None, typer.Option(help="Show the recipe of this profile.", show_default="paper")
    ] = None,
    dim: Annotated[
        int | None,
        typer.Option(min=1, max=65_536, help="Measure the method on features of this size.", show_default="2048"),
    ] = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="List the figures that papers print for the methods.")
    ] = False,
) -> None:
    """List methods and add-ons with their papers, or print one's recipe with its size and the source of every value."""
    if name is None:
        if (benchmark, profile, dim) != (None, None, None):
            raise InputError("--benchmark, --profile and --dim are for one method: name it, as in wvad methods rtfm")
        _list_plugins(_tabulate_figures if figures else _tabulate_papers)
        say(ON_FIGURES if figures else ON_FIDELITY)
        if not figures:
            say("`wvad methods --figures` lists the figures that papers print.")
        say(ON_NAMES)
    elif figures:
        raise InputError(f"--figures is for the list of all; wvad methods {name} prints those of {name} with the rest")
    else:
        _show(name, benchmark or "ucf-crime", profile or "paper", dim or 2048)


def _list_plugins(tabulate: Callable[[str, Sequence[Listed]], Table]) -> None:
    from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
    from benchmark.system.entry_points import list_plugins

    kinds: tuple[type[RecipePlugin], ...] = (MethodPlugin, AddOnPlugin)
    for kind in kinds:
        out.print(tabulate(kind.kind, [(plugin, _ask(plugin)) for plugin in list_plugins(kind).values()]))


def _ask(plugin: RecipePlugin) -> About | str | None:
    """Return what the recipe says about a plug-in, or why it cannot be read."""
    from benchmark.plugins.recipes import read_about

    try:
        return read_about(plugin)
    except InputError as error:
        return str(error)
    except Exception as error:  # somebody else's plug-in takes no other from the list
        return describe(error)


def _tabulate_papers(kind: str, rows: Sequence[Listed]) -> Table:
    """Draw who published a method, what it is told, and how near the code is.

    On a narrow terminal a paper has no title, its venue stands behind the authors, and fidelity is a word or two.
    """
    wide = out.width >= WIDE
    grid = Table(Column(kind, no_wrap=True), Column("paper, or class", overflow="fold"))
    for name in ["venue", "year"] if wide else ["year"]:
        grid.add_column(name, no_wrap=name == "year")
    for name, width in (("supervision", 11), ("fidelity", 13), *([("from", 10)] if wide else [])):
        grid.add_column(name, overflow="fold", min_width=width, max_width=24)
    for plugin, about in rows:
        if about is None or isinstance(about, str):
            cells = [about or plugin.attribute, *[""] * (4 if wide else 3)]
        else:
            told, year = terms.SUPERVISION_NAMES[about.supervision], str(about.year)
            if wide:
                cells = [f"{about.paper}\n{about.authors}", about.venue, year, told, about.faithfulness]
            else:
                cells = [f"{about.authors}, {about.venue}", year, told, about.fidelity.replace("-", " ")]
        grid.add_row(plugin.name, *cells, *([plugin.distribution] if wide else []))
    return grid


def _tabulate_figures(kind: str, rows: Sequence[Listed]) -> Table:
    """Draw a column for each benchmark that one of the methods has a figure on, and a line for each features."""
    heads = [about for _, about in rows if about is not None and not isinstance(about, str)]
    found = {(figure.benchmark, figure.metric) for about in heads for figure in about.published}
    columns = sorted(found, key=lambda column: (get_args(terms.Benchmark).index(column[0]), column[1]))
    grid = Table(Column(kind, no_wrap=True))
    for benchmark, metric in columns:
        grid.add_column(f"{SHORT_NAMES.get(benchmark, benchmark)}\n{terms.METRIC_NAMES[metric]}", no_wrap=True)
    grid.add_column("features", overflow="fold")
    for plugin, about in rows:
        if about is None or isinstance(about, str):
            grid.add_row(plugin.name, *[""] * len(columns), about or "")
        else:
            grid.add_row(plugin.name, *(_figures(about, column) for column in columns), "\n".join(_features(about)))
    return grid


def _features(about: About) -> list[str]:
    return list(dict.fromkeys(figure.features for figure in about.published))


def _figures(about: About, column: tuple[str, str]) -> str:
    """Return a method's figures of one column, a line for each features."""
    figures = [figure for figure in about.published if (figure.benchmark, figure.metric) == column]
    lines = {figure.features: f"{figure.value:g}{'*' if figure.source else ''}" for figure in reversed(figures)}
    return "\n".join(lines.get(features, "") for features in _features(about))


def _show(name: str, benchmark: terms.Benchmark, profile: terms.Profile, dim: int) -> None:
    from benchmark.plugins.registry import AddOnPlugin, MethodPlugin
    from benchmark.system.entry_points import list_plugins
    from benchmark.system.near_names import find_alike

    add_ons = list_plugins(AddOnPlugin)
    add_on = find_alike(name, add_ons)
    if add_on is not None and find_alike(name, list_plugins(MethodPlugin)) is None:
        _show_add_on(add_ons[add_on], benchmark, dim)
    else:
        _show_pipeline(name, benchmark, profile, dim)


def _show_pipeline(name: str, benchmark: terms.Benchmark, profile: terms.Profile, dim: int) -> None:
    from benchmark.plugins.pipelines import find_pipeline
    from benchmark.plugins.recipes import read_recipe, resolve_recipe
    from benchmark.plugins.sizes import measure_pipeline

    pipeline = find_pipeline(name)
    recipe, _ = resolve_recipe(pipeline, benchmark, profile)
    for plugin in (pipeline.method, *pipeline.add_ons):
        _say_about(plugin)
    _print_settings(f"{name} on {benchmark}, profile {profile}", recipe.sections)
    method, _ = pipeline.load()
    title = pipeline.title(method.Config.model_validate(recipe.values("config")))
    _say_size(title, dim, lambda: measure_pipeline(pipeline, recipe, dim))
    _print_space(pipeline, profile)
    for preset, block in read_recipe(pipeline.method).presets.items():
        say(f"Preset {pipeline.method.name}@{preset}: {block.description}")


def _show_add_on(plugin: AddOnPlugin, benchmark: terms.Benchmark, dim: int) -> None:
    from benchmark.plugins.recipes import add_on_settings
    from benchmark.plugins.sizes import measure_add_on

    add_on = plugin.load()
    settings = add_on_settings(plugin, add_on, benchmark)
    _say_about(plugin)
    _print_settings(f"add-on {plugin.name} on {benchmark}, any profile", {plugin.name: settings})
    _say_size(add_on.title or add_on.__name__, dim, lambda: measure_add_on(plugin, benchmark, dim))
    say(f"It goes in front of a method: METHOD+{plugin.name}")


def _say_about(plugin: RecipePlugin) -> None:
    from benchmark.plugins.recipes import read_about

    origin = f", from {plugin.distribution}" if plugin.distribution else ""
    say(f"{plugin.kind.capitalize()} {plugin.name}: {plugin.module}:{plugin.attribute}{origin}")
    about = read_about(plugin)
    if about is None:
        return
    say(f"{about.paper} ({about.authors}, {about.venue} {about.year})")
    say(f"Code: {about.code or 'none is public'}")
    say(f"Fidelity: {about.faithfulness}. {about.fidelity_note}".rstrip())
    grouped: dict[tuple[str, str], list[str]] = {}
    for figure in about.published:
        in_words = f"{figure.benchmark} {terms.METRIC_NAMES[figure.metric]} {figure.value:g}"
        grouped.setdefault((figure.features, figure.source), []).append(in_words)
    for (features, source), figures in grouped.items():
        say(f"Published, features {features}{source and f', as in {source}'}: {', '.join(figures)}")


def _print_settings(title: str, sections: Mapping[str, Mapping[str, Setting]]) -> None:
    grid = _of_settings("value", title)
    for section, values in sections.items():
        for key, leaf in values.items():
            grid.add_row(f"{section}.{key}", "null" if leaf.value is None else str(leaf.value), leaf.source, leaf.note)
    out.print(grid)


def _print_space(pipeline: Pipeline, profile: terms.Profile) -> None:
    """Print what `wvad tune` draws from."""
    from benchmark.plugins.search_space import resolve_space
    from reports.tables.settings import said_range

    grid = _of_settings("searched in", f"what wvad tune searches, profile {profile}")
    for name, range_ in resolve_space(pipeline, profile).items():
        grid.add_row(name, said_range(range_), range_.source, range_.note)
    out.print(grid)


def _of_settings(what: str, title: str) -> Table:
    """Return an empty table of settings, in which no name is broken and no value or command is cut."""
    name, note = Column("setting", no_wrap=True), Column("note", overflow="fold")
    return Table(name, Column(what, overflow="fold"), "source", note, title=title)


def _say_size(title: str, dim: int, measure: Callable[[], Size]) -> None:
    from benchmark.plugins.sizes import SNIPPETS

    try:
        size = measure()
    except Exception as error:  # somebody else's method need not run without values
        say(f"The size of {title} cannot be counted: {describe(error)}")
    else:
        say(
            f"{title} has {size.parameters:,} parameters at dimension {dim}, and takes "
            f"{size.multiply_adds:,} multiply-adds per snippet and crop, when a video of {SNIPPETS} snippets is scored."
        )
