"""The tables of docs/methods/README.md that are made of the recipes: `python -m tests.documentation.method_index`."""

from collections.abc import Iterator
from pathlib import Path

from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import read_about, resolve_recipe
from benchmark.plugins.registry import MethodPlugin
from benchmark.plugins.sizes import measure_pipeline
from benchmark.system.entry_points import list_plugins
from benchmark.terms import SUPERVISION_NAMES

PAGE = Path(__file__).parents[2] / "docs" / "methods" / "README.md"
START, END = "<!-- made of the recipes: python -m tests.documentation.method_index -->\n", "<!-- end -->\n"
SIZES = (256, 1024, 2048)


def built_in() -> list[MethodPlugin]:
    """The suite's own methods, in the order of their publication."""
    plugins = [plugin for plugin in list_plugins(MethodPlugin).values() if plugin.module.startswith("methods.")]
    return sorted(plugins, key=lambda plugin: (about.year if (about := read_about(plugin)) else 0, plugin.name))


def rows() -> Iterator[str]:
    yield f"| method | | paper | fidelity | learns from | parameters at D = {SIZES[0]} | {SIZES[1]} | {SIZES[2]} |"
    yield "|---|---|---|---|---|---|---|---|"
    for plugin in built_in():
        method, about, pipeline = plugin.load(), read_about(plugin), find_pipeline(plugin.name)
        assert about is not None
        recipe, _ = resolve_recipe(pipeline, "ucf-crime", "paper")
        paper = f"{about.authors}, {about.venue} {about.year}"
        told = SUPERVISION_NAMES[method.supervision] + ("; classes, if given" if "classes" in method.inputs else "")
        cells = [
            f"[{pipeline.title(method.Config.model_validate(recipe.values('config')))}]({plugin.name}.md)",
            f"`{plugin.name}`",
            f"[{paper}]({about.code})" if about.code else paper,
            about.faithfulness,
            told,
            *(f"{measure_pipeline(pipeline, recipe, dim).parameters:,}" for dim in SIZES),
        ]
        yield f"| {' | '.join(cells)} |"


def with_index(page: str) -> str:
    """Return the page with the table as the recipes have it now."""
    before, rest = page.split(START)
    return before + START + "\n".join(rows()) + "\n" + END + rest.split(END)[1]


if __name__ == "__main__":
    PAGE.write_text(with_index(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
