"""The recipes against the settings that the papers print, as `results/paper/recipes.csv` lists them."""

import csv
from pathlib import Path
from typing import get_args

import pytest
import yaml

import methods
from benchmark.plugins.pipelines import find_pipeline
from benchmark.plugins.recipes import read_recipe, resolve_recipe
from benchmark.plugins.registry import MethodPlugin
from benchmark.plugins.settings import Setting
from benchmark.system.entry_points import list_plugins
from benchmark.terms import PublicBenchmark
from methods.clav.config import PRINTED_ALPHA

TABLE = Path(methods.__file__).parents[1] / "results" / "paper" / "recipes.csv"
with TABLE.open(newline="", encoding="utf-8") as file:
    PRINTED = list(csv.DictReader(file))
BUILT_IN = [name for name, plugin in list_plugins(MethodPlugin).items() if plugin.module.startswith("methods.")]
BENCHMARKS: tuple[PublicBenchmark, ...] = get_args(PublicBenchmark)


def presets(method: str) -> list[str]:
    return list(read_recipe(find_pipeline(method).method).presets)


def settings(reference: str, benchmark: PublicBenchmark) -> dict[str, Setting]:
    recipe, _ = resolve_recipe(find_pipeline(reference), benchmark, "paper")
    return {f"{name}.{key}": leaf for name, section in recipe.sections.items() for key, leaf in section.items()}


def expanded() -> list[tuple[str, PublicBenchmark, str, object, bool]]:
    """A row for each benchmark: method, benchmark, setting, value, and whether it is known from memory only."""
    return [
        (row["method"], benchmark, row["setting"], yaml.safe_load(row["value"]), row["known_from"] == "memory")
        for row in PRINTED
        for benchmark in BENCHMARKS
        if row["benchmark"] in ("", benchmark)
    ]


def test_each_row_says_where_its_value_is_printed_and_how_it_is_known() -> None:
    assert {row["known_from"] for row in PRINTED} == {"text", "comparison with the code", "memory"}
    assert all(row["where"] for row in PRINTED)
    assert {row["benchmark"] for row in PRINTED} <= {"", *BENCHMARKS}
    keys = [(method, benchmark, setting) for method, benchmark, setting, *_ in expanded()]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize(("method", "dataset", "setting", "value", "remembered"), expanded())
def test_the_recipe_has_what_the_paper_prints(
    method: str, dataset: PublicBenchmark, setting: str, value: object, remembered: bool
) -> None:
    leaf = settings(f"{method}@paper" if "paper" in presets(method) else method, dataset)[setting]
    assert (leaf.value, type(leaf.value)) == (value, type(value))
    assert leaf.source == ("estimate" if remembered else "paper")
    assert leaf.note.startswith("The paper, from memory") == remembered


def test_alpha_of_the_target_is_the_one_that_is_printed() -> None:
    printed = {row[1]: row[3] for row in expanded() if (row[0], row[2]) == ("clav", "config.alpha")}
    assert printed == PRINTED_ALPHA


@pytest.mark.parametrize("reference", [f"{m}{p}" for m in BUILT_IN for p in ("", *(f"@{p}" for p in presets(m)))])
def test_a_value_with_source_paper_is_printed(reference: str) -> None:
    method = reference.partition("@")[0]
    printed = {row[:4] for row in expanded() if not row[-1]}
    claimed = {
        (method, benchmark, key, leaf.value)
        for benchmark in BENCHMARKS
        for key, leaf in settings(reference, benchmark).items()
        if leaf.source == "paper"
    }
    assert claimed <= printed
