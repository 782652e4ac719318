"""The built-in recipes: complete, sourced, and accepted by the methods."""

from pathlib import Path

import pytest
import yaml

import methods
from benchmark.plugins.registry import MethodPlugin
from benchmark.system.entry_points import list_plugins
from benchmark.terms import Training

PLUGINS = [plugin for plugin in list_plugins(MethodPlugin).values() if plugin.distribution == "wvad-bench"]
CLASSES = {plugin.recipe_path().stem: plugin.load() for plugin in PLUGINS if plugin.name != "binary-svm"}
CALLED = {plugin.recipe_path().stem: plugin.name for plugin in PLUGINS}
PARTS = ["benchmarks", "presets", "profiles"]
BENCHMARKS = {"ucf-crime", "xd-violence", "shanghaitech", "avenue"}
TRAINING = {
    "optimizer",
    "learning_rate",
    "weight_decay",
    "steps",
    "batch_size",
    "segments",
    "crops",
    "looks",
    "numerics",
    "unit_features",
}
"""Settings that every recipe names; the others it names where they are not at their defaults."""


def recipe(name):
    (path,) = Path(methods.__file__).parent.rglob(f"{name}.yaml")
    return yaml.safe_load(path.read_text())


def values(block):
    return {key: leaf["value"] for key, leaf in block.items()}


@pytest.mark.parametrize("name", CLASSES)
def test_default_block_names_every_setting(name):
    default = recipe(name)["default"]
    assert set(default["config"]) == set(CLASSES[name].Config.model_fields)
    assert set(Training.model_fields) >= set(default["training"]) >= TRAINING
    for key in set(default["training"]) - TRAINING:
        assert default["training"][key]["value"] != Training.model_fields[key].default


@pytest.mark.parametrize("name", CLASSES)
def test_default_block_equals_the_config_defaults(name):
    assert CLASSES[name].Config(**values(recipe(name)["default"]["config"])) == CLASSES[name].Config()


@pytest.mark.parametrize("name", CLASSES)
def test_every_value_has_a_source_and_every_estimate_a_note(name):
    content = recipe(name)
    parts = [content["default"], *(b for part in PARTS for b in content.get(part, {}).values())]
    for block in parts:
        for leaf in [*block.get("config", {}).values(), *block.get("training", {}).values()]:
            assert set(leaf) <= {"value", "source", "note"}
            assert leaf["source"] in {"paper", "official-code", "estimate", "search"}
            assert leaf["source"] != "estimate" or leaf["note"].endswith(".")
            assert leaf["source"] != "search" or f"wvad tune {CALLED[name]}" in leaf["note"]


@pytest.mark.parametrize("name", CLASSES)
def test_all_four_benchmarks_have_a_block_and_every_block_makes_a_valid_config(name):
    content = recipe(name)
    assert set(content["benchmarks"]) == BENCHMARKS
    default = values(content["default"]["config"])
    for part in PARTS:
        for block in content.get(part, {}).values():
            assert set(block.get("training", {})) <= set(Training.model_fields)
            CLASSES[name].Config(**default | values(block.get("config", {})))


@pytest.mark.parametrize(
    ("dataset", "alpha", "batch_size", "segments"),
    [("ucf-crime", 0.1, 32, 16), ("xd-violence", 1.0, 8, 16), ("shanghaitech", 0.4, 32, 8), ("avenue", 0.1, 1, 8)],
)
def test_clav_follows_the_paper_per_benchmark(dataset, alpha, batch_size, segments):
    block = recipe("clav")["benchmarks"][dataset]
    assert block["config"]["alpha"] == {"value": alpha, "source": "paper"}
    assert values(block["training"]) == {"batch_size": batch_size, "segments": segments}
