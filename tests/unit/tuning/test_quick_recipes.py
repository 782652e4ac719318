"""The quick values of the built-in recipes: found by one procedure, and none of them otherwise."""

import pytest

from benchmark.plugins.pipelines import Pipeline, find_pipeline
from benchmark.plugins.recipes import Block, read_recipe, resolve_recipe
from benchmark.plugins.registry import MethodPlugin
from benchmark.plugins.search_space import resolve_space
from benchmark.system.entry_points import list_plugins
from benchmark.tuning.drawing import draw_at_random

KEPT = {"bn-svp", "gcl", "mgfn"}
"""Methods that keep what they had: of the 20 trials none was better (docs/tuning.md)."""
UNSEARCHED = {"ssrl", "tevad", *KEPT}
"""Those, and two that cannot be searched there: the simulated datasets have no patches and no text."""
BUILT_IN = [name for name, plugin in list_plugins(MethodPlugin).items() if plugin.module.startswith("methods.")]
DATASETS = "scenes-ucf-crime,scenes-xd-violence,scenes-shanghaitech"
TRIALS = 20
SEARCHED = ["learning_rate", "weight_decay", "steps", "dropout", "penalty", "upper_bound"]


@pytest.mark.parametrize("name", sorted(set(BUILT_IN) - UNSEARCHED))
def test_quick_values_are_one_of_the_trials_of_the_same_search_for_all(name: str) -> None:
    pipeline = find_pipeline(name)
    quick = read_recipe(pipeline.method).profiles["quick"]
    leaves = {f"training.{key}": leaf for key, leaf in quick.training.items()}
    leaves |= {f"config.{key}": leaf for key, leaf in quick.config.items()}
    leaves = {key: leaf for key, leaf in leaves.items() if leaf.source != "estimate"}
    space = resolve_space(pipeline, "quick")
    searched = {key: range_ for key, range_ in space.items() if key.partition(".")[2] in SEARCHED}
    assert leaves.keys() == searched.keys()
    keys = ",".join(key.partition(".")[2] for key in searched)
    command = f"wvad tune {name} --dataset {DATASETS} --trials {TRIALS} --search {keys}"
    assert {(leaf.source, leaf.note) for leaf in leaves.values()} == {("search", command)}
    values = {key: leaf.value for key, leaf in leaves.items()}
    assert values in [draw_at_random(searched, number) for number in range(TRIALS)]


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_not_searched_makes_a_training_smaller_or_leaves_something_out(name: str) -> None:
    quick = read_recipe(find_pipeline(name).method).profiles.get("quick", Block())
    leaves = {**quick.training, **quick.config}
    estimates = {key for key, leaf in leaves.items() if leaf.source == "estimate"}
    allowed = {"segments", "schedule", "window", "score_by"}
    allowed |= {"width", "feature_width", "layers", "heads", "max_combinations"}
    assert estimates <= allowed | ({"steps", "learning_rate"} if name in UNSEARCHED else set())
    assert (name in UNSEARCHED) == (len(estimates) == len(leaves))


@pytest.mark.parametrize("name", BUILT_IN)
def test_no_quick_value_says_that_it_is_not_tuned(name: str) -> None:
    recipe, _ = resolve_recipe(find_pipeline(name), "ucf-crime", "quick")
    for key in ("learning_rate", "weight_decay", "steps"):
        assert "not tuned" not in recipe.sections["training"][key].note.lower()


def presets() -> list[str]:
    return [
        f"{name}@{preset}"
        for name in sorted(set(BUILT_IN) - UNSEARCHED)
        for preset in read_recipe(find_pipeline(name).method).presets
    ]


@pytest.mark.parametrize("name", presets())
def test_a_preset_with_values_of_its_own_takes_none_that_was_searched_for_others(name: str) -> None:
    pipeline: Pipeline = find_pipeline(name)
    own = read_recipe(pipeline.method).presets[str(pipeline.preset)]
    recipe, _ = resolve_recipe(pipeline, "ucf-crime", "quick")
    found = {leaf.source for section in recipe.sections.values() for leaf in section.values()}
    assert ("search" in found) == (not own.config and not own.training and not own.benchmarks)
