"""The tables of docs/extractors.md that are made of the code: `python -m tests.documentation.extractor_tables`."""

import re
from collections.abc import Iterator
from pathlib import Path

import torch

from benchmark.extraction.crops import count_crops
from benchmark.extraction.extractors.published import NETWORKS
from benchmark.extraction.recipe import PARTS, Recipe
from benchmark.extraction.recipes import RECIPES
from benchmark.terms import SNIPPET_FRAMES

PAGE = Path(__file__).parents[2] / "docs" / "extractors.md"
OVERVIEW = "made of the code: python -m tests.documentation.extractor_tables"
END = "<!-- end -->\n"


def sizes(recipe: Recipe) -> tuple[int, int]:
    """Return the dimensions of the feature, and the parameters of the network."""
    with torch.device("meta"):  # no memory is taken, and nothing computed
        network = NETWORKS[recipe.network]()
        length = (SNIPPET_FRAMES,) if recipe.kind == "clip" else ()
        features = network(torch.empty(1, 3, *length, recipe.height, recipe.width))
    return features.shape[1], sum(parameter.numel() for parameter in network.parameters())


def colours(recipe: Recipe) -> str:
    if isinstance(recipe.normalise, str):
        return f"`{recipe.normalise}`"
    mean, std = recipe.normalise
    return f"mean {_levels(mean)}, deviation {_levels(std)}, of 255"


def overview() -> Iterator[str]:
    yield "| | network | dimensions | parameters | crops | colours | tail |"
    yield "|---|---|---|---|---|---|---|"
    for name, recipe in RECIPES.items():
        dim, parameters = sizes(recipe)
        cells = [f"[`{name}`](#{name})", recipe.network, str(dim), f"{parameters / 1e6:.1f} M"]
        cells += [f"`{recipe.crops}`, {count_crops(recipe.crops)}", colours(recipe), f"`{recipe.tail}`"]
        yield f"| {' | '.join(cells)} |"


def parts(recipe: Recipe) -> Iterator[str]:
    yield "| part | value |"
    yield "|---|---|"
    yield f"| network, layer | {recipe.network}: {recipe.layer} |"
    yield f"| dimensions | {sizes(recipe)[0]} |"
    seen = "together" if recipe.kind == "clip" else "each by itself, then their mean"
    for part in PARTS:
        value = getattr(recipe, part)
        word = colours(recipe) if part == "normalise" else f"`{value}`" if value is not None else "as it decodes"
        yield f"| `{part}` | {word}{f', {seen}' if part == 'frames' else ''} |"


def _levels(values: tuple[float, ...]) -> str:
    return f"({', '.join(f'{255 * value:.4g}' for value in values)})"


def with_tables(page: str) -> str:
    """Return the page with the tables as the code has them now."""
    tables = {OVERVIEW: overview(), **{f"recipe of {name}": parts(recipe) for name, recipe in RECIPES.items()}}
    for name, rows in tables.items():
        start = f"<!-- {name} -->\n"
        table = start + "\n".join(rows) + "\n" + END
        page, found = re.subn(f"{re.escape(start)}.*?{re.escape(END)}", lambda _, t=table: t, page, flags=re.DOTALL)  # type: ignore[misc]
        if found != 1:
            raise ValueError(f"{PAGE.name}: {found} places for `{start.strip()}`")
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
