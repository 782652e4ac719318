import shutil
from pathlib import Path

import pytest

from benchmark.errors import InputError
from benchmark.recipes import Recipe, resolve_recipe
from benchmark.registry import Plugin, find_method

PLUGIN = Path(__file__).parents[1] / "plugins" / "mean_mil.py"
RECIPE = """
method: mean_mil
default:
  config: {hidden: {value: 32, source: paper}}
  training: {steps: {value: 5000, source: official-code}, batch_size: {value: 30, source: paper}}
benchmarks:
  avenue: {training: {batch_size: {value: 1, source: paper}}}
profiles:
  quick: {training: {learning_rate: {value: 0.01, source: estimate}}}
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Plugin:
    shutil.copy(PLUGIN, tmp_path / "mean_mil.py")
    (tmp_path / "mean_mil.yaml").write_text(RECIPE)
    return find_method(f"{tmp_path / 'mean_mil.py'}:MeanMIL")


def resolved(plugin: Plugin, benchmark: str = "other", profile: str = "paper", *overrides: str) -> Recipe:
    return resolve_recipe(plugin, benchmark, profile, overrides)[0]  # type: ignore[arg-type]


def test_a_method_without_recipe_gets_its_defaults_and_the_suites() -> None:
    recipe = resolved(find_method(f"{PLUGIN}:MeanMIL"))
    assert recipe.values("config") == {"hidden": 16, "spoil": ""}
    assert recipe.training().batch_size == 32
    assert {leaf.source for leaf in recipe.sections["training"].values()} == {"suite"}


def test_later_blocks_win_and_every_value_keeps_its_source(plugin: Plugin) -> None:
    training = resolved(plugin, "avenue").sections["training"]
    assert (training["steps"].value, training["steps"].source) == (5000, "official-code")
    assert (training["batch_size"].value, training["batch_size"].source) == (1, "paper")
    assert resolved(plugin, "ucf-crime").training().batch_size == 30
    assert resolved(plugin).values("config")["hidden"] == 32


def test_quick_limits_size_but_never_enlarges(plugin: Plugin) -> None:
    quick, small = resolved(plugin, "other", "quick").training(), resolved(plugin, "avenue", "quick").training()
    assert (quick.steps, quick.batch_size, quick.crops, quick.learning_rate) == (200, 12, 1, 0.01)
    assert small.batch_size == 1


def test_settings_win_over_all_and_may_name_method_and_section(plugin: Plugin) -> None:
    for text in ("steps=7", "training.steps=7", "mean_mil.py:MeanMIL.steps=7", "mean_mil.py:MeanMIL.training.steps=7"):
        recipe, used = resolve_recipe(plugin, "other", "quick", [text])
        assert recipe.training().steps == 7
        assert recipe.sections["training"]["steps"].source == "command line"
        assert used == {text}


def test_settings_of_other_methods_are_left_alone(plugin: Plugin) -> None:
    recipe, used = resolve_recipe(plugin, "other", "quick", ["rtfm.steps=7", "alpha=1"])
    assert used == set()
    assert recipe.training().steps == 200


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps=many", r"recipe of mean_mil.py:MeanMIL: steps: .*integer"),
        ("steps=0", r"steps: .*greater than or equal to 1"),
        ("hidden=[", r"--set hidden=\[: the value cannot be read"),
        ("steps", r"--set steps: write KEY=VALUE"),
    ],
)
def test_a_wrong_setting_is_one_line(plugin: Plugin, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        resolved(plugin, "other", "quick", text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("steps:", "stepz:"),
        ("value: 5000", "value: many"),
        ("hidden:", "hiden:"),
        ("source: paper", "source: hearsay"),
        ("source: paper", "source: suite"),
        ("benchmarks:", "benchmark:"),
        ("avenue:", "avenu:"),
        ("method: mean_mil", "method: rtfm"),
        ("default:", "default:\n  inputs: {motoin: {value: none, source: estimate}}"),
    ],
)
def test_what_a_recipe_cannot_say_is_refused(plugin: Plugin, tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "mean_mil.yaml").write_text(RECIPE.replace(old, new, 1))
    with pytest.raises(InputError, match="recipe"):
        resolved(plugin)
